"""Scores from strings: metrics with intervals over people, zero-shot results, and the report written of them."""
