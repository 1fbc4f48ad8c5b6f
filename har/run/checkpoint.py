"""Checkpoints: files of tensors and plain Python values, which loading can never turn into running code."""

import hashlib
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from har.files.whole import atomic_writer

# Names that DistributedDataParallel and torch.compile put before the parameters of the module they wrap.
_WRAPPER_KEY = re.compile(r"^module\.|(^|\.)_orig_mod\.")
_REFUSED_CLASS = re.compile(r"GLOBAL ([\w.]+)")

# Where a file keeps the digest of all the rest.
_DIGEST = "content_sha256"

# What reading a damaged file raises, in ways that depend on where; OSError where the archive names a place before its
# beginning.
_DAMAGE = (
    RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OSError, zipfile.BadZipFile,
)  # fmt: skip


class CheckpointError(RuntimeError):
    """A checkpoint file cannot be used; the message says why and what to do."""


def save_checkpoint(path: str | Path, state: dict) -> None:
    """Write ``state`` to ``path``, whole or not at all, loadable with ``torch.load(..., weights_only=True)``.

    Tensors may lie on any device: they are copied to the CPU one by one, and views without the rest of their storage.
    The file holds the SHA-256 of the content besides, under the key ``content_sha256``: that of a file's parts, which
    the format has, does not tell when parts change places.

    Raises:
        TypeError: something in it is neither a tensor nor None, bool, int, float, str, or a list, tuple or dict of
            these; the message names the key.
        ValueError: a key carries the prefix of a wrapper, see :func:`plain_state_dict`, or is that of the digest.
        NoRoomError: there is no room for it; what stood at ``path`` is as it was.
    """
    if type(state) is not dict:
        raise TypeError(f"a checkpoint is a dict with named parts, found {type(state).__name__}")
    if _DIGEST in state:
        raise ValueError(f"the key {_DIGEST!r} is the file's own: save what load_checkpoint returned, which lacks it")
    copied = _plain_copy(state, "")
    copied[_DIGEST] = content_sha256(copied)
    with atomic_writer(path, size=_bytes_in(copied)) as temporary, open(temporary, "wb") as file:
        try:
            torch.save(copied, file)
        except RuntimeError as error:  # of torch's own writer, whatever kept Python's from writing
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load_checkpoint(path: str | Path, map_location: str | torch.device = "cpu") -> dict:
    """Read a checkpoint with all tensors on ``map_location``. Nothing in the file is executed.

    What is returned is what was saved: it is compared with the digest that ``save_checkpoint`` has put into the file.
    Files of former versions have none, and are read without.

    Raises:
        CheckpointError: no such file, a folder, an empty, truncated or damaged file, another content than was written,
            pickled objects, not a checkpoint, or a device that is not there.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder; give a checkpoint in it, for example {path / 'best.pt'}")
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path.absolute()}; give the path of a .pt file in a run folder")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty: its writing was interrupted or the disk was full. Use another one")
    device = torch.device(map_location)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CheckpointError(f"cannot load {path} on {device}: no CUDA device is available. Load it on 'cpu'")
    try:
        _check_integrity(path)
        state = torch.load(path, map_location=device, weights_only=True)
    except torch.OutOfMemoryError:
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointError(_explain_refusal(path, str(error))) from error
    except _DAMAGE as error:
        raise CheckpointError(
            f"{path} is not a checkpoint, or is truncated or damaged ({_first_line(error)}). "
            "Copy it again or use another checkpoint of the run"
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds a {type(state).__name__}, expected the dict that save_checkpoint writes")
    written = state.pop(_DIGEST, None)
    if written is not None and written != content_sha256(state):
        raise CheckpointError(
            f"{path} holds another content than was written into it (its SHA-256 is not the recorded one): it was "
            "damaged or altered. Copy it again or use another checkpoint of the run"
        )
    return state


def plain_state_dict(module: nn.Module) -> dict[str, Tensor]:
    """``module.state_dict()`` under the names the bare network gives, whatever wraps it or parts of it."""
    states = unwrap(module).state_dict()
    return {key.replace("_orig_mod.", ""): value for key, value in states.items()}


def unwrap(module: nn.Module) -> nn.Module:
    """The network inside DistributedDataParallel, DataParallel and torch.compile, in any nesting."""
    while True:
        if isinstance(module, nn.parallel.DistributedDataParallel | nn.DataParallel):
            module = module.module
        elif isinstance(getattr(module, "_orig_mod", None), nn.Module):
            module = module._orig_mod
        else:
            return module


def generator_states(generators: Mapping[str, torch.Generator]) -> dict[str, Tensor]:
    """The state of every named generator, for a checkpoint. ``torch.default_generator`` may be one of them."""
    return {name: generator.get_state() for name, generator in generators.items()}


def restore_generators(generators: Mapping[str, torch.Generator], states: Mapping[str, Tensor]) -> None:
    """Set every generator to its saved state.

    Raises:
        CheckpointError: the names differ, so that a resumed run would not repeat the uninterrupted one.
    """
    if generators.keys() != states.keys():
        raise CheckpointError(
            f"the checkpoint holds generators {sorted(states)}, this script uses {sorted(generators)}: "
            "resume with the script that wrote it"
        )
    for name, generator in generators.items():
        # A generator of any device takes its state from the CPU, wherever the checkpoint was loaded.
        generator.set_state(states[name].cpu())


def _plain_copy(value: object, where: str) -> object:
    """A copy of ``value`` that holds exact plain types and CPU tensors only, or an error that names the place."""
    if isinstance(value, Tensor):
        return _cpu_tensor(value, where)
    # Exact types: numpy.float64 is a subclass of float, an IntEnum of int, and both would be pickled as objects.
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        return type(value)(_plain_copy(item, f"{where}[{index}]") for index, item in enumerate(value))
    if type(value) in (dict, OrderedDict):
        return {key: _plain_copy(item, _key_path(where, key, item)) for key, item in value.items()}
    raise TypeError(
        f"{where} is of type {type(value).__module__}.{type(value).__name__}: a checkpoint holds tensors and plain "
        "Python values only. Convert it (float(x), torch.from_numpy(x), str(x))"
    )


def _bytes_in(value: object) -> int:
    """Of all tensors in nested values."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return sum(map(_bytes_in, parts))


def _key_path(where: str, key: object, item: object) -> str:
    place = f"{where}[{key!r}]"
    if type(key) not in (str, int):
        raise TypeError(
            f"{place} has a key of type {type(key).__name__}: the keys of a checkpoint are strings or integers"
        )
    if isinstance(key, str) and isinstance(item, Tensor) and _WRAPPER_KEY.search(key):
        raise ValueError(f"{place} carries the prefix of a wrapped module: save plain_state_dict(module) instead")
    return place


def _cpu_tensor(tensor: Tensor, where: str) -> Tensor:
    if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout != torch.strided or tensor.is_meta:
        raise TypeError(
            f"{where} is a {type(tensor).__name__} ({tensor.layout}, device {tensor.device}): only dense tensors that "
            "hold their own values can be saved"
        )
    tensor = tensor.detach().cpu()
    # A view would drag its whole storage into the file.
    is_view = tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size()
    return tensor.clone() if is_view else tensor


def content_sha256(content: object) -> str:
    """Hex digest of keys (in their order), types, values, and dtype, shape and elements of tensors."""
    digest = hashlib.sha256()
    _feed(digest, content)
    return digest.hexdigest()


def _feed(digest: "hashlib._Hash", value: object) -> None:
    """Every part is preceded by its type and length, so that no two contents give the same bytes."""
    kind = type(value).__name__
    if isinstance(value, Tensor):
        digest.update(f"{kind} {value.dtype} {tuple(value.shape)}:".encode())
        # One tensor at a time is brought into order: of most, this is no copy.
        digest.update(value.detach().cpu().resolve_conj().resolve_neg().reshape(-1).view(torch.uint8).numpy())
    elif isinstance(value, list | tuple):
        digest.update(f"{kind} {len(value)}:".encode())
        for item in value:
            _feed(digest, item)
    elif isinstance(value, dict):
        digest.update(f"{kind} {len(value)}:".encode())
        for key, item in value.items():
            _feed(digest, key)
            _feed(digest, item)
    else:
        text = repr(value).encode()  # of a float all its digits
        digest.update(f"{kind} {len(text)}:".encode() + text)


def _check_integrity(path: Path) -> None:
    """Compare the checksums in the file, since torch reads tensors without looking at them."""
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            if file.read(2) == b"PK":
                raise zipfile.BadZipFile("it begins like a checkpoint, but its end is missing")
        return  # torch's format before 1.6, or no checkpoint: torch.load tells
    with zipfile.ZipFile(path) as archive:
        # torch.save packs nothing: what would unpack to more than the file holds was made to fill the memory.
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise zipfile.BadZipFile("its parts are compressed, which those of a checkpoint never are")
        if sum(part.file_size for part in archive.infolist()) > path.stat().st_size:
            raise zipfile.BadZipFile("its parts together are larger than the file")
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"wrong checksum of {damaged}")


def _explain_refusal(path: Path, message: str) -> str:
    refused = _REFUSED_CLASS.search(message)
    if refused is not None:
        return (
            f"{path} is refused: it holds {refused.group(1)}, a Python object that could run code when loaded. "
            "A checkpoint of this project holds tensors and plain values only"
        )
    # torch's own words advise to load what could run code.
    return f"{path} is not a checkpoint, or is truncated or damaged (its content cannot be unpickled)"


def _first_line(error: object) -> str:
    line = next(iter(str(error).strip().splitlines()), "no details")
    return "its content cannot be read" if "weights_only" in line or "pickle_module" in line else line
