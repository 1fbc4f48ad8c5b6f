"""Files that apps and devices write, as recordings; one file of source a format."""

from har.readers.recording import Device, Piece, ReaderError, Recording
from har.readers.registry import READERS, read_recording

__all__ = ("READERS", "Device", "Piece", "ReaderError", "Recording", "read_recording")
