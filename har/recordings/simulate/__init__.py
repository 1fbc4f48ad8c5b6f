"""Simulated people who wear virtual sensors: dataset folders without any download.

Joint angles over time (gait.py, locomotion.py, postures.py, transitions.py, gestures.py, exercise.py) turn a kinematic
tree (skeleton.py) of a drawn person (anthropometry.py); virtual accelerometers and gyroscopes on it (sensors.py,
devices.py) measure what real ones would. bouts.py makes a recording of chosen activities; corpus.py writes the
datasets that wardrobe.py describes.

scipy and joblib are imported inside the functions that simulate: training scripts import this package at their start,
and mostly find the people simulated already.
"""

from har.recordings.simulate.bouts import SimulatedRecording, simulate_bouts
from har.recordings.simulate.corpus import write_simulated_corpus
from har.recordings.simulate.wardrobe import SIMULATED_NAMES

__all__ = ["SIMULATED_NAMES", "SimulatedRecording", "simulate_bouts", "write_simulated_corpus"]
