"""Words that people type on the page are theirs: their embeddings are kept in memory, and in no cache on disk."""

from collections.abc import Sequence

from har.text.encoder import SentenceEncoder, TextFeatures
from har.text.label_bank import LearnableLabelBank

_NOBODYS = "a word that nobody knows"


class TypedWords:
    """A text encoder with the cache of another for the labels that a bank was released with, and none for others."""

    def __init__(self, released: SentenceEncoder, labels: Sequence[str]) -> None:
        self._released, self._labels = released, frozenset(labels)
        self._typed = SentenceEncoder(released.name, None, released.device)
        self.fingerprint = released.fingerprint

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """As ``SentenceEncoder.encode``."""
        return (self._released if self._labels.issuperset(texts) else self._typed).encode(texts)


def keep_typed_words_private(bank: LearnableLabelBank) -> None:
    """Have a bank with a sentence encoder write no word to disk; afterwards new words take milliseconds.

    A bank that knows only the labels it was released with is left as it is.
    """
    if isinstance(bank.text_encoder, SentenceEncoder):
        bank.attach(TypedWords(bank.text_encoder, bank.known_labels()))
        bank.encode([_NOBODYS])
