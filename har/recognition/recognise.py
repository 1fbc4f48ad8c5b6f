"""A recording and names of activities in, a timeline out."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch

from har.evaluation.few_shot import LEAST_PROBABILITY
from har.labels.groups import group_of
from har.network.alignment import AlignmentModel
from har.network.loading import load_label_bank, load_model
from har.readers.recording import Recording
from har.recognition.adapter import Adapter, model_digest
from har.recognition.clock import Clock
from har.recognition.embedding import BodyAxes, SurveyedDevice, WindowPlan, embed_plan, plan_windows, surveyed
from har.recognition.names import doubts_about
from har.recognition.naming import named_alone, named_in_context
from har.recognition.timeline import NamedWindows, Timeline, bouts_of, clock_of
from har.recognition.vocabulary import EVERYDAY_LABELS, check_labels
from har.signal.entry import as_number
from har.text.calibration import UNCALIBRATED, UNKNOWN_BELOW
from har.text.label_bank import LearnableLabelBank
from har.text.naming import Naming

RELEASED = "default"  # what `load_model` calls the released model
_TOLD = 5  # moments that one note lists


def recognise(
    recording: Recording,
    labels: Sequence[str] | None = None,
    model: AlignmentModel | None = None,
    bank: LearnableLabelBank | None = None,
    *,
    adapter: Adapter | None = None,
    context: bool = True,
    unknown_below: float = UNKNOWN_BELOW,
    stride_s: float | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Timeline:
    """Name what is done in a recording, moment by moment.

    labels: names to choose from, in any words; ``EVERYDAY_LABELS`` by default, and those that an adapter was taught.
    model, bank: from ``load_model`` and ``load_label_bank``; the released ones by default. adapter: what its wearer
    taught (har/recognition/adapter.py). context: windows are named in view of the whole recording: how the devices lie
    against the body, how much each label attracts, what comes before and after. Without it each window is named by
    itself, as a live display would. unknown_below: a window is "unknown" where the probability that one of the labels
    is meant, and none of the other activities that the model knows, is less than this; 0 calls nothing unknown.
    stride_s: seconds from window to window, half a window by default. progress: called with windows embedded so far and
    in all.

    Where nothing worn lies that still (har/recognition/non_wear.py), the timeline says "not worn": such windows are
    neither named nor taken into account. A week of one device takes about half a gigabyte.

    Raises ``ValueError`` for labels, thresholds and strides that make no sense, for a device without a sensor or rate
    that the network knows, for samples that cannot be in the units of a ``Recording``, for a recording of which no
    second is there, and for an adapter of another model; ``TypeError`` for what is no ``Recording`` and
    no number; and as `load_model` does.
    """
    if not isinstance(recording, Recording):
        raise TypeError(f"{recording!r} is no Recording; read a file with har.readers.read_recording(path) first")
    if labels is None:
        taught = [] if adapter is None else adapter.labels
        groups = {group_of(label) for label in taught}
        labels = [*taught, *(label for label in EVERYDAY_LABELS if group_of(label) not in groups)]
    labels = check_labels(labels)
    unknown_below = check_unknown_below(unknown_below)
    if (model is None) != (bank is None):
        raise ValueError("give both a model and its label bank, or neither for the released ones")
    if model is None:
        model, bank = loaded(RELEASED)
    unasked: list[str] = []
    if adapter is not None:
        adapter.check(model)
        unasked = adapter.left_out(labels)
    stride_s = model.config.window_s / 2 if stride_s is None else as_number("stride_s", stride_s, "seconds such as 2.5")
    if not 0 < stride_s <= model.config.window_s:
        raise ValueError(f"stride_s {stride_s}; expected more than 0 and at most a window, {model.config.window_s} s")
    if not any(len(piece.samples) for device in recording.devices for piece in device.pieces):
        raise ValueError(f"{recording.name}: no device has any sample; there is nothing to name")

    devices = [surveyed(device, model.config.sensors) for device in recording.devices if device.pieces]
    plan = plan_windows(recording, devices, model.config.window_s, stride_s)
    naming = Naming(bank, labels)
    # Of which nothing is asked for is no adapter.
    used = None if adapter is None or len(unasked) == len(adapter.labels) else adapter
    axes = [BodyAxes(one) if context else None for one in devices]
    windows = _named(model, naming, devices, axes, plan, used, context, unknown_below, stride_s, progress)
    doubts = doubts_about(labels, bank, () if adapter is None else adapter.labels)
    clock = clock_of(recording)
    notes = [*doubts, *recording.notes, *(text for one in devices for text in one.findings), *_notes(devices)]
    for number, (one, body) in enumerate(zip(devices, axes, strict=True), start=1):
        if body is not None and body.anew_s:
            unnamed = f"number {number} of the recording" if len(devices) > 1 else "of the recording"
            whose = f"at {one.device.placement}" if one.device.placement else unnamed
            notes.append(_mounted_anew(whose, body.anew_s, clock))
    if unasked:
        notes.append(
            f"Taught, but not among the names asked for, and so without effect: {', '.join(map(repr, unasked))}."
        )
    return Timeline(
        name=recording.name,
        labels=tuple(labels),
        windows=windows,
        bouts=bouts_of(windows, labels),
        clock=clock,
        surveys=[(one.device.placement, one.survey) for one in devices],
        doubts=doubts,
        notes=list(dict.fromkeys(notes)),
        settings={
            "model": model_digest(model),
            "adapter": None if adapter is None else adapter.digest(),
            "calibrated": bank.calibration != UNCALIBRATED,
            "context": context,
            "unknown_below": unknown_below,
            "window_s": model.config.window_s,
            "stride_s": stride_s,
        },
        source=recording.source,
    )


def check_unknown_below(given: object) -> float:
    """The probability below which a window is "unknown". Raises ``ValueError`` for what is none."""
    unknown_below = as_number("unknown_below", given, "a probability such as 0.5")
    if not 0 <= unknown_below < 1:
        raise ValueError(f"unknown below a probability of {unknown_below}; expected at least 0 (nothing) and below 1")
    return unknown_below


@lru_cache(maxsize=1)
def loaded(checkpoint: str) -> tuple[AlignmentModel, LearnableLabelBank]:
    """A checkpoint's model and label bank, on the GPU if there is one; loaded once, however often it is asked for."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, held, path = load_model(checkpoint, device)
    return model, load_label_bank(held, device, path)


def _named(
    model: AlignmentModel,
    naming: Naming,
    devices: Sequence[SurveyedDevice],
    axes: Sequence[BodyAxes | None],
    plan: WindowPlan,
    adapter: Adapter | None,
    context: bool,
    unknown_below: float,
    stride_s: float,
    progress: Callable[[int, int], object],
) -> NamedWindows:
    """Embed and name the windows of a plan; those of which no second is there are gaps and left out."""
    count, labels = len(plan.start_s), len(naming.labels)
    probabilities, margin = np.full((count, labels), np.nan, np.float32), np.full(count, np.nan, np.float32)
    seen = ~plan.worn
    layers = ("embedding",) if adapter is None else ("embedding", "features")
    done, total = 0, int(plan.worn.sum())

    def embedded(windows: int) -> None:
        nonlocal done
        done += windows
        progress(done, total)

    for rows, found in embed_plan(model, devices, plan, axes, layers, embedded):
        there = (found[0].abs().amax(dim=1) > 0).cpu().numpy()
        logits, better = naming(found[0])
        own = logits.double().softmax(dim=1).cpu().numpy()
        if adapter is not None:
            own, better = adapter.blended(own, better, found[1].cpu().numpy(), naming, model.device)
        probabilities[rows], margin[rows], seen[rows] = own, better, there
    if not seen.any():
        raise ValueError(
            f"no window of the recording has a patch of {model.config.patch_s} s of which half of the samples are "
            "there; give a longer recording"
        )
    plan, probabilities, margin = plan[seen], probabilities[seen], margin[seen]
    worn, known = plan.worn, np.full(len(margin), np.nan, np.float32)
    name = np.full(len(worn), labels + 1)
    if worn.any():
        own = probabilities[worn]
        if context:
            own = own if adapter is None else np.maximum(own, LEAST_PROBABILITY)
            found = named_in_context(own, margin[worn], plan.start_s[worn], stride_s, naming.calibration)
        else:
            found = named_alone(own, margin[worn], naming.calibration)
        probabilities[worn], known[worn] = found
        name[worn] = np.where(known[worn] < unknown_below, labels, probabilities[worn].argmax(axis=1))
    stop_s = plan.start_s + model.config.window_s
    return NamedWindows(plan.start_s, stop_s, plan.from_s, plan.to_s, probabilities, known, name)


def _notes(devices: Sequence[SurveyedDevice]) -> list[str]:
    """What the recognition took for granted, in sentences."""
    notes = []
    for one in devices:
        whose = f"at {one.device.placement}" if one.device.placement else "of the recording"
        if one.survey.kind != "acc":
            notes.append(
                f"The device {whose} has no accelerometer: postures cannot be told, and whether it was worn is not "
                "looked at."
            )
        elif one.device.gravity == "removed":
            notes.append(f"The accelerometer {whose} comes without gravity: postures can hardly be told apart.")
        if one.device.placement is None:
            notes.append("Nothing is known of where the device was worn; saying so makes the names better.")
    return notes


def _mounted_anew(whose: str, anew_s: Sequence[float], clock: Clock) -> str:
    times = [f"{moment:%Y-%m-%d %H:%M}" if (moment := clock.at(when)) else f"{when:.0f} s" for when in anew_s]
    more = f" and {len(times) - _TOLD} times more" if len(times) > _TOLD else ""
    return (
        f"The device {whose} seems to have been turned or put on anew at about {', '.join(times[:_TOLD])}{more}: "
        "walking points elsewhere from then on. How it lies against the body was looked for in each time between."
    )
