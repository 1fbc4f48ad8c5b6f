"""Learn what names in people's own words mean, and print what that is worth on words that nobody has learned from.

    python val_scripts/human_activity_recognition/fit_meanings.py

Needed after a change of the words in har/labels/, and for nothing else: it reads no recording and no model. Written
is har/text/meanings.npz, by which a timeline, a live page and a scikit-learn estimator say of a name that it may be
taken otherwise than it was meant (docs/recognition.md). --check writes nothing.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from har.evaluation.paraphrases import NO_ACTIVITIES, OTHER_LANGUAGES, WORDINGS
from har.network.release import TEXT_CACHE
from har.run.ending import exit_status
from har.run.folder import resolve_cache
from har.text.encoder import SentenceEncoder
from har.text.meanings import CLEAR_SHARE, MEANINGS, Meaning, Wordings, fit_meanings, of_no_activity

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0)  # of the table


def main(argv: Sequence[str] | None = None) -> int:
    """Fit as the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="print what the file would be worth, and write nothing")
    return exit_status(partial(fit, parser.parse_args(argv).check), print, partial(print, file=sys.stderr))


def fit(check: bool) -> None:
    encoder, wordings = SentenceEncoder(cache_folder=resolve_cache(TEXT_CACHE)), Wordings.of_tables()
    nothing = of_no_activity(encoder.loaded().tokenizer.get_vocab(), wordings)
    meanings, left_out = fit_meanings(wordings, nothing, encoder)
    print(f"{len(wordings.texts)} wordings of {len(wordings.activities)} activities, {len(nothing)} texts of none")

    def read(texts: Sequence[str]) -> list[Meaning]:
        return meanings.read(encoder.encode(list(texts)).pooled.numpy())

    own = [wordings.activities[meant] for meant in wordings.meant]
    show(
        "wordings of har/labels, each left out once",
        wordings.right(left_out.taken, own),
        left_out.sure,
        left_out.evidence < meanings.least_evidence,
    )
    asked = [(text, label) for label, texts in WORDINGS.items() for text in texts]
    found = read([text for text, _ in asked])
    taken = [wordings.activities.index(meaning.activities[0]) for meaning in found]
    show(
        "other wordings (har/evaluation/paraphrases.py)",
        wordings.right(taken, [label for _, label in asked]),
        np.array([meaning.sure for meaning in found]),
        np.array([meaning.strange for meaning in found]),
    )
    for name, texts in (("names in other languages", OTHER_LANGUAGES), ("what is no activity", NO_ACTIVITIES)):
        found = read(texts)
        strange, clear = (np.mean([getattr(meaning, kind) for meaning in found]) for kind in ("strange", "clear"))
        print(f"{name}: {len(texts)}, strange {strange:.1%}, clear {clear:.1%}")
    if not check:
        meanings.save(MEANINGS)
        print(f"Written: {MEANINGS} ({MEANINGS.stat().st_size / 1e3:.0f} kB)")


def show(name: str, right: np.ndarray, sure: np.ndarray, strange: np.ndarray) -> None:
    """Lines of figures: how often a text is taken rightly, by how sure that is."""
    print(f"{name}: {len(right)}, taken rightly {right.mean():.1%}")
    for low, high in pairwise(SHARES):
        which = (sure >= low) & ((sure < high) | (high == SHARES[-1]))
        if which.any():
            print(f"    sure from {low:g}: {which.sum()}, rightly {right[which].mean():.1%}")
    noted = strange | (sure < CLEAR_SHARE)
    print(f"    noted: {noted[right].mean():.1%} of what is taken rightly, {noted[~right].mean():.1%} of the others")


if __name__ == "__main__":
    sys.exit(main())
