"""People, their days and the devices that they wear -> dataset folders."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from har.recordings.format import DatasetWriter
from har.recordings.simulate.activities import ACTIVITIES
from har.recordings.simulate.anthropometry import draw_person
from har.recordings.simulate.bouts import measured, motion_of, steps_of
from har.recordings.simulate.clips import FRAME_HZ
from har.recordings.simulate.days import day_of
from har.recordings.simulate.devices import draw_gaps
from har.recordings.simulate.timeline import Movement, assemble
from har.recordings.simulate.wardrobe import (
    DATASETS,
    SIMULATED_NAMES,
    SimulatedDataset,
    Worn,
    draw_convention,
)
from har.recordings.simulate.workers import ending_with

SHORTEST_BOUT_S, LONGEST_BOUT_S = 6.0, 45.0
RECORDING_S = 240.0  # after which a person puts the device on anew
FIRST_WALK_S = (15.0, 30.0)  # who has put it on walks to where the rest happens
BORDER_S = 0.15  # deviation of labelled borders: people who label are not exact


def write_simulated_corpus(
    data_root: str | Path,
    *,
    people: int = 12,
    hours: float = 1.0,
    seed: int = 0,
    names: Sequence[str] = SIMULATED_NAMES,
    progress: Callable[[Sequence[tuple[str, int]]], Iterable[tuple[str, int]]] = iter,
    jobs: int = -1,
) -> list[str]:
    """Write the datasets ``names`` of ``SIMULATED_NAMES`` below ``data_root``; returns their names.

    hours: that people move in each dataset, all together, the first walk of each recording aside; devices worn at the
    same time record the same hours. The same arguments give identical bytes, and a person does not depend on how many
    others there are as long as hours / people stays the same. progress: wraps the list of (dataset, number of the
    person), e.g. a progress bar. jobs: processes that people are simulated in, -1 for one a core. Raises
    ``ValueError`` for a negative seed, no people, no time or an unknown name.
    """
    if unknown := [name for name in names if name not in SIMULATED_NAMES]:
        raise ValueError(f"no simulated dataset {', '.join(unknown)}; there are {', '.join(SIMULATED_NAMES)}")
    if people < 1 or seed < 0 or not 0 < hours < math.inf:
        raise ValueError(
            f"seed {seed}, {people} people, {hours} hours; expected a seed of at least 0, at least one person and "
            "more than 0 hours"
        )
    from joblib import Parallel, delayed

    everybody = [(name, number) for name in names for number in range(people)]
    made = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(ending_with)(os.getpid(), simulate_person, name, number, 3600.0 * hours / people, seed)
        for name, number in everybody
    )
    work = iter(progress(everybody))
    for name in names:
        dataset = DATASETS[name]
        with DatasetWriter(
            Path(data_root) / name,
            title=dataset.title,
            citation="simulated bodies, not measured (har/recordings/simulate)",
            licence="CC0 1.0",
            source_url="",
        ) as writer:
            for worn in dataset.streams:
                writer.add_stream(worn.info)
            writer.note(f"simulated with seed {seed}: kinematic bodies that wear virtual sensors, nobody was recorded")
            for _ in range(people):
                next(work)
                for run in next(made):
                    writer.append(**run)
    next(work, None)  # lets a progress bar finish
    return list(names)


def person_generator(seed: int, name: str, number: int, *purpose: int) -> np.random.Generator:
    """The generator of a person of a dataset, or of one purpose of it."""
    return np.random.default_rng([seed, SIMULATED_NAMES.index(name), number, *purpose])


def phrase_of(name: str, activity: str) -> str:
    """How a dataset words an activity; "" where the activity is none of its own."""
    if activity not in DATASETS[name].activities:
        return ""
    phrases = ACTIVITIES[activity].phrases
    return phrases[SIMULATED_NAMES.index(name) % len(phrases)]


def simulate_person(name: str, number: int, seconds: float, seed: int) -> list[dict[str, Any]]:
    """All recordings of one person: the arguments of ``DatasetWriter.append``, run by run."""
    runs: list[dict[str, Any]] = []
    dataset, rng = DATASETS[name], person_generator(seed, name, number)
    conventions = [draw_convention(np.random.default_rng([seed, i])) for i, _ in enumerate(dataset.streams)]
    wearer, subject = draw_person(rng), f"p{number + 1:02d}"
    for count, activities in enumerate(_recordings(dataset, seconds, number, rng)):
        person = wearer
        chosen = _worn_in_recording(dataset, rng)
        places = {i: str(rng.choice(dataset.streams[i].places)) for i in chosen}
        if dataset.acting and rng.random() < dataset.acting:
            (place,) = places.values()
            person = replace(person, left_handed=place.startswith("left"))
        movement = assemble(steps_of(activities, person, rng), person, rng)
        motion = motion_of(movement, person, sorted(places.values()))
        borders = _label_borders(movement, rng)
        for i in chosen:
            worn, own = dataset.streams[i], person_generator(seed, name, number, count, i)
            # As they are written: half of what goes from one process to another.
            samples = measured(motion, worn, places[i], conventions[i], own).astype(np.float32, order="C")
            runs += _runs(worn, name, f"{subject}_{count + 1:02d}", subject, samples, movement, borders, own)
    return runs


def _recordings(
    dataset: SimulatedDataset, seconds: float, number: int, rng: np.random.Generator
) -> list[list[tuple[str, float]]]:
    """Bouts (activity, seconds) of every recording: a walk, then rounds through all activities in a random order, or a
    piece of a day."""
    once = [name for name, often in dataset.activities.items() for _ in range(often)]
    typical = float(np.clip(seconds / len(once), SHORTEST_BOUT_S, LONGEST_BOUT_S))
    bouts: list[tuple[str, float]] = []
    total = 0.0
    while total < seconds:
        for place in rng.permutation(len(once)):
            name = once[place]
            length = max(SHORTEST_BOUT_S, min(typical * rng.uniform(0.6, 1.6), ACTIVITIES[name].longest_s))
            bouts.append((name, length))
            total += length + 1.5  # about what a change takes
            if total >= seconds:
                break
    per_recording = max(1, round(len(bouts) / max(1, round(total / RECORDING_S))))
    parts = [bouts[i : i + per_recording] for i in range(0, len(bouts), per_recording)]
    if dataset.lived:
        parts = [
            day_of(sum(length for _, length in part), rng, longest_s=LONGEST_BOUT_S)
            if rng.random() < dataset.lived
            else part
            for part in parts
        ]
    return [[("walking", rng.uniform(*FIRST_WALK_S)), *part] for part in parts]


def _worn_in_recording(dataset: SimulatedDataset, rng: np.random.Generator) -> list[int]:
    if dataset.together:
        return list(range(len(dataset.streams)))
    shares = np.array([worn.share for worn in dataset.streams])
    return [int(rng.choice(len(shares), p=shares / shares.sum()))]


def _label_borders(movement: Movement, rng: np.random.Generator) -> np.ndarray:
    """Borders between the stretches in s, (stretches + 1,), each a little off."""
    borders = np.array([s.start for s in movement.stretches] + [movement.stretches[-1].stop]) / FRAME_HZ
    shift = np.clip(BORDER_S * rng.standard_normal(len(borders)), -2 * BORDER_S, 2 * BORDER_S)
    shift[[0, -1]] = 0.0
    return np.maximum.accumulate(borders + shift)


def _runs(
    worn: Worn,
    name: str,
    recording: str,
    subject: str,
    samples: np.ndarray,
    movement: Movement,
    borders: np.ndarray,
    rng: np.random.Generator,
) -> Iterator[dict[str, Any]]:
    """The samples of a recording, in several runs where the device paused."""
    rate, phrases = worn.info.sampling_rate_hz, [phrase_of(name, s.label) for s in movement.stretches]
    gaps = draw_gaps(worn.device, len(samples) / rate, rng)
    begins = [0.0, *(end for _, end in gaps)]
    ends = [*(begin for begin, _ in gaps), len(samples) / rate]
    for begin, end in zip(begins, ends, strict=True):
        first, last = round(begin * rate), min(round(end * rate), len(samples))
        rows = np.clip(np.rint(borders * rate).astype(np.int64), first, last) - first
        labels = [
            (phrase, int(start), int(stop))
            for phrase, start, stop in zip(phrases, rows[:-1], rows[1:], strict=True)
            if phrase and stop > start
        ]
        if last > first:
            yield {
                "stream": worn.info.name, "recording": recording, "subject": subject, "samples": samples[first:last],
                "labels": labels, "start_time_s": first / rate,
            }  # fmt: skip
