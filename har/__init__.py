"""Recordings -> windows -> network -> embedding <-> label text: the library that the scripts share."""
