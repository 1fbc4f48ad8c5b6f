"""Sensors of one or several tables -> devices on grids of their own, in the units and signs of the network."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from har.readers.counts import Counts
from har.readers.layout import Sensor, placement_of
from har.readers.options import Options
from har.readers.reading import Reading, shift_of
from har.readers.recording import Device, Piece, ReaderError, Recording
from har.readers.store import Run, Store, Track, join
from har.readers.units import Unit, accelerometer_unit, gyroscope_unit, magnetometer_unit

_AXES = {"acc": "acc", "linear": "acc", "gravity": "acc", "gyro": "gyro", "mag": "mag"}
_SHIFTED_MOST_S = 7 * 86_400.0  # between files of one recording


@dataclass
class Part:
    """A sensor of a table. unit: None as long as it is not told. sign: -1 where gravity counts downwards."""

    reading: Reading
    place: int  # of the sensor in the reading's layout
    sign: float = 1.0
    unit: Unit | None = None
    scale: float = 1.0
    store: Store = field(default_factory=lambda: Store(3))

    @property
    def sensor(self) -> Sensor:
        return self.reading.layout.sensors[self.place]

    @property
    def kind(self) -> str:
        return self.sensor.kind


@dataclass
class Wearable:
    """The parts of one device before they are joined. placement: as the format knows."""

    parts: list[Part]
    placement: str | None = None
    name: str = ""


def assemble(
    name: str,
    wearables: Sequence[Wearable],
    options: Options,
    notes: list[str],
    source: Path,
    zero_time: datetime | None = None,
) -> Recording:
    """zero_time: when the stamps of the tables were 0, where they tell no date.

    Raises ``ReaderError`` where no accelerometer is among the sensors, or a unit cannot be told."""
    readings = list({id(p.reading): p.reading for w in wearables for p in w.parts}.values())
    base, zero_s = _one_clock(readings, notes)
    rates = []
    for wearable in wearables:
        leader = _leader(wearable.parts)
        rate = leader.reading.rate_of(leader.sensor)
        rates.append(rate)
        told: list[str] = []
        _tell_units(wearable, leader, rate, options, told)
        whose = f"{wearable.placement or wearable.name or 'phone'}: " if len(wearables) > 1 else ""
        notes += [whose + text for text in told]
    first_s = _shift_to_first_sample(readings, wearables)
    for reading in readings:
        chosen = [(p, rate) for w, rate in zip(wearables, rates, strict=True) for p in w.parts if p.reading is reading]
        if chosen:
            stores = {p.place: (p.store, rate) for p, rate in chosen}
            reading.stream(stores, {p.place: p.scale for p, _ in chosen})
    devices = [_device(w, rate, options, notes) for w, rate in zip(wearables, rates, strict=True)]
    if base is not None:
        start_time = base + timedelta(seconds=first_s)
    elif zero_time is not None:
        start_time = zero_time + timedelta(seconds=zero_s + first_s)
    else:
        start_time = None
    for reading in readings:
        notes += reading.notes
    damage = Counts()
    for reading in readings:
        damage.update(reading.damage)
    notes += damage.sentences()
    return Recording(name, tuple(devices), start_time, tuple(dict.fromkeys(notes)), source)


# --- Clocks -----------------------------------------------------------------------------------------------------------


def _one_clock(readings: list[Reading], notes: list[str]) -> tuple[datetime | None, float]:
    """Shift each reading onto the clock of all. Returns its second 0: when it was, and in stamps that tell no date."""
    dated = [r for r in readings if r.start is not None]
    if not dated:
        zeros = [r.clock.zero_s if r.clock is not None else 0.0 for r in readings]
        if len(readings) > 1:
            notes.append("no file tells a date: their clocks are taken to be one")
        for reading, zero in zip(readings, zeros, strict=True):
            reading.shift_s = zero - min(zeros)
        return None, min(zeros)
    if len({r.start.tzinfo is None for r in dated}) > 1 or len(dated) < len(readings):
        odd = next((r for r in readings if r.start is None), dated[0])
        raise ReaderError(
            f"{odd.table.where} tells no date or no time zone, and other files of the recording do; expected one "
            "clock. Give the files one by one"
        )
    base = min(r.start for r in dated)
    for reading in readings:
        reading.shift_s = shift_of(reading.start, base)
        if reading.shift_s > _SHIFTED_MOST_S:
            raise ReaderError(
                f"{reading.table.where} begins {reading.shift_s / 86_400:.0f} days after another file of the "
                "recording; expected one recording. Give the files one by one"
            )
    return base, 0.0


def _shift_to_first_sample(readings: list[Reading], wearables: Sequence[Wearable]) -> float:
    """Second 0 of the recording is the first sample of any accelerometer: then a regular one stays as it is."""
    firsts = []
    for wearable in wearables:
        leader = _leader(wearable.parts)
        seconds, _ = leader.reading.first_rows(leader.sensor)
        if len(seconds):
            firsts.append(float(seconds[0]) + leader.reading.shift_s)
    first = min(firsts, default=0.0)
    for reading in readings:
        reading.shift_s -= first
    return first


# --- Units ------------------------------------------------------------------------------------------------------------


def _leader(parts: list[Part]) -> Part:
    """The accelerometer whose grid the device takes."""
    for kind in ("acc", "linear", "gravity"):
        for part in parts:
            if part.kind == kind:
                return part
    reading = parts[0].reading if parts else None
    there = ", ".join(repr(name) for name in reading.table.names) if reading else ""
    raise ReaderError(
        f"{reading.table.where if reading else 'the recording'} has no accelerometer (its columns are {there}); "
        "expected "
        'three axes of one. Say which columns they are: columns={"acc_x": …, "acc_y": …, "acc_z": …}'
    )


def _tell_units(wearable: Wearable, leader: Part, rate: float, options: Options, notes: list[str]) -> None:
    """Units and scales of all parts; parts that cannot be used leave the wearable."""
    parts = wearable.parts
    by_kind = {part.kind: part for part in parts}
    if "acc" in by_kind or "linear" not in by_kind:
        dropped = [p for p in parts if p.kind in ("linear", "gravity") and p is not leader]
    else:
        dropped = []
    wearable.parts = parts = [part for part in parts if part not in dropped]
    where = leader.reading.table.where
    if leader.kind == "gravity":
        raise ReaderError(
            f"{where} holds the gravity sensor alone, which shows no movement; expected an accelerometer. Give the "
            "folder or archive with all files of the recording"
        )
    sums = [p for p in parts if _AXES[p.kind] == "acc"]
    acc = _accelerometer(sums, rate, options, where, notes)
    for part in list(parts):
        if part.kind == "gyro":
            named = options.units.get("gyro") or part.unit or part.sensor.unit
            _, samples = part.reading.first_rows(part.sensor)
            unit, evidence = gyroscope_unit(part.reading.table.where, *_together(part, acc, samples), rate, named)
            part.scale = unit.scale
            notes.append(evidence)
        elif part.kind == "mag":
            _, samples = part.reading.first_rows(part.sensor)
            unit = magnetometer_unit(samples, options.units.get("mag") or part.unit or part.sensor.unit)
            if unit is None:
                parts.remove(part)
                notes.append("the magnetometer is left out: neither a name nor the Earth's field tells its unit")
            else:
                part.scale = unit.scale


def _accelerometer(
    sums: list[Part], rate: float, options: Options, where: str, notes: list[str]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Scale of the parts that make the acceleration; returns first times and samples with gravity, in g."""
    leader = sums[0]
    named = options.units.get("acc") or leader.unit or leader.sensor.unit
    times, samples = _sum_of_first(sums)
    if len(sums) > 1:
        named_gravity = options.units.get("acc") or sums[1].unit or sums[1].sensor.unit
        same = named is None or named_gravity is None or named.scale == named_gravity.scale
        if not same:
            raise ReaderError(f"{where}: acceleration in {named.text} and gravity in {named_gravity.text}; give unit")
        notes.append("acceleration with gravity is the sum of linear acceleration and gravity")
    unit, evidence = accelerometer_unit(where, samples, rate, named)
    notes.append(evidence + (", as told" if "acc" in options.units else ""))
    if unit.scale < 0:
        notes.append("acceleration turned round, as told by the minus of its unit")
    for part in sums:
        part.scale = unit.scale * part.sign
    return times, samples * unit.scale


def _sum_of_first(sums: list[Part]) -> tuple[np.ndarray, np.ndarray]:
    times, samples = sums[0].reading.first_rows(sums[0].sensor)
    times = times + sums[0].reading.shift_s
    for other in sums[1:]:
        t, x = other.reading.first_rows(other.sensor)
        t = t + other.reading.shift_s
        samples = samples + np.stack([np.interp(times, t, axis, np.nan, np.nan) for axis in x.T], 1)
    return times, samples


def _together(part: Part, acc: tuple[np.ndarray, np.ndarray] | None, samples: np.ndarray) -> tuple:
    """Samples of a gyroscope, and the accelerometer's at the same times."""
    if acc is None or not len(acc[0]):
        return samples, None
    times, _ = part.reading.first_rows(part.sensor)
    times = times + part.reading.shift_s
    return samples, np.stack([np.interp(times, acc[0], axis) for axis in acc[1].T], 1)


# --- Devices ----------------------------------------------------------------------------------------------------------


def _device(wearable: Wearable, rate: float, options: Options, notes: list[str]) -> Device:
    parts = wearable.parts
    sums = [p for p in parts if _AXES[p.kind] == "acc"]
    order = [("acc", sums), *((kind, [p for p in parts if p.kind == kind]) for kind in ("gyro", "mag"))]
    order = [(kind, of) for kind, of in order if of]
    channels = tuple(f"{kind}_{axis}" for kind, _ in order for axis in "xyz")
    runs = sums[0].store.runs()
    if not runs:
        raise ReaderError(
            f"{sums[0].reading.table.where}: no two samples of the accelerometer follow each other within "
            f"{max(0.25, 3 / rate):g} s at {rate:g} Hz; expected a recording without a gap at every sample"
        )
    if len(parts) > 1:
        tracks = [([Track(p.store.runs()) for p in of], slice(3 * k, 3 * k + 3)) for k, (_, of) in enumerate(order)]
        runs = join(runs, tracks, len(channels))
        if len(sums) > 1:
            runs = [run for run in map(_without_empty_ends, runs) if len(run.samples)]
    if not runs:
        raise ReaderError(f"{sums[0].reading.table.where}: acceleration and gravity are never there together")
    pieces = tuple(Piece(run.first / rate, run.samples) for run in runs)
    placement = wearable.placement or placement_of(wearable.name)
    if placement and not wearable.placement:
        notes.append(f"worn at the {placement}, as the names of columns or files say")
    return Device(placement, channels, rate, pieces)


def _without_empty_ends(run: Run) -> Run:
    """Where one of two sensors began later or ended earlier, their sum is not there."""
    there = np.flatnonzero(np.isfinite(run.samples[:, 0]))
    if not len(there):
        return Run(run.first, run.samples[:0])
    return Run(run.first + int(there[0]), run.samples[there[0] : there[-1] + 1])


def wearables_of(readings: Sequence[Reading], notes: list[str]) -> list[Wearable]:
    """Sensors by the words that say whose they are; those without an accelerometer join the only one that has."""
    groups: dict[str, list[Part]] = defaultdict(list)
    for reading in readings:
        for place, sensor in enumerate(reading.layout.sensors):
            groups[sensor.whose].append(Part(reading, place, reading.layout.sign))
    accelerometers = ("acc", "linear", "gravity")
    leading = [w for w, parts in groups.items() if any(p.kind in accelerometers for p in parts)]
    leading = [w for w in leading if any(p.kind != "gravity" for p in groups[w])] or leading
    if len(leading) == 1:
        whole = [part for parts in groups.values() for part in parts]
        return [Wearable(_once(whole), name=leading[0])]
    alone = [w for w in groups if w not in leading]
    if alone:
        words = ", ".join(repr(w) for w in alone)
        notes.append(f"sensors of {words} are left out: they have no accelerometer of their own")
    return [Wearable(_once(groups[w]), name=w, placement=None) for w in leading]


def _once(parts: list[Part]) -> list[Part]:
    """Raises ``ReaderError`` where a device would have two sensors of a kind."""
    seen: dict[str, Part] = {}
    for part in parts:
        if part.kind in seen:
            one, two = (p.reading.table for p in (seen[part.kind], part))
            both = one.where if one is two else f"{one.where} and {two.where}"
            raise ReaderError(
                f"{both}: there are two sensors of the kind {part.kind!r}, and nothing says whose they are. Give "
                "one file, "
                'or say which columns are meant: columns={"acc_x": …, "acc_y": …, "acc_z": …}'
            )
        seen[part.kind] = part
    return parts
