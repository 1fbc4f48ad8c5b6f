"""SisFall: a device at the waist; adults' and elderly people's daily activities and falls."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from har.recordings.convert.common import (
    ACC,
    GYRO,
    DatasetCard,
    Notes,
    Run,
    around_peak,
    find_files,
    phrase_of,
    published_twice,
    read_rows,
    split_at_lost_rows,
    within,
)
from har.recordings.format import RANGE_TOLERANCE, StreamInfo

CARD = DatasetCard(
    title="SisFall: A Fall and Movement Dataset",
    citation="Sucerquia, López, Vargas-Bonilla, SisFall: A Fall and Movement Dataset, Sensors 17(1):198, 2017",
    licence="free for research (CC BY 4.0 article)",
    source_url="http://sistemic.udea.edu.co/en/investigacion/proyectos/english-falls/",
    people=9,
    placements=("waist",),
    rate="200 Hz",
    activities=34,
    verified="original files",
)
RATE_HZ = 200.0
# Readme.txt: value = 2 * range / 2**resolution per count.
ADXL345_G_PER_COUNT = 2 * 16 / 2**13
ITG3200_DEG_PER_S_PER_COUNT = 2 * 2000 / 2**16
LARGEST_COUNT = RANGE_TOLERANCE * 16 / ADXL345_G_PER_COUNT
COLUMNS = tuple(f"{sensor} {axis}" for sensor in ("ADXL345", "ITG3200", "MMA8451Q") for axis in "xyz")
# The ADXL345 is taken, not the MMA8451Q: its range of 16 g holds the impacts of falls.
STREAMS = (StreamInfo("waist", "ADXL345 and ITG3200", "waist", ACC + GYRO, RATE_HZ, accelerometer_range_g=16.0),)
PHRASES = {
    "D01": "walking slowly",
    "D02": "walking fast",
    "D03": "jogging slowly",
    "D04": "jogging fast",
    "D05": "walking upstairs and downstairs",
    "D06": "walking upstairs and downstairs",
    "D07": "sitting down on a chair and standing up",
    "D08": "sitting down on a chair and standing up",
    "D09": "sitting down on a low chair and standing up",
    "D10": "sitting down on a low chair and standing up",
    "D11": "trying to stand up and collapsing into a chair",
    "D12": "lying down from sitting and sitting up again",
    "D13": "lying down from sitting and sitting up again",
    "D14": "rolling from the back onto the side and back",
    "D15": "bending the knees and getting up",
    "D16": "bending over and straightening up",
    "D17": "getting into and out of a car",
    "D18": "stumbling while walking",
    "D19": "jumping to reach a high object",
    "F01": "slipping and falling forward",
    "F02": "slipping and falling backward",
    "F03": "slipping and falling sideways",
    "F04": "tripping and falling forward",
    "F05": "tripping while jogging and falling forward",
    "F06": "fainting and falling down",
    "F07": "fainting and falling with the hands on a table",
    "F08": "falling forward while standing up",
    "F09": "falling sideways while standing up",
    "F10": "falling forward while sitting down",
    "F11": "falling backward while sitting down",
    "F12": "falling sideways while sitting down",
    "F13": "falling forward while sitting",
    "F14": "falling backward while sitting",
    "F15": "falling sideways while sitting",
}


def sources(raw: Path) -> list[tuple[Path, bool]]:
    """Each trial, and whether it is left out as a copy."""
    paths = find_files(raw, "[DF]??_S???_R??.txt")
    copies = published_twice(paths, label_of=lambda path: path.stem[:3])
    return [(path, path in copies) for path in paths]


def read(source: tuple[Path, bool], notes: Notes) -> Iterator[Run]:
    """One trial; of a fall only the seconds around the impact are labelled."""
    path, is_copy = source
    code, _, trial = path.stem.split("_")
    phrase = phrase_of(PHRASES, code, path, notes)
    if is_copy:
        notes.add("trials left out because their samples are published twice, under different labels or people")
        return
    rules = (within(COLUMNS[:3], LARGEST_COUNT), within(COLUMNS[3:], 2**15))
    table = read_rows(path, COLUMNS, record_end=";", rules=rules, notes=notes)
    counts = table.to_numpy()
    acc = counts[:, :3] * ADXL345_G_PER_COUNT
    gyro = np.deg2rad(counts[:, 3:6] * ITG3200_DEG_PER_S_PER_COUNT)
    first, last = (0, len(acc)) if code[0] == "D" else around_peak(acc, RATE_HZ)
    # The folder names the subject: SA15 holds trials whose file names say SE15.
    subject = path.parent.name
    run = Run("waist", f"{code}_{subject}_{trial}", subject, np.hstack([acc, gyro]), [(phrase, first, last)])
    yield from split_at_lost_rows(run, table.index, RATE_HZ)
