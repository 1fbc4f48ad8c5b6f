"""What the name of a column says: time or sensor, axis, unit, part of the acceleration, and whose it is."""

import re
import unicodedata
from dataclasses import dataclass

from har.readers.units import Unit, parse_unit

# Words for sensors in the languages that spreadsheets speak, without accents; longer phrases are joined first.
_PHRASES = {
    "angular velocity": "gyro", "angular rate": "gyro", "rotation rate": "gyro", "rotational speed": "gyro",
    "vitesse angulaire": "gyro", "velocidad angular": "gyro", "velocita angolare": "gyro", "taux de rotation": "gyro",
    "rate of turn": "gyro", "g force": "acc", "g kraft": "acc", "magnetic field": "mag", "champ magnetique": "mag",
    "campo magnetico": "mag", "free acc": "earth", "user acceleration": "linear", "linear acceleration": "linear",
    "linear accelerometer": "linear", "lineare beschleunigung": "linear", "acceleration lineaire": "linear",
    "aceleracion lineal": "linear", "without g": "linear", "ohne g": "linear", "sans g": "linear", "sin g": "linear",
    "with g": "acc", "mit g": "acc", "total acceleration": "acc", "low noise": "ln", "wide range": "wr",
}  # fmt: skip
_WORDS = {
    "acc": ("acc", "accel", "accelerometer", "accelerometers", "acceleration", "accelerations", "beschleunigung",
            "beschleunigungssensor", "accelerometre", "aceleracion", "aceleracao", "acelerometro", "accelerazione",
            "accelerometro", "versnelling", "gforce", "totalacceleration", "ускорение", "акселерометр", "加速度",
            "加速度计"),
    "gyro": ("gyro", "gyr", "gyros", "gyroscope", "gyroscopes", "gyroskop", "giroscopio", "rotationrate",
             "winkelgeschwindigkeit", "drehrate", "angularvelocity", "angvel", "omega", "гироскоп", "角速度", "陀螺仪"),
    "mag": ("mag", "magn", "magnet", "magnetometer", "magnetic", "magnetfeld", "magnetometre", "magnetometro",
            "magneticfield"),
    "gravity": ("gravity", "grav", "gravitation", "schwerkraft", "gravite", "gravedad", "gravita"),
    "linear": ("linear", "lin", "linacc", "linearacceleration", "useracceleration", "linearaccelerometer"),
    "earth": ("freeacc", "earth", "world", "global", "quat", "quaternion", "euler", "roll", "pitch", "yaw", "angle",
              "orientation", "attitude", "dq", "dv", "std", "mean", "median", "rms", "var", "min", "max", "norm",
              "abs", "absolute", "magnitude", "jerk", "bias", "position", "displacement", "velocity", "speed",
              "location", "gps", "temp", "temperature", "pressure", "light", "uncalibrated"),
}  # fmt: skip
_KIND_OF_WORD = {word: kind for kind, words in _WORDS.items() for word in words}
_LETTERS = {"a": "acc", "la": "linear", "gf": "gforce", "g": "gyro", "w": "gyro", "m": "mag", "b": "mag", "u": "linear"}
_TIME_WORDS = {
    "time", "timestamp", "timestamps", "t", "ts", "zeit", "zeitstempel", "uhrzeit", "temps", "heure", "horodatage",
    "tiempo", "hora", "tempo", "epoch", "date", "datum", "fecha", "data", "datetime", "elapsed", "unix", "unixtime",
    "sampletimefine", "clock", "localtime", "tijd", "yyyy",
    "время", "时间", "時間",
}  # fmt: skip
_TIME_UNITS = {
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "sekunden": 1.0, "secondes": 1.0,
    "segundos": 1.0, "ms": 1e-3, "msec": 1e-3, "millis": 1e-3, "milliseconds": 1e-3, "millisekunden": 1e-3,
    "millisecondes": 1e-3, "us": 1e-6, "usec": 1e-6, "micros": 1e-6, "microseconds": 1e-6, "ns": 1e-9, "nsec": 1e-9,
    "nanos": 1e-9, "nanoseconds": 1e-9, "min": 60.0, "minutes": 60.0,
}  # fmt: skip
# Names that only Core Motion gives: iOS counts gravity downwards.
_CORE_MOTION = re.compile(
    r"useracceleration|motiongravity|motionrotationrate|accelerometeracceleration|devicemotion|attitude\.|gravity\.[xyz]"
)
_SKIPPED = {"x", "y", "z", "axis", "achse", "axe", "eje", "sensor", "value", "values", "raw", "cal", "calibrated",
            "data", "signal", "in", "of", "the", "phone", "smartphone", "total", "imu", "ios", "android", "motion",
            "device"}  # fmt: skip


@dataclass(frozen=True)
class ColumnName:
    """kind: time, acc, gyro, mag, gravity, linear, gforce (gFx of Physics Toolbox), or "" for an axis without a "
    "sensor. unit: scale to s for time."""

    kind: str
    axis: str
    unit: Unit | None = None
    time_unit_s: float | None = None
    whose: str = ""  # words that are none of the above, such as "left wrist"


def is_core_motion(names: list[str]) -> bool:
    """Whether columns bear the names of Apple's Core Motion."""
    return any(_CORE_MOTION.search(name.replace("_", "").replace(" ", "").lower()) for name in names)


def words_of(text: str) -> list[str]:
    """Words in lower case without accents: camelCase and separators part them, known phrases become one."""
    text = unicodedata.normalize("NFKD", text)
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    words = re.findall(r"[^\W_]+", text.lower())
    joined = f" {' '.join(words)} "
    for phrase, meaning in _PHRASES.items():
        joined = joined.replace(f" {phrase} ", f" {meaning} ")
    return joined.split()


def kind_of_text(text: str) -> tuple[str, str]:
    """A file's name, or a line above a table -> (kind or "", the words that say whose it is)."""
    words = words_of(text)
    kinds = [kind for word in words if (kind := _KIND_OF_WORD.get(word))]
    rest = [w for w in words if w not in _KIND_OF_WORD and w not in _SKIPPED and not w.isdigit()]
    return _main_kind(kinds), " ".join(rest)


def _main_kind(kinds: list[str]) -> str:
    for kind in ("earth", "linear", "gravity"):  # say more than "acceleration" beside them
        if kind in kinds:
            return kind
    return kinds[0] if kinds else ""


def parse_name(text: str) -> ColumnName | None:
    """None for a column that is neither time nor an axis of a sensor that is known."""
    name, unit_text = _split_unit(text)
    words = words_of(name)
    if not words:
        return None
    kinds = [kind for word in words if (kind := _KIND_OF_WORD.get(word))]
    if not kinds and (time := _parse_time(words, unit_text)):
        return time
    axis, letter_kind, used = _axis(words, name)
    kind = _main_kind(kinds)
    if kind == "earth" or not axis:
        return None
    suffix = ""
    if letter_kind and not kind:
        kind, suffix = letter_kind, letter_kind
    unit_text = unit_text or ("g" if suffix == "gforce" else "")
    rest = [
        w
        for w in words
        if w != used and w not in _KIND_OF_WORD and w not in _SKIPPED and w not in ("ln", "g" * (kind == "gforce"))
    ]
    unit = _unit(unit_text, kind)
    if unit is None and rest and kind:  # acc_x_mg, gyro_y_dps, ax_ms2
        for count in (3, 2, 1):
            if len(rest) >= count and (
                unit := _unit(_SPELLED.get("".join(rest[-count:]), "".join(rest[-count:])), kind)
            ):
                rest = rest[:-count]
                break
    return ColumnName(kind, axis, unit, whose=" ".join(rest))


_SPELLED = {"ms2": "m/s^2", "mps2": "m/s^2", "mss": "m/s^2", "rads": "rad/s", "degs": "deg/s", "degpersec": "deg/s"}


def _unit(text: str, kind: str) -> Unit | None:
    """For columns that name an axis only, the unit of any kind of sensor: it tells which one it is."""
    kinds = [{"linear": "acc", "gravity": "acc", "gforce": "acc"}.get(kind, kind)] if kind else ["acc", "gyro", "mag"]
    return next((unit for of in kinds if text and (unit := parse_unit(text, of)) is not None), None)


def unit_of_text(text: str, kind: str) -> Unit | None:
    """A cell of a line of units below a header."""
    return _unit(text.strip().strip("()[]"), kind)


def _split_unit(text: str) -> tuple[str, str]:
    """``Acceleration x (m/s^2)`` -> name and unit."""
    if found := re.search(r"[\(\[\{]\s*(.+?)\s*[\)\]\}]\s*$", text.strip()):
        return text[: found.start()] or text, found[1]
    if found := re.match(r"(.+?)\s(?:in|/)\s+(\S+)\s*$", text.strip()):
        return found[1], found[2]
    return text, ""


def _parse_time(words: list[str], unit_text: str) -> ColumnName | None:
    spelled = [word for word in words if word in _TIME_UNITS]
    if not (set(words) & _TIME_WORDS or (spelled and len(words) <= 2 and not unit_text)):
        return None
    unit = _TIME_UNITS.get(unit_text.strip().lower().replace("µ", "u").replace("μ", "u"))
    if unit is None and spelled:
        unit = _TIME_UNITS[spelled[-1]]
    # The clock of Xsens sensors counts microseconds.
    return ColumnName("time", "", time_unit_s=1e-6 if "sampletimefine" in "".join(words) else unit)


def time_of_sensor(text: str) -> ColumnName | None:
    """The time of one sensor: ``acc_time``, ``gyroTimestamp_sinceReboot(s)``; None for any other column."""
    name, unit_text = _split_unit(text)
    words = words_of(name)
    rest = [word for word in words if word not in _KIND_OF_WORD]
    kind = _main_kind([_KIND_OF_WORD[word] for word in words if word in _KIND_OF_WORD])
    if kind not in ("acc", "gyro", "mag", "linear", "gravity") or not set(rest) & _TIME_WORDS:
        return None
    return _parse_time(rest, unit_text)


def _axis(words: list[str], name: str) -> tuple[str, str, str]:
    """(axis, kind that its letters say, the word that says it)."""
    for word in reversed(words):
        if word in ("x", "y", "z"):
            before = words[words.index(word) - 1] if words.index(word) else ""
            kind = _LETTERS.get(before, "") if len(words) == 2 else ""
            return word, kind, word
        if match := re.fullmatch(r"(?:axis|achse|axe)?([xyz])(?:axis|achse)?", word):
            return match[1], "", word
    for word in words:
        if match := re.fullmatch(r"([^\W\d_]+?)([xyz])", word):
            prefix, axis = match.groups()
            if prefix in _KIND_OF_WORD and _KIND_OF_WORD[prefix] != "earth":
                return axis, _KIND_OF_WORD[prefix], word
            if prefix in _LETTERS:
                return axis, _LETTERS[prefix], word
    # gFx: camelCase parts what belongs together.
    if match := re.fullmatch(r"gf([xyz])", "".join(words)):
        return match[1], "gforce", words[-1]
    return "", "", ""
