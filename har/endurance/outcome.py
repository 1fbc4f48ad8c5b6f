"""What one trial came to."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """One trial and what was lost by it.

    kind: row of the table, such as "main script killed". trial: what was done, in words and numbers with which it can
    be done again. loss: what must not happen and did, a sentence; "" where nothing was lost. ended: how it ended, a
    word or two for the table, such as "refused" or "right data".
    """

    kind: str
    trial: str
    loss: str
    ended: str
    seconds: float = 0.0
    peak_mb: float = 0.0
