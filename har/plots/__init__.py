"""Figures drawn from the files and arrays of a run."""
