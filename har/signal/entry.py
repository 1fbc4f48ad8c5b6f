"""What users hand over as a signal, its channels and its rate, in the one form that everything behind this takes."""

import math
import numbers
from collections.abc import Iterable, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_rate(sampling_rate_hz: Any) -> float:
    """A rate as a plain float: any real number, also as an array or tensor of none or one dimension with one element.

    Raises ``TypeError`` for what is no number.
    """
    value = sampling_rate_hz
    if isinstance(value, np.ndarray | np.generic | Tensor) and math.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"sampling_rate_hz is {value!r} of type {type(value).__name__}; expected a number of samples a second, "
            "such as 50.0"
        )
    return float(value)


def as_channels(channels: Any, signal: Any) -> list[str]:
    """Channel names as a list; those of a table (a pandas DataFrame) are its columns unless some are given.

    Raises ``TypeError`` and ``ValueError`` for what is no list of names.
    """
    if channels is None:
        if not hasattr(signal, "columns"):
            raise TypeError("channels is None; give the names of the columns, such as acc_x, acc_y, acc_z")
        channels = signal.columns
    if isinstance(channels, str) or not isinstance(channels, Iterable):
        raise ValueError(f"channels is {channels!r}; expected a list of names such as acc_x, acc_y, acc_z")
    if isinstance(channels, Set):
        raise TypeError(f"channels are a {type(channels).__name__}, which has no order; give a list")
    names = list(channels)
    if not names:
        raise ValueError("channels is empty; expected a list of names such as acc_x, acc_y, acc_z")
    if odd := [name for name in names if not isinstance(name, str)]:
        raise TypeError(f"channels hold {odd[0]!r} of type {type(odd[0]).__name__}; expected names such as acc_x")
    return [str(name) for name in names]


def as_signal(signal: Any, channels: list[str]) -> Tensor:
    """A signal of any shape as a float32 tensor, copied only where needed, with NaN where samples are missing.

    signal: an array, a tensor on any device, a nested list, a masked array (masked samples are missing), or a table
    (a pandas DataFrame) with ``channels`` among its columns, which are taken by name. Raises ``ValueError`` for what
    holds no numbers, and for a table without one of the channels.
    """
    if isinstance(signal, Tensor):
        if signal.is_complex() or signal.dtype == torch.bool:
            raise ValueError(f"signal has dtype {signal.dtype}; expected numbers")
        return signal.detach().to(torch.float32)
    if hasattr(signal, "columns"):
        signal = _table(signal, channels)
    masked = np.ma.getmaskarray(signal) if isinstance(signal, np.ma.MaskedArray) else None
    array = np.asarray(signal)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"signal has dtype {array.dtype}; expected numbers, with NaN where a sample is missing")
    if masked is not None:
        array = np.where(masked, np.float32(np.nan), array.astype(np.float32))
    # PyTorch takes no reversed, byte-swapped or read-only (memory-mapped) array: copied where needed.
    return torch.from_numpy(np.require(array, np.float32, ["C", "W"]))


def _table(table: Any, channels: list[str]) -> np.ndarray:
    columns = [str(name) for name in table.columns]
    if absent := [name for name in channels if columns.count(name) != 1]:
        raise ValueError(
            f"the table has the columns {', '.join(columns)}; expected {', '.join(absent)} once each. Rename its "
            "columns or give channels"
        )
    parts = []
    for name in channels:
        column = table.iloc[:, columns.index(name)]
        try:
            parts.append(column.to_numpy(dtype=np.float32, na_value=np.nan))
        except (TypeError, ValueError) as error:
            raise ValueError(f"column {name} holds something else than numbers ({error})") from error
    return np.stack(parts, axis=1)
