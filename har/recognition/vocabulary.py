"""Names that a timeline uses without being asked: everyday activities, and what is no activity."""

import unicodedata
from collections.abc import Iterable

from har.text.arguments import clean_labels, listed
from har.text.calibration import UNKNOWN

# What people do on most days, each by one common name, as coarse as one worn device can tell it.
EVERYDAY_LABELS = (
    "lying", "sitting", "standing", "walking", "walking upstairs", "walking downstairs", "running", "cycling",
    "driving a car", "working at a computer", "writing", "eating", "drinking", "brushing teeth", "washing hands",
    "washing dishes", "cooking", "sweeping the floor", "vacuum cleaning", "ironing", "folding laundry", "kneeling",
    "jumping", "doing squats",
)  # fmt: skip

NOT_WORN = "not worn"
RESERVED = (UNKNOWN, NOT_WORN)


def check_labels(labels: Iterable[str]) -> list[str]:
    """The labels as a list.

    Raises ``ValueError`` for none, for two that are the same once cleaned, for one that a timeline gives itself, and
    for one that no file could hold (of several lines, with control characters); as ``har.text.arguments.clean_labels``
    for what is no label.
    """
    names = listed(labels)
    if not names:
        raise ValueError("no labels to choose from; name at least one activity")
    cleaned = clean_labels(names)
    # Tables part rows by line breaks, and XML knows no control characters at all.
    if odd := [name for name in names if any(unicodedata.category(character) == "Cc" for character in name)]:
        raise ValueError(f"label {odd[0]!r} holds a line break or a control character; write it as one line of text")
    if own := [name for name, clean in zip(names, cleaned, strict=True) if clean in RESERVED]:
        raise ValueError(f"label {own[0]!r} is what a timeline itself says of a window; leave it out")
    if len(set(cleaned)) < len(cleaned):
        twice = [name for name, clean in zip(names, cleaned, strict=True) if cleaned.count(clean) > 1]
        raise ValueError(f"labels to choose from must differ, found the same one more than once: {twice}")
    return names
