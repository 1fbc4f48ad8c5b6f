"""The simulated datasets: who wears which device where, and what people do in them."""

from dataclasses import dataclass, field

import numpy as np

from har.recordings.format import StreamInfo
from har.recordings.simulate.devices import Device
from har.recordings.simulate.rotations import axis_rotation, rotation_of, uniform_rotation
from har.recordings.simulate.sensors import Looseness

ACC = ("acc_x", "acc_y", "acc_z")
GYRO = ("gyro_x", "gyro_y", "gyro_z")

TAPED = Looseness()
STRAPPED = Looseness(hertz=11.0, damping=0.4, room_m=0.004, turn_rad_m=8.0, slide_rad=0.02)
WATCH = Looseness(hertz=9.0, damping=0.4, room_m=0.008, turn_rad_m=10.0, slide_rad=0.06)
CLIPPED = Looseness(hertz=8.0, damping=0.3, room_m=0.008, turn_rad_m=8.0, slide_rad=0.03)
POCKET = Looseness(hertz=6.0, damping=0.3, room_m=0.022, turn_rad_m=9.0, slide_rad=0.09)
WIDE_POCKET = Looseness(hertz=4.0, damping=0.25, room_m=0.04, turn_rad_m=9.0, slide_rad=0.14)

# How a device is put on: see `draw_mount`.
MOUNTS = ("strapped", "watch", "pocket", "any")


@dataclass(frozen=True)
class Worn:
    """A stream: a device at one of several places. mount: one of MOUNTS. share: how often it is chosen where people
    wear one device at a time."""

    info: StreamInfo
    places: tuple[str, ...]
    device: Device
    mount: str
    looseness: tuple[Looseness, ...]
    share: float = 1.0


@dataclass(frozen=True)
class SimulatedDataset:
    """together: all streams are worn at once; otherwise one at a time. activities: name -> how often in a round. lived:
    share of the recordings that are a piece of a day, in its order, instead of a round. acting: share of the recordings
    for which the device is put on the hand that acts, as studies of hands do; in the others it is where it is.
    """

    title: str
    streams: tuple[Worn, ...]
    activities: dict[str, int] = field(default_factory=dict)
    together: bool = False
    lived: float = 0.0
    acting: float = 0.0


def draw_mount(worn: Worn, convention: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Orientation of the device against the typical one of its place, (3, 3).

    "strapped": as the convention of the dataset says, a rotation (3, 3), give or take 8 degrees. "watch": on the wrist,
    sometimes the wrong way round. "pocket": screen in or out, upright or upside down, turned within the pocket. "any":
    every orientation alike. Raises ``ValueError`` for another one.
    """
    if worn.mount not in MOUNTS:
        raise ValueError(f"mount {worn.mount!r} of stream {worn.info.name!r}; expected one of {', '.join(MOUNTS)}")
    tilt = rotation_of(np.deg2rad(8.0) * rng.standard_normal(3))
    if worn.mount == "any":
        return uniform_rotation(rng)
    if worn.mount == "strapped":
        return convention @ tilt
    if worn.mount == "watch":
        turned = rng.random() < 0.12
        return axis_rotation("z", np.pi * turned + np.deg2rad(8) * rng.standard_normal()) @ tilt
    upside_down, screen_in = rng.random() < 0.5, rng.random() < 0.5
    within = np.pi * upside_down + np.deg2rad(18.0) * rng.standard_normal()
    return axis_rotation("z", within) @ axis_rotation("y", np.pi * screen_in) @ tilt @ tilt


def draw_convention(rng: np.random.Generator) -> np.ndarray:
    """One of the 24 ways to hold a box against a wall: which axis of a device points where is up to its maker."""
    matrix = axis_rotation("z", 0.5 * np.pi * rng.integers(4))
    side = rng.integers(6)
    turn = axis_rotation("x", 0.5 * np.pi * side) if side < 4 else axis_rotation("y", 0.5 * np.pi * (2 * side - 9))
    return np.rint(turn @ matrix)


_PHONE = Device(50.0, range_g=8.0, jitter_s=0.001, noise_g=0.002)
_WATCH = Device(50.0, range_g=8.0, noise_g=0.003)
_IMU = Device(51.2, range_g=16.0, bits=16, bias_g=0.02, noise_g=0.002)
_TAG = Device(25.0, range_g=4.0, bits=10, noise_g=0.004, bias_g=0.03)


def _stream(name: str, device: str, placement: str, sensor: Device, gyroscope: bool = True) -> StreamInfo:
    channels = ACC + GYRO if gyroscope else ACC
    return StreamInfo(
        name, f"simulated {device}", placement, channels, sensor.rate_hz, accelerometer_range_g=sensor.range_g
    )


def _changed(device: Device, **changes: float) -> Device:
    return Device(**(vars(device) | changes))


_POCKETS = ("left front pocket", "right front pocket", "right front pocket")
_POCKET_LOOSE = (POCKET, POCKET, WIDE_POCKET, CLIPPED)
_WRISTS = ("left wrist", "left wrist", "right wrist")

DAILY = {
    "walking": 4, "walking slowly": 1, "walking fast": 1, "jogging": 1, "jogging slowly": 1, "running": 1,
    "running fast": 1, "walking upstairs": 2, "walking downstairs": 2, "climbing stairs": 1, "standing": 3,
    "sitting": 3, "lying": 2, "sitting down": 1, "standing up": 1,
}  # fmt: skip
HOUSEHOLD = {
    "vacuum cleaning": 1, "sweeping": 1, "wiping a table": 1, "folding clothes": 1, "ironing": 1, "washing dishes": 1,
}  # fmt: skip
TABLE = {
    "typing": 1, "writing": 1, "working at a computer": 1, "eating with a spoon": 1, "eating a sandwich": 1,
    "eating with knife and fork": 1, "drinking": 2, "pouring water": 2, "using a telephone": 2, "watching tv": 1,
    "eating chips": 1, "eating pasta": 1, "using a computer mouse": 1, "reading": 1, "texting on a phone": 1,
}  # fmt: skip
KITCHEN = {"stirring": 1, "chopping": 1, "peeling": 1, "opening a jar": 1, "mopping": 1, "wiping a window": 1}
BATHROOM = {"brushing teeth": 2, "combing hair": 2, "washing hands": 1, "shaving": 1, "washing the face": 1}
DRESSING = {
    "putting on a jacket": 1, "taking off a jacket": 1, "putting on and taking off a jacket": 1, "putting on shoes": 1,
    "picking up an object": 1,
}  # fmt: skip
GESTURES = {
    "clapping": 1, "waving": 1, "pointing": 1, "knocking on a door": 1, "opening a door": 1, "swiping left": 1,
    "swiping right": 1, "drawing a circle": 1, "drawing a circle clockwise": 1, "drawing a circle counter-clockwise": 1,
    "drawing an x": 1, "drawing a triangle": 1, "raising the hands": 1, "crossing the arms": 1, "pushing": 1,
    "throwing": 1, "boxing": 1, "catching": 1, "bowling": 1, "swinging a tennis racket": 1, "serving in tennis": 1,
    "swinging a baseball bat": 1, "shooting a basketball": 1, "dribbling a basketball": 1, "curling the arms": 1,
    "lifting weights overhead": 1,
}  # fmt: skip
EXERCISE = {
    "jumping": 2, "jumping rope": 1, "jumping jacks": 1, "hopping on one leg": 1, "squatting down and up": 2,
    "lunging": 1, "bending down and getting up": 1, "stepping up and down": 1, "walking in place": 1,
    "running in place": 1, "kicking a soccer ball": 1, "cycling": 2, "stationary cycling": 1, "rowing": 1,
}  # fmt: skip
CHANGES = {
    "sitting down": 2, "standing up": 2, "lying down from sitting": 1, "sitting up from lying": 1,
    "lying down from standing": 1, "standing up from lying": 1, "turning over while lying": 1, "bending down": 1,
    "sitting down and getting up": 1, "lying down and sitting up": 1, "collapsing into a chair": 1,
    "straightening up": 1, "kneeling down": 1, "standing up from kneeling": 1, "turning around": 1,
    "starting to walk": 1, "stopping walking": 1, "starting to climb stairs": 1, "walking off the stairs": 1,
    "lying down": 1, "getting up from lying": 1,
}  # fmt: skip
POSTURES = {
    "lying on the back": 1, "lying on the stomach": 1, "lying on the left side": 1, "lying on the right side": 1,
    "sitting and talking": 1, "standing and talking": 1, "kneeling": 1, "squatting": 1, "being bent over": 1,
}  # fmt: skip
FALLS = {"falling forward": 2, "falling backward": 2, "falling sideways": 2, "falling vertically": 1}

DATASETS = {
    "sim_phone": SimulatedDataset(
        "Simulated phones in pockets, at the belt and in the hand",
        (
            Worn(_stream("pocket", "phone", "trouser pocket", _PHONE), _POCKETS, _PHONE, "pocket", _POCKET_LOOSE, 3.0),
            Worn(
                _stream("pocket_fast", "phone", "trouser pocket", _changed(_PHONE, rate_hz=100.0, range_g=4.0)),
                _POCKETS, _changed(_PHONE, rate_hz=100.0, range_g=4.0), "any", _POCKET_LOOSE, 2.0,
            ),
            Worn(
                _stream("pocket_acc", "phone", "trouser pocket", _changed(_PHONE, rate_hz=20.0, range_g=2.0, bits=10),
                    False),
                _POCKETS, _changed(_PHONE, rate_hz=20.0, range_g=2.0, bits=10, jitter_s=0.006, loss=0.02), "pocket",
                    _POCKET_LOOSE, 1.5,
            ),
            Worn(_stream("back_pocket", "phone", "back trouser pocket", _PHONE), ("right back pocket",
                "left back pocket"), _PHONE, "pocket", _POCKET_LOOSE),
            Worn(_stream("belt", "phone", "belt", _PHONE), ("right hip", "left hip", "waist"), _PHONE, "pocket",
                (CLIPPED,)),
            Worn(_stream("hand", "phone", "hand", _PHONE), ("right hand", "right hand", "left hand"), _PHONE, "any",
                (TAPED,)),
            Worn(_stream("jacket", "phone", "jacket pocket", _PHONE), ("right jacket pocket", "left jacket pocket"),
                _PHONE, "pocket", (WIDE_POCKET, POCKET)),
        ),
        DAILY | EXERCISE | {
            "walking and talking": 1, "walking with a load": 1, "shuffling": 1, "stumbling": 1,
                "sitting and talking": 1,
            "standing and talking": 1, "driving a car": 1, "riding in an elevator": 1, "getting into a car": 1,
            "getting out of a car": 1, "turning around": 1, "miscellaneous movement": 1, "bending down": 1,
                "kneeling": 1,
            "lying on the back": 1, "lying on the left side": 1, "vacuum cleaning": 1,
        },
    ),
    "sim_watch": SimulatedDataset(
        "Simulated watches",
        (
            Worn(_stream("left_wrist", "watch", "left wrist", _WATCH), ("left wrist",), _WATCH, "watch", (WATCH,
                STRAPPED), 2.0),
            Worn(_stream("right_wrist", "watch", "right wrist", _changed(_WATCH, rate_hz=25.0, range_g=4.0), False),
                ("right wrist",),
                 _changed(_WATCH, rate_hz=25.0, range_g=4.0), "watch", (WATCH, STRAPPED), 2.0),
            Worn(_stream("wrist", "watch", "wrist", _changed(_WATCH, rate_hz=20.0)), _WRISTS, _changed(_WATCH,
                rate_hz=20.0, jitter_s=0.004, loss=0.01),
                 "watch", (WATCH,), 1.0),
            Worn(_stream("band", "wristband", "wrist", _changed(_TAG, rate_hz=32.0, range_g=2.0, bits=8), False),
                _WRISTS,
                 _changed(_TAG, rate_hz=32.0, range_g=2.0, bits=8), "any", (WATCH,), 1.0),
        ),
        DAILY | HOUSEHOLD | TABLE | KITCHEN | BATHROOM | DRESSING | GESTURES | {
            "jumping": 1, "jumping rope": 1, "jumping jacks": 1, "squatting down and up": 1, "cycling": 1, "rowing": 1,
            "walking and talking": 1, "nordic walking": 1, "sitting and talking": 1, "standing and talking": 1,
            "talking on the phone standing": 1, "driving a car": 1, "lying down from sitting": 1,
                "sitting up from lying": 1,
            "playing tennis": 1, "turning around": 2, "lying down": 1, "getting up from lying": 2,
            # As large a share of the days as where hands do less.
            "walking": 6, "standing": 4, "sitting": 4, "sitting down": 2, "standing up": 2,
        },
        lived=0.25,
        acting=0.6,
    ),
    "sim_body": SimulatedDataset(
        "Simulated sensors all over the body",
        tuple(
            Worn(_stream(name, "inertial sensor", placement, _IMU), (place,), _IMU, "strapped", (STRAPPED, TAPED))
            for name, placement, place in (
                ("chest", "chest", "chest"), ("lower_back", "lower back", "lower back"), ("left_wrist", "left wrist",
                    "left wrist"),
                ("right_wrist", "right wrist", "right wrist"), ("right_thigh", "right thigh", "right thigh"),
                ("left_ankle", "left ankle", "left ankle"), ("right_upper_arm", "right upper arm", "right upper arm"),
                ("head", "head", "head"),
            )
        ),
        DAILY | EXERCISE | CHANGES | POSTURES | HOUSEHOLD | {"nordic walking": 1, "working at a computer": 1,
            "driving a car": 1},
        together=True,
    ),
    "sim_tag": SimulatedDataset(
        "Simulated low-power accelerometers",
        (
            Worn(_stream("thigh", "tag", "thigh", _changed(_TAG, rate_hz=100.0, range_g=8.0), False), ("right thigh",
                "right outer thigh"),
                 _changed(_TAG, rate_hz=100.0, range_g=8.0, bits=13), "strapped", (TAPED, STRAPPED), 2.0),
            Worn(_stream("ankle", "tag", "ankle", _changed(_TAG, rate_hz=31.25), False), ("left ankle", "right ankle"),
                _changed(_TAG, rate_hz=31.25), "any", (STRAPPED,)),
            Worn(_stream("chest", "tag", "chest", _TAG, False), ("chest", "shirt pocket"), _changed(_TAG,
                gaps_per_hour=4.0), "strapped", (STRAPPED, CLIPPED), 2.0),
            Worn(_stream("hip", "tag", "hip", _changed(_TAG, rate_hz=16.0, range_g=2.0), False), ("right hip",
                "left hip"),
                 _changed(_TAG, rate_hz=16.0, range_g=2.0), "strapped", (CLIPPED,)),
            Worn(_stream("wrist", "tag", "wrist", _changed(_TAG, rate_hz=100.0, range_g=8.0), False), _WRISTS,
                _changed(_TAG, rate_hz=100.0, range_g=8.0, bits=13),
                 "any", (STRAPPED, WATCH), 2.0),
        ),
        DAILY | POSTURES | CHANGES | {
            "working at a computer": 1, "cycling": 1, "jumping": 1, "miscellaneous movement": 1, "shuffling": 1,
            "walking and talking": 1, "vacuum cleaning": 1, "squatting down and up": 1,
        },
        together=True,
    ),
    "sim_falls": SimulatedDataset(
        "Simulated falls and daily activities in short trials",
        (
            Worn(_stream("waist", "inertial sensor", "waist", _changed(_IMU, rate_hz=200.0)), ("waist",),
                _changed(_IMU, rate_hz=200.0, bits=13), "strapped", (CLIPPED,)),
            Worn(_stream("pocket", "phone", "trouser pocket", _changed(_PHONE, rate_hz=87.0, range_g=2.0)), _POCKETS,
                _changed(_PHONE, rate_hz=87.0, range_g=2.0), "any", _POCKET_LOOSE),
        ),
        FALLS | {
            "walking": 2, "walking slowly": 1, "walking fast": 1, "jogging slowly": 1, "running fast": 1,
            "walking upstairs": 2, "walking downstairs": 2, "climbing stairs": 1, "sitting down and getting up": 2,
            "lying down and sitting up": 1, "collapsing into a chair": 1, "getting in and out of a car": 1,
            "sitting down": 2, "standing up": 1, "lying": 1, "standing": 2, "sitting": 1, "jumping": 2, "stumbling": 1,
            "jumping to reach something": 1, "bending down and getting up": 1, "squatting down and up": 1,
            "getting into a car": 1, "getting out of a car": 1, "turning over while lying": 1,
                "lying down from sitting": 1,
        },
        together=True,
    ),
    "sim_belt": SimulatedDataset(
        "Simulated sensors at the belt",
        (Worn(_stream("belt", "belt sensor", "waist", _changed(_IMU, rate_hz=100.0)), ("waist",), _changed(_IMU,
            rate_hz=100.0), "strapped", (CLIPPED,)),),
        {
            "walking": 2, "running": 2, "walking upstairs": 2, "walking downstairs": 2, "sitting": 2, "standing": 2,
            "lying": 2, "jumping": 2, "cycling": 2,
        },
    ),
}  # fmt: skip
SIMULATED_NAMES = tuple(DATASETS)
