"""What users give a label bank, as it takes it: lists of labels, windows, a value for each of these."""

from collections.abc import Iterable, KeysView, Sequence, Set

import numpy as np
import torch
from torch import Tensor

from har.labels.wording import clean_label, is_no_value


def unit_windows(embeddings: Tensor | np.ndarray, width: int, like: Tensor) -> Tensor:
    """Unit-norm windows (N, D) of the dtype and on the device of ``like``; the error says what is no such thing."""
    if hasattr(embeddings, "embeddings"):
        raise TypeError(
            f"found {type(embeddings).__name__} in place of embeddings; give its .embeddings, and its .start_s to "
            "classify_recording"
        )
    if isinstance(embeddings, list | tuple) and embeddings and all(isinstance(one, Tensor) for one in embeddings):
        embeddings = torch.stack(tuple(embeddings))
    if np.ma.is_masked(embeddings):
        raise ValueError("embeddings to classify are masked in part; leave out the windows that have none")
    windows = embeddings if isinstance(embeddings, Tensor) else np.asarray(embeddings)
    numeric = windows.dtype.kind in "iuf" if isinstance(windows, np.ndarray) else windows.is_floating_point()
    if not numeric or (isinstance(windows, Tensor) and (windows.layout != torch.strided or windows.is_meta)):
        raise ValueError(f"embeddings to classify have dtype {windows.dtype}; expected a dense array of numbers")
    if isinstance(windows, np.ndarray):  # in another order of bytes or rows, or read-only
        windows = torch.from_numpy(np.array(windows, dtype=np.float64))
    windows = windows.detach()
    windows = windows.to(like.device, like.dtype)
    if windows.ndim != 2 or windows.shape[1] != width:
        raise ValueError(
            f"embeddings to classify must be (N, {width}), found shape {tuple(windows.shape)}; "
            "a single window is embeddings[None]"
        )
    finite = windows.isfinite().all(dim=1)
    if not finite.all():
        rows = (~finite).nonzero().flatten().tolist()
        raise ValueError(f"NaN or infinite embeddings in rows {rows[:10]} ({len(rows)} of {len(windows)})")
    norms = windows.norm(dim=1, keepdim=True)
    if (norms == 0).any():
        rows = (norms[:, 0] == 0).nonzero().flatten().tolist()
        raise ValueError(f"Zero-norm embeddings in rows {rows[:10]} ({len(rows)} of {len(windows)})")
    return windows / norms


def one_per_window(name: str, values: Sequence | np.ndarray | Tensor | None, windows: int) -> np.ndarray:
    """(N,) values, zeros for None."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    if np.ma.is_masked(values):
        raise ValueError(f"{name} are masked in part; give one a window")
    values = np.zeros(windows, dtype=np.int64) if values is None else np.asarray(values)
    if values.shape != (windows,):
        raise ValueError(f"{name} of shape {values.shape} for {windows} windows; give one a window")
    return values


def numbered(name: str, values: Sequence | np.ndarray | Tensor | None, windows: int) -> np.ndarray:
    """(N,) numbers of what windows belong to. Raises ``ValueError`` where one belongs to nothing."""
    column = one_per_window(name, values, windows)
    if absent := [
        value for value in column.tolist() if value is None or type(value).__name__ == "NAType" or value != value
    ]:
        raise ValueError(f"{name} hold {absent[0]!r}; expected what each window belongs to")
    known: dict = {}
    return np.array([known.setdefault(value, len(known)) for value in column.tolist()], dtype=np.int64)


def listed(labels: Iterable[str]) -> list[str]:
    """Labels in the order of iteration; TypeError where there is no order or what is iterated over is no labels."""
    if isinstance(labels, str):
        raise TypeError(f"expected a list of labels, found the single string {labels!r}; write [{labels!r}]")
    if isinstance(labels, Set) and not isinstance(labels, KeysView):  # keys of a dict keep their order
        raise TypeError(f"labels are a {type(labels).__name__}, which has no order; give sorted(labels) or a list")
    if hasattr(labels, "columns"):
        raise TypeError(f"labels are a {type(labels).__name__}; give one of its columns, or its columns as a list")
    if not isinstance(labels, Iterable) or getattr(labels, "shape", None) == ():
        raise TypeError(f"expected a list of labels, found {labels!r} of type {type(labels).__name__}")
    return list(labels)


def clean_labels(labels: Iterable[str]) -> list[str]:
    """Cleaned labels; ValueError for none, TypeError for no list of them or a label that is no string."""
    labels = listed(labels)
    if not labels:
        raise ValueError("expected at least one label, found none")
    if none := [label for label in labels if isinstance(label, str) and is_no_value(label)]:
        raise ValueError(f"labels hold {none[0]!r}, which says that there is no label; leave it out")
    return [clean_label(label) for label in labels]
