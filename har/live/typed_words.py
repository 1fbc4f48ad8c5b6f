"""Words that people type on the page are theirs: their embeddings are kept in memory, and in no cache on disk."""

from collections.abc import Sequence

from har.network.alignment import AlignmentModel
from har.text.encoder import SentenceEncoder, TextFeatures
from har.text.label_bank import LearnableLabelBank

_NOBODYS = "a word that nobody knows"


class TypedWords:
    """A text encoder with the cache of another for the labels that a bank was released with, and none for others."""

    def __init__(self, released: SentenceEncoder, labels: Sequence[str]) -> None:
        self._released, self._labels = released, frozenset(labels)
        self.typed = SentenceEncoder(released.name, None, released.device)
        self.fingerprint = released.fingerprint

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """As ``SentenceEncoder.encode``."""
        return (self._released if self._labels.issuperset(texts) else self.typed).encode(texts)


def keep_typed_words_private(model: AlignmentModel, bank: LearnableLabelBank) -> None:
    """Have a model and its bank write no label and no placement to disk; new ones take milliseconds from then on.

    A bank without a sentence encoder, which knows only the labels it was released with, and its model stay as they are.
    """
    if isinstance(bank.text_encoder, SentenceEncoder):
        words = TypedWords(bank.text_encoder, bank.known_labels())
        bank.attach(words)
        model.sentence_encoder = words.typed
        bank.encode([_NOBODYS])
