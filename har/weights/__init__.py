"""The released model: weights that need no training, and the card (README.md) that says what they can and cannot do."""
