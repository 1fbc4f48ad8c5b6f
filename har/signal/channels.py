"""Channel names: which sensors of which devices the columns of a signal are."""

from collections.abc import Sequence

UNITS = {"acc": "g", "gyro": "rad/s", "mag": "uT"}
SENSOR_KINDS = tuple(UNITS)

# (placement text, {plain channel name: column}) of each device of a signal
Devices = list[tuple[str | None, dict[str, int]]]


def triads(channels: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Channel names -> [(sensor kind, columns of x, y, z), ...], in the order of ``SENSOR_KINDS``."""
    names = list(channels)
    return [
        (kind, [names.index(f"{kind}_{axis}") for axis in "xyz"])
        for kind in SENSOR_KINDS
        if all(f"{kind}_{axis}" in names for axis in "xyz")
    ]


def parse_devices(channels: Sequence[str], placement: str | None) -> Devices:
    """Channel names -> the devices that they name.

    channels: ``acc_x`` ... ``mag_z`` in any order, for several devices ``<placement>/acc_x``. placement: of the one
    device, free text or None.

    Raises ``ValueError`` for names that are none of these, given twice, or of a sensor without all of x, y and z.
    """
    if isinstance(channels, str) or not len(channels):
        raise ValueError(f"channels is {channels!r}; expected a list of names such as acc_x, acc_y, acc_z")
    devices: dict[str | None, dict[str, int]] = {}
    for column, name in enumerate(channels):
        place, _, plain = name.rpartition("/")
        if place and placement is not None:
            raise ValueError(
                f"channel {name!r} names its placement, and placement={placement!r} too; pass placement=None"
            )
        columns = devices.setdefault(place or placement, {})
        kind, _, axis = plain.partition("_")
        if kind not in SENSOR_KINDS or axis not in ("x", "y", "z"):
            raise ValueError(
                f"channel {name!r}; expected acc_x ... acc_z, gyro_x ... gyro_z or mag_x ... mag_z, optionally after "
                "'<placement>/'"
            )
        if plain in columns:
            raise ValueError(f"channel {name!r} is given twice")
        columns[plain] = column
    for place, columns in devices.items():
        names = list(columns)
        whole = {names[i] for _, order in triads(names) for i in order}
        if set(columns) != whole:
            raise ValueError(
                f"channels {sorted(set(columns) - whole)} of {place or 'the device'} lack an axis; a sensor has x, y "
                "and z"
            )
    return list(devices.items())
