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
    Rule,
    Run,
    find_files,
    group_by,
    name_parts,
    phrase_of,
    read_rows,
    split_at_lost_rows,
)
from har.recordings.format import StreamInfo

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
RATE_HZ, LARGEST_CODE, RANGE_G = 32.0, 63, 1.5
STREAMS = (StreamInfo("wrist", "wrist-worn accelerometer", "right wrist", ACC, RATE_HZ, accelerometer_range_g=RANGE_G),)
_MODEL = re.compile(r"(?i)models?$")
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
RULES = (
    Rule(
        f"three codes 0 to {LARGEST_CODE}",
        lambda rows: ((rows >= 0) & (rows <= LARGEST_CODE) & (rows == np.floor(rows))).all(axis=1),
    ),
)


def sources(raw: Path) -> list[tuple[list[Path], bool]]:
    """The files of one name together, and whether they are model trials: releases hold trials that made the authors'
    models, whole or cut, a second time, in a folder MODELS or in folders <Activity>_MODEL.
    """
    trials, models = [], []
    for path in find_files(raw, "Accelerometer-*.txt"):
        is_model = any(_MODEL.search(part) for part in path.relative_to(raw).parent.parts)
        (models if is_model else trials).append(path)
    copies = [(group, False) for group in group_by(trials, lambda path: path.name)]
    return copies + [([path], True) for path in models]


def read(source: tuple[list[Path], bool], notes: Notes) -> Iterator[Run]:
    """One labelled run a trial; g = -1.5 + 3 code / 63."""
    copies, is_model = source
    path = copies[0]
    if is_model:
        notes.add("model trials (copies or cuts of trials) left out")
        return
    notes.add("second copies of a trial left out", len(copies) - 1)
    name = r"(?i:Accelerometer-[\d-]+-([a-z_]+)-([fm]\d+)\.txt)"
    named, subject = name_parts(path, name, "Accelerometer-2011-04-11-13-28-18-brush_teeth-f1.txt")
    activity = path.parent.name.lower()
    phrase = phrase_of(PHRASES, activity, path, notes)
    odd = activity != named.lower()
    notes.add("trials whose file name says another activity than their folder, which counts", odd)
    table = read_rows(path, ("x", "y", "z"), separator=WHITE_SPACE, rules=RULES, notes=notes)
    codes = table.to_numpy()
    samples = 2 * RANGE_G * codes / LARGEST_CODE - RANGE_G
    run = Run("wrist", path.stem, subject.lower(), samples, [(phrase, 0, len(samples))])
    yield from split_at_lost_rows(run, table.index, RATE_HZ)
