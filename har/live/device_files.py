"""What a page without a server is given beside its program: networks, embeddings of words, tables of what words mean.

The page's modules in ``page/device/`` read them; their counterparts in Python are named there.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from har.export.graph import export_graph
from har.export.text_graph import export_text_graph
from har.labels.groups import ACCEPTED, CIRCUMSTANCE_WORDS, GROUPS, PACE_WORDS, PACES, group_of, is_fall
from har.labels.wording import NOUN_TEMPLATES, PARAPHRASES, VERB_TEMPLATES, clean_label, has_paraphrases, phrasings
from har.network.alignment import AlignmentModel
from har.recognition.colors import GREYS, PALETTE, colors_of
from har.recognition.vocabulary import EVERYDAY_LABELS
from har.text.encoder import SentenceEncoder
from har.text.label_bank import LearnableLabelBank
from har.text.meanings import meanings_by, meanings_of

MODEL, TEXT, TOKENS = "model.onnx", "text.onnx", "text_tokens.txt"
VOCABULARY, NUMBERS = "vocabulary.json", "vocabulary.f32"
STEP_S = 0.5  # from answer to answer


def write_device_files(
    folder: Path,
    model: AlignmentModel,
    bank: LearnableLabelBank,
    labels: Sequence[str],
    placements: Sequence[str],
    page: dict[str, Any],
    unknown_below: float,
) -> None:
    """Write the networks, the vocabulary and its embeddings into a folder.

    labels, placements: known without the text encoder, beside those of training and the names of all synonym groups.
    page: what the page begins with; ``suggestions``, all labels that it knows, and ``text_megabytes``, the size of the
    text encoder, are added. Raises ``ValueError``
    for a bank without a sentence encoder, ``ImportError`` that says what to install where ONNX is not there.
    """
    encoder = bank.text_encoder
    if not isinstance(encoder, SentenceEncoder):
        raise ValueError("the label bank has no sentence encoder, which words of one's own take; load it with one")
    export_graph(model, folder / MODEL, features=True)
    export_text_graph(encoder, bank, folder / TEXT)
    tokenizer = encoder.loaded().tokenizer
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / TOKENS).write_text("\n".join(word for word, _ in words), encoding="utf-8")

    known = bank.known_labels()
    every = list(dict.fromkeys(clean_label(label) for label in (*known, *labels, *EVERYDAY_LABELS, *GROUPS)))
    places = list(dict.fromkeys((*model.placements, *placements)))
    unknown_places = places[len(model.placements) :]
    rows = [model.placement_table[1:]]
    if unknown_places:
        rows.append(encoder.encode(unknown_places).pooled)
    suggested = list(dict.fromkeys((*EVERYDAY_LABELS, *every)))
    arrays = {
        "prototypes": bank.encode(every).reshape(-1, bank.width),
        "sentences": encoder.encode(known).pooled,
        "places": torch.cat([part.cpu() for part in rows]),
    }
    understood = {"columns": [None] * len(known)}
    if meanings := meanings_by(encoder):
        understood = {
            "activities": meanings.activities, "least_evidence": meanings.least_evidence,
            "columns": meanings.columns(known),
        }  # fmt: skip
        arrays |= {
            "meaning_weights": torch.from_numpy(meanings.weight),
            "meaning_biases": torch.from_numpy(meanings.bias)[None],
            "meaning_centre": torch.from_numpy(meanings.centre)[None],
        }
    vocabulary = {
        "window_s": model.config.window_s,
        "step_s": STEP_S,
        "text_width": model.config.text_width,
        "scale": float(bank.logit_scale),
        "calibration": bank.calibration.to_dict(),
        "unknown_below": unknown_below,
        "labels": every,
        "known": len(known),
        "prototypes_a_label": bank.num_prototypes,
        "placements": places,
        "words": word_tables(),
        "meanings": understood,
        "meant": {label: asdict(found) for label, found in meanings_of(every, encoder, known).items()},
        "colors": color_tables(),
        "page": {**page, "suggestions": suggested, "text_megabytes": round((folder / TEXT).stat().st_size / 1e6)},
        "tables": _write_numbers(folder / NUMBERS, arrays),
    }
    (folder / VOCABULARY).write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")


def word_tables() -> dict[str, Any]:
    """What ``har.labels`` knows of words: groups, what is accepted for what, templates and paraphrases.

    paraphrases: by phrase; a phrase that is not there has those of its group.
    """
    phrases = dict.fromkeys((*GROUPS, *PARAPHRASES, *(phrase for group in GROUPS.values() for phrase in group)))
    own = {clean_label(phrase): _paraphrases(phrase) for phrase in phrases if has_paraphrases(phrase)}
    of_group = {phrase: said for phrase, said in own.items() if phrase == group_of(phrase)}
    apart = {phrase: said for phrase, said in own.items() if of_group.get(group_of(phrase)) != said}
    return {
        "groups": GROUPS,
        "accepted": {group: sorted(others) for group, others in ACCEPTED.items()},
        "paces": {pace: sorted(named) for pace, named in PACES.items()},
        "pace_words": sorted(PACE_WORDS),
        "circumstance_words": sorted(CIRCUMSTANCE_WORDS),
        "fall_groups": [group for group in GROUPS if is_fall(group)],
        "verb_templates": VERB_TEMPLATES,
        "noun_templates": NOUN_TEMPLATES,
        "paraphrases": of_group | apart,
    }


def _paraphrases(phrase: str) -> list[str]:
    phrase = clean_label(phrase)
    made = {phrase, *(template.format(phrase) for template in (*VERB_TEMPLATES, *NOUN_TEMPLATES))}
    return [said for said in phrasings(phrase) if said not in made]


def color_tables() -> dict[str, Any]:
    """What ``har.recognition.colors`` knows: the palette, greys, and places in the palette by synonym group."""
    places = {group_of(label): PALETTE.index(colors_of([label])[label]) for label in EVERYDAY_LABELS}
    return {"palette": PALETTE, "greys": GREYS, "places": places}


def _write_numbers(path: Path, arrays: dict[str, torch.Tensor]) -> dict[str, dict[str, int]]:
    """Tables (n, width) one after the other as little-endian float32; returns where each of them begins."""
    tables, parts, first = {}, [], 0
    for name, array in arrays.items():
        rows, width = array.shape
        tables[name] = {"first": first, "rows": rows, "width": width}
        parts.append(array.detach().cpu().numpy().astype("<f4"))
        first += rows * width
    path.write_bytes(np.concatenate([part.ravel() for part in parts]).tobytes())
    return tables
