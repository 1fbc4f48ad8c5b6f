"""Bouts in the formats of programs in which people annotate: to look at them, and to correct them."""

from collections.abc import Callable
from pathlib import Path

from har.recognition.timeline import Timeline
from har.run.folder import atomic_writer, write_json

# Names that the labelling configuration of a Label Studio project has in its own template for time series.
_CONTROL, _OBJECT, _DATA = "label", "ts", "csv"
_TIER = "activity"


def save_label_studio(timeline: Timeline, path: Path) -> Path:
    """One pre-annotated task of Label Studio (labelstud.io/guide/predictions), times in seconds of the recording.

    The project's labelling configuration is that of its template for time series: ``TimeSeriesLabels`` named "label"
    for the ``TimeSeries`` "ts" with the value "$csv".
    """
    result = []
    for number, bout in enumerate(timeline.bouts):
        value = {"start": round(bout.start_s, 3), "end": round(bout.stop_s, 3), "instant": False}
        entry = {
            "id": f"bout{number}",
            "from_name": _CONTROL,
            "to_name": _OBJECT,
            "type": "timeserieslabels",
            "value": {**value, "timeserieslabels": [bout.label]},
        }
        result.append(entry if bout.confidence is None else {**entry, "score": round(bout.confidence, 4)})
    source = timeline.name if timeline.source is None else timeline.source.name
    model = str(timeline.settings.get("model", ""))[:12]
    task = {"data": {_DATA: source}, "predictions": [{"model_version": model, "result": result}]}
    write_json(path, [task])
    return path


def save_elan(timeline: Timeline, path: Path) -> Path:
    """An annotation file of ELAN (Max Planck Institute for Psycholinguistics) with one tier, "activity", times in ms.

    Times begin with the recording: ELAN has none before 0. Raises ``ImportError`` where pympi is not installed.
    """
    try:
        from pympi import Eaf
    except ImportError as error:
        raise ImportError("writing ELAN's files needs pympi: pip install pympi-ling") from error
    annotations = Eaf(author="har-language")
    annotations.remove_tier("default")
    annotations.add_tier(_TIER)
    # Whole milliseconds: a bout shorter than one has no place there.
    for bout in timeline.bouts:
        start, stop = (round(1000 * (time_s - timeline.start_s)) for time_s in (bout.start_s, bout.stop_s))
        if stop > start:
            annotations.add_annotation(_TIER, start, stop, bout.label)
    with atomic_writer(path) as temporary:
        annotations.to_file(str(temporary))
    return path


# name -> ending of the file, and what writes it
EXPORTS: dict[str, tuple[str, Callable[[Timeline, Path], Path]]] = {
    "labelstudio": (".labelstudio.json", save_label_studio),
    "elan": (".eaf", save_elan),
}
