"""Converters: one module per public dataset, raw files as published -> dataset folder.

Each module defines

- ``CARD``: a ``DatasetCard``, what ``prepare_data.py list`` shows and ``dataset.json`` cites;
- ``STREAMS``: the ``StreamInfo`` of every stream it makes;
- ``PHRASES``: label string or code as published -> natural phrase (the one table of that dataset);
- ``sources(raw)``: the raw files (or groups of files) to read, in a fixed order;
- ``read(source, notes)``: one source -> ``Run`` objects in g, rad/s and uT. ``notes`` is a ``Notes`` that counts what
  was left out or repaired.
"""

import importlib
from types import ModuleType

# Verified on original files: the first thirteen. The others are verified on fixtures in the published layout.
NAMES = (
    "chest_mounted",
    "forth_trace",
    "gesture_logs",
    "mex",
    "mobifall",
    "pdiot",
    "selfback",
    "sisfall",
    "smartfallmm",
    "sphere",
    "spsw_har",
    "utd_mhad",
    "wisdm_phone",
    "hapt",
    "motionsense",
    "pamap2",
    "uci_har",
    "umafall",
    "wharf",
    "realworld",
    "mhealth",
    "shoaib",
    "usc_had",
    "harth",
    "wisdm_watch",
    "weda_fall",
    "opportunity",
)


def converter(name: str) -> ModuleType:
    """The converter module of one dataset; ``ValueError`` lists the known names for an unknown one."""
    if name not in NAMES:
        raise ValueError(f"no converter for {name!r}; known datasets: {', '.join(NAMES)}")
    return importlib.import_module(f"{__name__}.{name}")
