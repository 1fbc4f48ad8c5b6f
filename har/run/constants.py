"""The UPPER_CASE constants of a script: override them from the command line, snapshot them, compare two snapshots.

A script states each experiment constant once, at module level, and then calls

    override_constants(globals(), sys.argv[1:])

Values derived from others are computed after that call. ``snapshot_constants(globals())`` is the record that goes
into the run folder. Every UPPER_CASE name of the namespace counts, imported ones too: a script imports modules rather
than the constants in them.
"""

import ast
import difflib
import math
import re
from collections.abc import Container, Iterator
from pathlib import Path

_CONSTANT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_ARGUMENT = re.compile(r"--([^=\s]+)=(.*)", re.DOTALL)
_LOWER_CASE_NAME = re.compile(r"--[a-z][a-z0-9_-]*")
# Run folders are named 20250131_235959, which Python would read as an integer.
_DIGITS_WITH_UNDERSCORES = re.compile(r"[+-]?\d[\d_]*_[\d_]*")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ConstantError(ValueError):
    """A constant, or an argument meant to override one, is not what it must be."""


class HelpAsked(SystemExit):
    """``--help`` was among the arguments; the message is the usage text."""


def override_constants(namespace: dict, argv: list[str]) -> None:
    """Replace constants of ``namespace`` by the ``--NAME=value`` arguments of ``argv``, typed like their defaults.

    bool takes true/false/yes/no/1/0; a tuple or list takes a Python literal or comma-separated elements, typed like the
    default's elements; a dict takes a literal; a constant whose default is None takes a literal or else a string.
    ``--name value`` in lower case is the same as ``--NAME=value``, so that ``--resume path/to/checkpoint.pt`` reads as
    people write it. Either all arguments are applied or, on an error, none.

    Raises:
        ConstantError: argument not of the form, unknown or repeated name, or a value of another type.
        HelpAsked: on ``--help`` or ``-h``, with the usage text.
    """
    if "--help" in argv or "-h" in argv:
        raise HelpAsked(usage_text(namespace))
    defaults = dict(_constants(namespace))
    overrides: dict[str, object] = {}
    for argument in joined_arguments(argv):
        match = _ARGUMENT.fullmatch(argument)
        if match is None:
            raise ConstantError(
                f"argument {argument!r} is not of the form --NAME=value (no space around '='), for example --EPOCHS=2, "
                "nor of the form --name value"
            )
        name, text = match.groups()
        if name not in defaults:
            raise ConstantError(_unknown_name(name, defaults))
        if name in overrides:
            raise ConstantError(f"{name} is given twice: keep one of the two --{name}=... arguments")
        overrides[name] = _parse(name, text, defaults[name])
    namespace.update(overrides)


def joined_arguments(argv: list[str]) -> list[str]:
    """``argv`` with every ``--name value`` (a name in lower case, and what follows it) written as ``--NAME=value``."""
    joined: list[str] = []
    remaining = iter(argv)
    for argument in remaining:
        takes_value = _LOWER_CASE_NAME.fullmatch(argument) and argument != "--help"
        value = next(remaining, None) if takes_value else None
        joined.append(argument if value is None else f"--{argument[2:].replace('-', '_').upper()}={value}")
    return joined


def check_choices(namespace: dict, choices: dict[str, tuple[str, ...]]) -> None:
    """Raises ``ConstantError`` for the first constant of ``choices`` whose value is none of those it may have."""
    for name, allowed in choices.items():
        if namespace[name] not in allowed:
            raise ConstantError(f"{name} is {namespace[name]!r}; expected one of {', '.join(allowed)}")


def snapshot_constants(namespace: dict) -> dict:
    """All constants of ``namespace`` as plain values for JSON or YAML: tuples become lists, paths strings.

    Raises:
        ConstantError: a constant holds something else than None, bool, int, finite float, str, Path, and tuples, lists
            and string-keyed dicts of these.
    """
    return {name: _plain(value, name) for name, value in _constants(namespace)}


def read_constants(script: str | Path) -> dict:
    """The constants that a script states at module level, without running it: name -> value.

    Raises:
        FileNotFoundError: there is no such script.
        ConstantError: a constant is no literal (``WINDOW = 2 * 5``): its value is not known before the script runs.
    """
    constants = {}
    for node in ast.parse(Path(script).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if not _CONSTANT_NAME.fullmatch(name):
                continue
            try:
                constants[name] = ast.literal_eval(node.value)
            except ValueError:
                raise ConstantError(
                    f"{script}:{node.lineno}: {name} is no literal, so it cannot be read without running the script; "
                    "state its value, or give it a lower-case name"
                ) from None
    return constants


def difference(
    snapshot_a: dict, snapshot_b: dict, free: Container[str] = (), recorded_in: str = "the checkpoint"
) -> list[str]:
    """One line for every constant that differs: ``a`` is the running script's snapshot, ``b`` a checkpoint's.

    free: names that may differ. recorded_in: what holds ``b``, for the lines.
    """
    lines = []
    for name in [*snapshot_a, *(name for name in snapshot_b if name not in snapshot_a)]:
        if name in free or (name in snapshot_a and name in snapshot_b and _same(snapshot_a[name], snapshot_b[name])):
            continue
        here = repr(snapshot_a[name]) if name in snapshot_a else "absent"
        there = repr(snapshot_b[name]) if name in snapshot_b else "absent"
        lines.append(f"{name}: {here} here, {there} in {recorded_in}")
    return lines


def usage_text(namespace: dict) -> str:
    """The script's docstring, the form of an override and every constant with its type and default."""
    documentation = (namespace.get("__doc__") or "").strip()
    lines = [f"  --{name}={value}  ({_type_name(value)})" for name, value in _constants(namespace)]
    introduction = "Any of these constants is overridden by --NAME=value; shown are the values in force now:"
    return "\n".join([*([documentation, ""] if documentation else []), introduction, *lines])


def _constants(namespace: dict) -> Iterator[tuple[str, object]]:
    return ((name, value) for name, value in namespace.items() if _CONSTANT_NAME.fullmatch(name))


def _unknown_name(name: str, defaults: dict) -> str:
    nearest = difflib.get_close_matches(name.upper().replace("-", "_"), defaults, n=3, cutoff=0.6)
    remedy = f"did you mean {' or '.join(nearest)}?" if nearest else "--help lists the constants of this script"
    return f"there is no constant {name}: {remedy}"


def _type_name(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _parse(name: str, text: str, default: object) -> object:
    """``text`` as a value of the type of ``default``."""

    def wrong(remedy: str) -> ConstantError:
        return ConstantError(f"{name} is of type {_type_name(default)} (now {default!r}), found {text!r}: {remedy}")

    if default is None:
        return _literal_or_string(text)
    match default:
        case bool():
            if text.lower() not in _BOOLEANS:
                raise wrong("write true or false")
            return _BOOLEANS[text.lower()]
        case int() | float():
            return _parse_number(text, default, wrong)
        case str():
            return text
        case Path():
            if not text:
                raise wrong("write a path")
            return Path(text)
        case tuple() | list():
            return _parse_sequence(text, default, wrong)
        case dict():
            value = _literal(text)
            if not isinstance(value, dict):
                raise wrong("write a Python dict, for example '{\"a\": 1}'")
            return _typed_like(value, default, wrong)
    raise wrong("a constant of this type cannot be given on the command line; change it in the script")


def _parse_number(text: str, default: int | float, wrong) -> int | float:
    kind = type(default)
    try:
        value = kind(text)
    except ValueError:
        raise wrong("write a whole number" if kind is int else "write a number, for example 0.001 or 1e-3") from None
    if not math.isfinite(value):
        raise wrong("write a finite number")
    return value


def _parse_sequence(text: str, default: tuple | list, wrong) -> tuple | list:
    if text.strip().startswith(("(", "[")):
        value = _literal(text)
        if not isinstance(value, tuple | list):
            raise wrong("write a Python tuple or list (one element: '(1,)'), or elements separated by commas")
        return _typed_like(value, default, wrong)
    parts = [part.strip() for part in text.split(",")]
    if parts[-1] == "":
        parts.pop()
    if "" in parts:
        raise wrong("an element is empty")
    element = default[0] if default else ""
    if len({type(item) for item in default}) > 1 or not isinstance(element, bool | int | float | str | Path):
        raise wrong("its elements are of several types or nested; write a Python literal such as the present value")
    return type(default)(_parse_element(part, element, wrong) for part in parts)


def _parse_element(part: str, element: object, wrong) -> object:
    try:
        return _parse("element", part, element)
    except ConstantError:
        raise wrong(f"element {part!r} is not of type {_type_name(element)} like the others") from None


def _typed_like(value: object, default: object, wrong) -> object:
    """A literal ``value`` checked against, and where lossless converted to, the type of ``default``, elements too."""
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if isinstance(default, Path) and type(value) is str:
        return Path(value)
    if isinstance(default, tuple | list) and isinstance(value, tuple | list):
        return type(default)(_like_any(item, list(default), wrong) for item in value)
    if isinstance(default, dict) and isinstance(value, dict):
        others = list(default.values())
        return {
            key: _typed_like(item, default[key], wrong) if key in default else _like_any(item, others, wrong)
            for key, item in value.items()
        }
    if type(value) is not type(default):
        raise wrong(f"{value!r} is of type {_type_name(value)}, expected {_type_name(default)}")
    return value


def _like_any(item: object, examples: list, wrong) -> object:
    """``item`` typed like the first of ``examples`` that it fits; anything goes when there is no example."""
    for example in examples:
        try:
            return _typed_like(item, example, wrong)
        except ConstantError:
            continue
    if examples:
        expected = " or ".join(dict.fromkeys(_type_name(example) for example in examples))
        raise wrong(f"element {item!r} is of type {_type_name(item)}, expected {expected} like the others")
    return item


def _literal(text: str) -> object:
    """``text`` as a Python literal, or None when it is not one."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError):
        return None


def _literal_or_string(text: str) -> object:
    if text.strip() == "None":
        return None
    if _DIGITS_WITH_UNDERSCORES.fullmatch(text):
        return text
    value = _literal(text)
    return value if isinstance(value, bool | int | float | str | tuple | list | dict) else text


def _plain(value: object, where: str) -> object:
    # Exact types: numpy.float64 is a subclass of float, an IntEnum of int, and neither belongs in a record.
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise ConstantError(
                f"{where} is {value}; a constant must be finite to be recorded, use None for 'no limit'"
            )
        return value
    if isinstance(value, Path):
        return str(value)
    if type(value) in (tuple, list):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                raise ConstantError(f"{where} has the key {key!r}; only string keys survive being recorded as JSON")
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    raise ConstantError(
        f"{where} is of type {type(value).__name__}; a constant must be None, bool, int, float, str, Path, or a tuple, "
        "list or dict of these. Give other module-level values a lower-case name"
    )


def _same(a: object, b: object) -> bool:
    """Equality that tells True from 1 (but not 3 from 3.0), inside containers too."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return isinstance(a, bool) == isinstance(b, bool) and a == b
