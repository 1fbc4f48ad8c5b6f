"""Trained models scored on recordings: leave-one-dataset-out with its references, and what one checkpoint knows."""
