"""WISDM smartphone and smartwatch activities: the watch on the wrist of the dominant hand.

Files, activities and clocks are those of ``wisdm_phone``, whose people these are.
"""

from pathlib import Path

from har.recordings.convert import wisdm_phone
from har.recordings.convert.common import ACC, GYRO, DatasetCard, Notes, Run, find_files
from har.recordings.format import StreamInfo

CARD = DatasetCard(
    title="WISDM Smartphone and Smartwatch Activity and Biometrics Dataset (watch)",
    citation=wisdm_phone.CARD.citation,
    licence=wisdm_phone.CARD.licence,
    source_url=wisdm_phone.CARD.source_url,
    people=51,
    placements=("wrist",),
    rate="20 Hz",
    activities=18,
    verified="published layout",
    note=wisdm_phone.SAME_PEOPLE,
)
STREAMS = (StreamInfo("watch", "LG G Watch", "wrist", ACC + GYRO, 20.0),)
PHRASES = wisdm_phone.PHRASES


def sources(raw: Path) -> list[Path]:
    return find_files(raw, "data_*_accel_watch.txt")


def read(source: Path, notes: Notes) -> list[Run]:
    """Each activity has a clock of its own, which starts with its first sample."""
    return wisdm_phone.read_device(source, "watch", STREAMS, notes)
