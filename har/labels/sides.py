"""What tells left from right: activities that are another one in a mirror, and places on one side of the body."""

import re

_OTHER = {"left": "right", "right": "left"}

# What is drawn or written goes from left to right for the left-handed too.
_SIDED = re.compile(r"\b(?:left|right|(?:anti|counter)?clockwise|letters?|writ(?:e|es|ing))\b", re.IGNORECASE)


def has_side(label: str) -> bool:
    """Whether somebody who does in a mirror what ``label`` says may do something else: "lying on the left side"."""
    return _SIDED.search(label) is not None


def on_other_side(placement: str) -> str:
    """The same place of the body in a mirror: "right wrist" of "left wrist", and "chest" of "chest"."""
    return re.sub(r"\b(?:left|right)\b", lambda side: _OTHER[side[0]], placement)


def on_no_side(placement: str) -> str:
    """The place of the body without its side: "wrist" of "left wrist"."""
    return re.sub(r"\b(?:left|right)\s+", "", placement)
