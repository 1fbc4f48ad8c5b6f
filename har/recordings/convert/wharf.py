"""WHARF (Bruno et al., ICRA 2013): 14 daily activities, an accelerometer on the right wrist, 64 codes for 3 g."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    WHITE_SPACE,
    DatasetCard,
    Notes,
    Run,
    find_files,
    group_by,
    name_parts,
    phrase_of,
    read_rows,
)
from har.recordings.format import DatasetError, StreamInfo

CARD = DatasetCard(
    title="Wearable Human Activity Recognition Folder (WHARF)",
    citation="Bruno, Mastrogiovanni, Sgorbissa, Vernazza and Zaccaria, Analysis of Human Behavior Recognition "
    "Algorithms Based on Acceleration Data, ICRA 2013",
    licence="free for research, cite the paper",
    source_url="https://github.com/fulviomas/WHARF",
    people=17,
    placements=("right wrist",),
    rate="32 Hz",
    activities=14,
    verified="published layout",
)
STREAMS = (StreamInfo("wrist", "wrist-worn accelerometer", "right wrist", ACC, 32.0, accelerometer_range_g=1.5),)
PHRASES = {
    "brush_teeth": "brushing teeth",
    "climb_stairs": "walking upstairs",
    "comb_hair": "combing hair",
    "descend_stairs": "walking downstairs",
    "drink_glass": "drinking from a glass",
    "eat_meat": "eating with knife and fork",
    "eat_soup": "eating with a spoon",
    "getup_bed": "getting up from a bed",
    "liedown_bed": "lying down on a bed",
    "pour_water": "pouring water",
    "sitdown_chair": "sitting down on a chair",
    "standup_chair": "standing up from a chair",
    "use_telephone": "making a phone call",
    "walk": "walking",
}
LARGEST_CODE, RANGE_G = 63, 1.5


def sources(raw: Path) -> list[list[Path]]:
    """The files of one name together: some releases hold copies of a few trials in folders <Activity>_MODEL."""
    return group_by(find_files(raw, "Accelerometer-*.txt"), lambda path: path.name)


def read(copies: list[Path], notes: Notes) -> Iterator[Run]:
    """One labelled run a trial; g = -1.5 + 3 code / 63."""
    path = copies[0]
    notes.add("second copies of a trial left out", len(copies) - 1)
    name = r"(?i:Accelerometer-[\d-]+-([a-z_]+)-([fm]\d+)\.txt)"
    named, subject = name_parts(path, name, "Accelerometer-2011-04-11-13-28-18-brush_teeth-f1.txt")
    activity = re.sub("_model$", "", path.parent.name.lower())
    phrase = phrase_of(PHRASES, activity, path)
    odd = activity != named.lower()
    notes.add("trials whose file name says another activity than their folder, which counts", odd)
    codes = read_rows(path, ("x", "y", "z"), separator=WHITE_SPACE).to_numpy()
    fits = ((codes >= 0) & (codes <= LARGEST_CODE) & (codes == np.floor(codes))).all(axis=1)
    if not fits.all():
        row = int(np.argmin(fits))
        raise DatasetError(f"{path}, row {row + 1}: {codes[row].tolist()}; expected three codes 0 to {LARGEST_CODE}")
    samples = 2 * RANGE_G * codes / LARGEST_CODE - RANGE_G
    yield Run("wrist", path.stem, subject.lower(), samples, [(phrase, 0, len(samples))])
