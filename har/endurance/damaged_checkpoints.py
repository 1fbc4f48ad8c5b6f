"""Checkpoints that were damaged, altered or are something else: refused in words, or exactly what was saved.

Nothing in them is executed: what would be leaves a file behind.
"""

import gzip
import io
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from har.endurance.damage import (
    ANY_BYTES,
    FOLDER,
    Damage,
    Files,
    changed,
    generator,
    in_a_copy,
    one_bit,
    pick,
    read_files,
    truncated,
)
from har.endurance.outcome import Outcome
from har.endurance.small_model import CHANNELS, LABELS, PLACEMENTS, write_run
from har.endurance.trials import RIGHT, SilentChangeError, outcomes
from har.network.loading import load_label_bank, load_model
from har.run.checkpoint import save_checkpoint

KIND = "damaged checkpoint"
NAME = "best.pt"
_NUMBER = 1  # of this kind, for its generators
_DIGEST = "content_sha256"
_BOMB_BYTES = 300 << 20


def damaged_checkpoints(count: int, seed: int, work: Path) -> Iterator[Outcome]:
    """``count`` trials in ``work``, each with what it came to; the same for the same ``seed``."""
    whole, marker = work / "run", work / "executed"
    write_run(whole)
    files, right = read_files(whole), use(whole / NAME)

    def load(folder: Path) -> str:
        try:
            found = use(folder / NAME)
        finally:
            if marker.exists():
                raise SilentChangeError("code in the file was executed")
        if not same(found, right):
            raise SilentChangeError("another model, label bank or checkpoint than was saved")
        return RIGHT

    def trials() -> Iterator:
        for number in range(count):
            rng = generator(seed, _NUMBER, number)
            damage = DAMAGES[number % len(DAMAGES)](files, rng, marker)
            yield in_a_copy(KIND, number, damage, whole, work, load)

    yield from outcomes(trials())


def use(path: Path) -> tuple:
    """What a user gets: the checkpoint, embeddings of a fixed signal, and what the label bank calls them."""
    model, checkpoint, hyperparams_path = load_model(path, "cpu")
    bank = load_label_bank(checkpoint, "cpu", hyperparams_path)
    signal = 0.3 * np.random.default_rng(0).standard_normal((3, 100, 6)) + np.array([0, 0, 1, 0, 0, 0])
    embeddings = model.embed(signal, sampling_rate_hz=50.0, channels=CHANNELS, placement=PLACEMENTS[0])
    names, probabilities = bank.classify(embeddings, LABELS)
    return checkpoint, embeddings, names, probabilities


def same(a: object, b: object) -> bool:
    """Equal to the bit: types, keys and their order, elements of tensors and arrays."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


# --- damages of the bytes ---------------------------------------------------------------------------------------------


def bit(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    return changed(files, NAME, one_bit, rng)


def bit_of_the_frame(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    """In what surrounds the tensors: names, sizes and places of the parts, and the list of them at the end."""
    content = bytearray(files[NAME])
    places = [i for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7") for i in _all(files[NAME], mark)]
    place = int(pick(places, rng)) + int(rng.integers(4, 60))
    turned = int(rng.integers(8))
    content[min(place, len(content) - 1)] ^= 1 << turned
    return Damage(f"{NAME}: bit {turned} of byte {place} flipped", {NAME: bytes(content)})


def _all(content: bytes, mark: bytes) -> Iterator[int]:
    at = content.find(mark)
    while at >= 0:
        yield at
        at = content.find(mark, at + 1)


def cut_off(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    return changed(files, NAME, truncated, rng)


def any_bytes(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    return changed(files, NAME, pick(ANY_BYTES, rng), rng)


def no_file(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    name = pick((NAME, "hyperparameters.json"), rng)
    what = pick((None, FOLDER), rng)
    return Damage(f"{name}: {'removed' if what is None else 'a folder in its place'}", {name: what})


# --- damages of the content, saved again ------------------------------------------------------------------------------


def resaved(files: Files, words: str, change: Callable[[dict], object]) -> Damage:
    """As torch saves it after a change; the digest stays unless the change takes it away."""
    state = torch.load(io.BytesIO(files[NAME]), weights_only=True)
    change(state)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return Damage(f"{NAME}: {words}", {NAME: buffer.getvalue()})


def _weights(part: dict) -> list[str]:
    """Names of the tensors that have several elements, not all of them zero."""
    tensors = {name: tensor for name, tensor in part.items() if isinstance(tensor, Tensor)}
    return [name for name, x in tensors.items() if x.dtype == torch.float32 and x.numel() > 1 and x.any()]


def tensors_exchanged(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    def change(state: dict) -> None:
        part, names = state[part_name], _weights(state[part_name])
        first = pick(names, rng)
        alike = [name for name in names if part[name].shape == part[first].shape and not same(part[name], part[first])]
        if alike:
            second = pick(alike, rng)
            part[first], part[second] = part[second], part[first]
        else:
            part[first] = -part[first]

    part_name = pick(("model", "label_bank"), rng)
    return resaved(files, f"tensors of {part_name} exchanged", change)


def another_tensor(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    part_name = pick(("model", "label_bank"), rng)
    with_digest = rng.random() < 0.6
    kinds = {
        "an element more": lambda x: torch.cat([x.flatten(), x.new_ones(1)]),
        "half": lambda x: x.half(),
        "double": lambda x: x.double(),
        "whole numbers": lambda x: x.long(),
        "no tensor": lambda x: x.tolist(),
        "None": lambda x: None,
        "complex": lambda x: x.to(torch.complex64),
    }
    if with_digest:
        kinds |= {"an element larger": lambda x: x + torch.eye(max(1, x.numel()))[0][: x.numel()].reshape(x.shape)}
        kinds |= {"NaN": lambda x: x * float("nan"), "zeros": lambda x: 0 * x}
    what = pick(sorted(kinds), rng)

    def change(state: dict) -> None:
        name = pick(_weights(state[part_name]), rng)
        state[part_name][name] = kinds[what](state[part_name][name])
        if not with_digest:
            del state[_DIGEST]

    return resaved(files, f"a tensor of {part_name}: {what}{'' if with_digest else ', no digest'}", change)


def keys(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    """Keys that are missing, came to it, or hold something else."""
    needed = ("model", "label_bank", "network", "bank", "placements", "labels", "datasets", "text_encoder", "format")
    with_digest = rng.random() < 0.5
    key = pick(needed if not with_digest else (*needed, "step", "constants", "window_s"), rng)
    what = pick(("missing", "another kind", "a part missing") + (("an additional one",) if with_digest else ()), rng)

    def change(state: dict) -> None:
        if not with_digest:
            del state[_DIGEST]
        if what == "an additional one":
            state["new"] = pick((None, 1, {}), rng)
        elif what == "a part missing" and isinstance(state[key], dict):
            state[key].pop(pick(sorted(state[key]), rng))
        elif what == "another kind":
            state[key] = pick((None, -7, "x", [None], (), 1e400, torch.ones(2)), rng)
        else:
            del state[key]

    return resaved(files, f"{key}: {what}{'' if with_digest else ', no digest'}", change)


def another_format(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    """Whole and right in itself, of another version or of stage 1."""
    buffer = marker.with_name("other.pt")
    state = torch.load(io.BytesIO(files["latest.pt" if rng.random() < 0.5 else NAME]), weights_only=True)
    del state[_DIGEST]
    state["format"] = pick((0, 1, 3, 99, "2", None, [2]), rng) if "decoder" not in state else state["format"]
    words = "a checkpoint of stage 1" if "decoder" in state else f"format {state['format']!r}"
    save_checkpoint(buffer, state)
    return Damage(f"{NAME}: {words}", {NAME: buffer.read_bytes()})


# --- other things -----------------------------------------------------------------------------------------------------


class RunsCode:
    """What loading it without care would execute."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def foreign_pickle(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    traps = {
        "os.system": RunsCode(os.system, f"touch '{marker}'"),
        "exec": RunsCode(exec, f"open({str(marker)!r}, 'w').close()"),
        "subprocess": RunsCode(subprocess.call, ["touch", str(marker)]),
        "open": RunsCode(open, str(marker), "w"),
        "a network": nn.Linear(2, 2),
        "a NumPy number": np.float64(1.0),
        "a path": marker,
        "an error": ValueError("x"),
    }
    what = pick(sorted(traps), rng)
    how = pick(("zip", "before 1.6", "pickle"), rng)
    state = {"model": {}, "step": traps[what]} if rng.random() < 0.5 else traps[what]
    buffer = io.BytesIO()
    if how == "pickle":
        buffer.write(pickle.dumps(state, protocol=int(rng.integers(6))))
    else:
        torch.save(state, buffer, _use_new_zipfile_serialization=how == "zip")
    return Damage(f"{NAME}: {what} pickled ({how})", {NAME: buffer.getvalue()})


def another_archive(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    """A zip archive whose parts changed places, are missing, come twice, or are packed."""
    with zipfile.ZipFile(io.BytesIO(files[NAME])) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    tensors = sorted(name for name in parts if "/data/" in name)
    sizes = [len(parts[name]) for name in tensors]
    what = pick(("exchanged", "missing", "twice", "shorter", "packed", "a bomb", "a bomb besides"), rng)
    method = zipfile.ZIP_DEFLATED if what == "packed" or "bomb" in what else zipfile.ZIP_STORED
    name = pick(tensors if rng.random() < 0.7 else sorted(parts), rng)
    if what == "exchanged":
        first = pick([one for one, size in zip(tensors, sizes, strict=True) if sizes.count(size) > 1], rng)
        alike = [one for one in tensors if len(parts[one]) == len(parts[first]) and parts[one] != parts[first]]
        if alike:
            second = pick(alike, rng)
            parts[first], parts[second] = parts[second], parts[first]
        else:
            parts[first] = parts[first][::-1] if parts[first] != parts[first][::-1] else b"\1" * len(parts[first])
    elif what == "missing":
        del parts[name]
    elif what == "shorter":
        parts[name] = parts[name][:-1]
    elif what == "a bomb":
        parts[tensors[0]] = bytes(_BOMB_BYTES)
    elif what == "a bomb besides":
        parts["archive/data/bomb"] = bytes(_BOMB_BYTES)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
        if what == "twice":
            archive.writestr(zipfile.ZipInfo(f"{name}2"), parts[name])
    return Damage(f"{NAME}: {what} in the archive ({name})", {NAME: buffer.getvalue()})


def another_file(files: Files, rng: np.random.Generator, marker: Path) -> Damage:
    npy, huge = io.BytesIO(), io.BytesIO()
    np.save(npy, np.ones(3))
    torch.save({"model": torch.ones(4)}, huge, _use_new_zipfile_serialization=False)
    others = {
        "JSON": b'{"model": {}}',
        "packed": gzip.compress(files[NAME]),
        "an array": npy.getvalue(),
        "zeros": bytes(4096),
        "a list": pickle.dumps([1, 2], protocol=2),
        "nested lists": b"\x80\x02" + b"]" * 100_000 + b".",
        "many marks": b"\x80\x02" + b"(" * 100_000 + b".",
        "an endless string": b"\x80\x02X\xff\xff\xff\x7f",
        "text of a link": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "before 1.6, larger than it is": huge.getvalue().replace(b"K\x04", b"J\xff\xff\xff\x7f"),
    }
    what = pick(sorted(others), rng)
    return Damage(f"{NAME}: {what}", {NAME: others[what]})


DAMAGES = (
    bit, bit, bit, bit, bit_of_the_frame, bit_of_the_frame, cut_off, any_bytes, any_bytes, no_file, tensors_exchanged,
    tensors_exchanged, another_tensor, another_tensor, keys, keys, another_format, foreign_pickle, foreign_pickle,
    another_archive, another_file,
)  # fmt: skip
