"""What was repaired or left out, counted by sentence."""

from collections import Counter


class Counts(Counter[str]):
    """Sentence -> how often; what `har.signal.clocks` counts ends here too."""

    def add(self, sentence: str, count: int = 1) -> None:
        self[sentence] += count

    def sentences(self) -> list[str]:
        """For the notes of a recording."""
        return [f"{count:,} {sentence}" for sentence, count in self.items() if count]
