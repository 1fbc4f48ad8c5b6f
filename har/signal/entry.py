"""What users hand over as a signal, its channels and its rate, in the one form that everything behind this takes."""

import math
import numbers
from collections.abc import Iterable, Set
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # loaded by those who hand tensors over; dataset folders are written without it
    from torch import Tensor


def as_rate(sampling_rate_hz: Any) -> float:
    """A rate as a plain float; raises as `as_number` does."""
    return as_number("sampling_rate_hz", sampling_rate_hz, "a number of samples a second, such as 50.0")


def as_number(name: str, given: Any, expected: str) -> float:
    """An argument as a plain float: any real number, also as an array or tensor of one element.

    Raises ``TypeError`` for what is no number, which says what was expected.
    """
    value = given
    if hasattr(value, "item") and math.prod(getattr(value, "shape", (0,))) == 1:
        value = value.item()
    if isinstance(given, np.ma.MaskedArray) and np.ma.getmaskarray(given).any():
        value = None
    if isinstance(value, bool) or not isinstance(value, numbers.Real | Decimal):
        raise TypeError(f"{name} is {value!r} of type {type(value).__name__}; expected {expected}")
    try:
        return float(value)
    except (OverflowError, ValueError):  # more than a float holds; a signalling NaN
        return math.nan


def as_channels(channels: Any, signal: Any) -> list[str]:
    """Channel names as a list; those of a table (a pandas DataFrame) are its columns unless some are given.

    Raises ``TypeError`` and ``ValueError`` for what is no list of names.
    """
    if channels is None:
        if not hasattr(signal, "columns"):
            raise TypeError("channels is None; give the names of the columns, such as acc_x, acc_y, acc_z")
        channels = signal.columns
    if isinstance(channels, str) or not isinstance(channels, Iterable) or getattr(channels, "shape", None) == ():
        raise ValueError(f"channels is {channels!r}; expected a list of names such as acc_x, acc_y, acc_z")
    if isinstance(channels, Set):
        raise TypeError(f"channels are a {type(channels).__name__}, which has no order; give a list")
    names = list(channels)
    if not names:
        raise ValueError("channels is empty; expected a list of names such as acc_x, acc_y, acc_z")
    if odd := [name for name in names if not isinstance(name, str)]:
        raise TypeError(f"channels hold {odd[0]!r} of type {type(odd[0]).__name__}; expected names such as acc_x")
    return [str(name) for name in names]


def as_signal(signal: Any, channels: list[str]) -> "Tensor":
    """A signal of any shape as a float32 tensor on its own device, copied only where needed; see ``as_array``.

    Raises ``ValueError`` for what holds no numbers, and for a table without one of the channels.
    """
    import torch

    if isinstance(signal, torch.Tensor) and (signal.is_meta or signal.is_quantized or signal.is_nested):
        kind = "meta" if signal.is_meta else "quantized" if signal.is_quantized else "nested"
        raise ValueError(f"signal is a {kind} tensor; expected one that holds numbers, of one shape")
    if isinstance(signal, torch.Tensor) and signal.layout == torch.strided:
        if signal.is_complex() or signal.dtype == torch.bool:
            raise ValueError(f"signal has dtype {signal.dtype}; expected numbers")
        return signal.detach().to(torch.float32)
    # PyTorch takes no reversed, byte-swapped or read-only (memory-mapped) array: copied where needed.
    return torch.from_numpy(np.require(as_array(signal, channels), np.float32, ["C", "W"]))


def as_array(signal: Any, channels: list[str]) -> np.ndarray:
    """A signal of any shape as a float32 array, copied only where needed, with NaN where samples are missing.

    signal: an array, a tensor, a nested list, a masked array (masked samples are missing), or a table (a pandas
    DataFrame) with ``channels`` among its columns, which are taken by name. Raises ``ValueError`` for what holds no
    numbers, and for a table without one of the channels.
    """
    if hasattr(signal, "detach"):  # a tensor
        if str(getattr(signal, "layout", "torch.strided")) != "torch.strided":
            raise ValueError(f"signal is a sparse tensor ({signal.layout}); give signal.to_dense()")
        signal = signal.detach().cpu().numpy()
    if isinstance(signal, list | tuple) and any(isinstance(part, np.ma.MaskedArray) for part in signal):
        signal = np.ma.stack([np.ma.asarray(part) for part in signal])
    if hasattr(signal, "columns"):
        if not hasattr(signal, "iloc"):
            raise ValueError(f"signal is a table of {type(signal).__module__}; give its to_pandas(), or an array")
        return np.stack([_column(column, name) for name, column in _columns_of(signal, channels)], axis=1)
    masked = np.ma.getmaskarray(signal) if isinstance(signal, np.ma.MaskedArray) else None
    try:
        array = _numbers(np.asarray(signal), "signal")
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError("signal is a list of rows of several lengths; expected windows of one length") from error
    return array if masked is None else np.where(masked, np.float32(np.nan), array)


def _numbers(array: np.ndarray, what: str) -> np.ndarray:
    """float32 of an array of numbers, also where each is an object of its own, None where it is missing."""
    if array.dtype == object:
        if odd := [value for value in array.flat if not _is_number(value)]:
            raise ValueError(f"{what} holds {odd[0]!r}; expected numbers, with NaN where a sample is missing")
        array = array.astype(np.float64)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{what} has dtype {array.dtype}; expected numbers, with NaN where a sample is missing")
    return array.astype(np.float32, copy=False)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, numbers.Real | Decimal) and not isinstance(value, bool | np.bool_))


def _columns_of(table: Any, channels: list[str]) -> Iterable[tuple[str, Any]]:
    columns = [str(name) for name in table.columns]
    if absent := [name for name in channels if columns.count(name) != 1]:
        raise ValueError(
            f"the table has the columns {', '.join(columns)}; expected {', '.join(absent)} once each. Rename its "
            "columns or give channels"
        )
    return [(name, table.iloc[:, columns.index(name)]) for name in channels]


def _column(column: Any, name: str) -> np.ndarray:
    """A column of a table; what is no number there (text, a date, yes and no) is never taken for one."""
    if column.dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float32, na_value=np.nan)
    return _numbers(np.asarray(column), f"column {name}")
