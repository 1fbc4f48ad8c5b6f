"""A recording and names of activities in, a timeline out."""

from typing import Any

from har.recognition.adapter import Adapter, teach
from har.recognition.recognise import recognise
from har.recognition.timeline import Bout, Timeline
from har.recognition.vocabulary import EVERYDAY_LABELS

__all__ = ["EVERYDAY_LABELS", "Adapter", "Bout", "Timeline", "ZeroShotRecogniser", "recognise", "teach"]


def __getattr__(name: str) -> Any:
    if name == "ZeroShotRecogniser":  # only this needs scikit-learn, which takes a second to import
        from har.recognition.estimator import ZeroShotRecogniser

        return ZeroShotRecogniser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
