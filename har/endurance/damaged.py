"""Damaged files of every kind, each with what became of it: see the modules that are gathered here."""

from har.endurance.damaged_datasets import damaged_datasets

__all__ = ["damaged_datasets"]
