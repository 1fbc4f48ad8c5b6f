"""What somebody did, from a recording of a phone, watch or sensor and names of activities in any words.

    python val_scripts/human_activity_recognition/predict.py walk.csv \\
        --labels walking "walking upstairs" sitting standing

Without --labels it chooses from 24 everyday activities. Written beside the recording, or to the folder of --out:

    walk.html            a page to look at in any browser: timeline over the signal, minutes, confidence
    walk.timeline.png    the timeline as a picture
    walk.timeline.csv    bouts: start, stop, label, confidence
    walk.windows.csv     the probability of each label in each window (or .parquet)
    walk.summary.json    minutes an activity, an hour and a day, longest bouts, unknown, not worn

A folder in place of a file does all recordings in it, several at a time; stopped, the same command goes on with what is
missing. Names that are yours alone are taught by a few rows start, stop, label of one recording:

    python val_scripts/human_activity_recognition/predict.py walk.csv --teach mine.csv --adapter me.npz
    python val_scripts/human_activity_recognition/predict.py tomorrow.csv --adapter me.npz

What comes out and how to read it: docs/recognition.md. Errors end with one line and exit status 2.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial

from tqdm import tqdm

from har.files.home import given_path
from har.readers import read_recording
from har.recognition import files
from har.recognition.adapter import Adapter, teach_from
from har.recognition.annotation import EXPORTS
from har.recognition.recognise import RELEASED, loaded
from har.recognition.words import hints, minutes_table, notes_on_names
from har.run.ending import exit_status
from har.text.calibration import UNKNOWN_BELOW

SHOWN_AFTER_S = 2.0  # a bar for what takes longer


def main(argv: Sequence[str] | None = None) -> int:
    """Predict as the command line says; returns the exit status."""
    arguments = parse_arguments(argv)
    many = arguments.recording.is_dir() and not files.is_export(arguments.recording)
    work = partial(predict_folder if many else predict_file, arguments)
    return exit_status(work, print, partial(print, file=sys.stderr))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=given_path, help="a file, an app's export, or a folder of recordings")
    parser.add_argument("--labels", nargs="+", metavar="NAME", help="names to choose from (24 everyday activities)")
    parser.add_argument("--checkpoint", default=RELEASED, help="a .pt file in its run folder (the released model)")
    parser.add_argument("--out", type=given_path, help="folder to write into (beside the recording)")
    parser.add_argument("--placement", help='where it was worn, in words: "left wrist", "trouser pocket"')
    parser.add_argument("--reader", help="format of the file (found out)")
    parser.add_argument("--columns", help="which columns are what: time=t,acc_x=ax,... (found out)")
    parser.add_argument("--unit", help='units of the file: "m/s^2", "g,deg/s" (found out)')
    parser.add_argument("--rate", type=float, dest="rate_hz", metavar="HZ", help="samples a second (from the stamps)")
    parser.add_argument("--no-calibration", action="store_true", help="leave the accelerometer as the file has it")
    parser.add_argument("--live-like", action="store_true", help="name each window by itself, without the recording")
    parser.add_argument(
        "--unknown", type=float, default=UNKNOWN_BELOW, metavar="PROBABILITY",
        help=f"unknown is what shows any of the labels less likely than this ({UNKNOWN_BELOW:g}; 0: nothing is)",
    )  # fmt: skip
    parser.add_argument("--teach", type=given_path, metavar="CSV", help="rows start, stop, label of this recording")
    parser.add_argument("--adapter", type=given_path, metavar="NPZ", help="what was taught: --teach writes it")
    parser.add_argument("--jobs", type=int, help="recordings of a folder at a time (one a core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="spread them over a Dask cluster: tcp://host:8786")
    parser.add_argument(
        "--format", choices=files.WINDOW_FORMATS, default=files.WINDOW_FORMATS[0], help="of the windows' table"
    )
    parser.add_argument("--export", nargs="+", choices=list(EXPORTS), default=[], help="for programs to annotate in")
    return parser.parse_args(argv)


def request_of(arguments: argparse.Namespace) -> files.Request:
    if arguments.jobs is not None and arguments.jobs < 1:
        raise ValueError(f"--jobs {arguments.jobs}; expected at least 1 recording at a time")
    asked = vars(arguments)
    names = ("placement", "reader", "columns", "unit", "rate_hz")
    reading = {name: asked[name] for name in names if asked[name] is not None}
    return files.Request(
        labels=None if arguments.labels is None else tuple(arguments.labels),
        reading=reading | ({"calibrate": False} if arguments.no_calibration else {}),
        out=arguments.out,
        context=not arguments.live_like,
        unknown_below=arguments.unknown,
        windows=arguments.format,
        exports=tuple(arguments.export),
    )


def predict_file(arguments: argparse.Namespace) -> None:
    request, job = request_of(arguments), files.job_of(arguments.recording, arguments.out)
    recording = read_recording(job.source, **request.reading)
    model, bank = loaded(arguments.checkpoint)
    adapter = None
    if arguments.teach is not None:
        adapter = teach_from(arguments.teach, recording, model)
        path = arguments.adapter or job.output(files.ADAPTER)
        with files.writing_into(path.parent):
            print(f"What was taught: {adapter.save(path)}")
    elif arguments.adapter is not None:
        adapter = Adapter.load(arguments.adapter)
    print(*hints(arguments.labels, adapter), sep="", end="", file=sys.stderr)
    with tqdm(unit="windows", delay=SHOWN_AFTER_S, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        summary = files.predict_one(job, request, read_recording, model, bank, adapter, show, recording)
    print(*notes_on_names(summary), sep="", end="", file=sys.stderr)
    print(minutes_table(summary))
    print(f"Timeline, windows, summary and picture: {job.folder.resolve()} (start with {job.stem}.html)")


def predict_folder(arguments: argparse.Namespace) -> None:
    if arguments.teach is not None:
        raise ValueError("--teach learns from one recording; give that file in place of the folder")
    request, folder = request_of(arguments), arguments.recording
    adapter = None if arguments.adapter is None else Adapter.load(arguments.adapter)
    print(*hints(arguments.labels, adapter), sep="", end="", file=sys.stderr)
    jobs = files.jobs_in(folder, arguments.out)
    if not jobs:
        raise ValueError(f"{folder} holds no file that could be a recording")
    asked = (request, read_recording, arguments.checkpoint, adapter, arguments.jobs or os.cpu_count() or 1)
    work, outcomes = files.predict_many(jobs, *asked, arguments.scheduler), []
    for outcome in tqdm(work, total=len(jobs), unit="recordings", delay=SHOWN_AFTER_S, leave=False):
        outcomes.append(outcome)
        if outcome.error:
            tqdm.write(outcome.error, file=sys.stderr)
    table = files.save_outcomes(outcomes, folder, (out := arguments.out or folder) / files.TABLE_NAME)
    named = [outcome.summary for outcome in outcomes if outcome.summary is not None]
    if not named:
        raise ValueError(f"none of the {len(jobs)} files of {folder} could be named; {table} says why")
    print(*notes_on_names(*named), sep="", end="", file=sys.stderr)
    print(minutes_table(*named))
    earlier = sum(outcome.earlier for outcome in outcomes)
    print(f"{len(named)} of {len(jobs)} recordings named ({earlier} before), all in {table.name}: {out.resolve()}")
    if failed := len(jobs) - len(named):
        raise ValueError(f"{failed} of the {len(jobs)} files of {folder} could not be named; {table} says why")


if __name__ == "__main__":
    sys.exit(main())
