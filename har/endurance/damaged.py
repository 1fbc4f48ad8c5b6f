"""Damaged files of every kind, each with what became of it: how they are damaged stands in the modules named here."""

from har.endurance.damaged_checkpoints import damaged_checkpoints
from har.endurance.damaged_datasets import damaged_datasets
from har.endurance.damaged_raw_files import damaged_raw_files
from har.endurance.damaged_records import damaged_records

__all__ = ["damaged_checkpoints", "damaged_datasets", "damaged_raw_files", "damaged_records"]
