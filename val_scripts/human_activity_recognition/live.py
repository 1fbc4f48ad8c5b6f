"""A page that a phone opens: it names what its wearer does, out of words that the wearer types.

    python val_scripts/human_activity_recognition/live.py                           # this machine alone
    python val_scripts/human_activity_recognition/live.py --host 0.0.0.0 --https    # phones on the same network too

prints an address and a QR code of it. Phones give motion sensors to secure pages only, hence --https: the browser
warns of the certificate, which this machine has made for itself, and goes on when told to. Without a phone:

    python val_scripts/human_activity_recognition/live.py --replay walk.csv --speed 4

Without a server, as a folder that any web server can host (the phone then recognises by itself):

    python val_scripts/human_activity_recognition/live.py --static FOLDER           # takes the extra [export]

Nothing is stored on this machine. Ctrl-C ends it. Privacy, security, protocol: docs/live.md. Needs
pip install 'har-language[live]'. Errors end with one line and exit status 2.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from functools import partial

import torch

from har.files.home import given_path
from har.live import check_installed
from har.readers import read_recording
from har.recognition.adapter import Adapter
from har.recognition.recognise import RELEASED, check_unknown_below, loaded
from har.recognition.vocabulary import check_labels
from har.recognition.words import hints
from har.run.ending import exit_status
from har.text.calibration import UNKNOWN_BELOW

PORT = 8765
CLIENTS = 10
LOCAL_HOST = "127.0.0.1"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve as the command line says; returns the exit status."""
    arguments = parse_arguments(argv)
    return exit_status(partial(run, arguments), print, partial(print, file=sys.stderr))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", nargs="+", metavar="NAME", help="names that a page begins with (8 common ones)")
    parser.add_argument("--placement", help='where it is worn, in words, to begin with: "trouser pocket"')
    parser.add_argument("--checkpoint", default=RELEASED, help="a .pt file in its run folder (the released model)")
    parser.add_argument("--adapter", type=given_path, metavar="NPZ", help="what was taught: by the page, or --teach")
    parser.add_argument(
        "--unknown", type=float, default=UNKNOWN_BELOW, metavar="PROBABILITY",
        help=f"unknown is what shows any of the labels less likely than this ({UNKNOWN_BELOW:g}; 0: nothing is)",
    )  # fmt: skip
    parser.add_argument("--host", default=LOCAL_HOST, help=f"where to listen; 0.0.0.0: everywhere ({LOCAL_HOST})")
    parser.add_argument("--port", type=int, default=PORT, help=f"0 for any that is free ({PORT})")
    parser.add_argument("--https", action="store_true", help="with a certificate that is made for this machine")
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"pages at a time ({CLIENTS})")
    parser.add_argument("--replay", type=given_path, metavar="FILE", help="a recording in place of a phone's sensors")
    parser.add_argument("--speed", type=float, default=1.0, help="of --replay: seconds of it in one second (1)")
    parser.add_argument("--static", type=given_path, metavar="FOLDER", help="write the page without a server, and end")
    parser.add_argument(
        "--runtime", type=given_path, metavar="TGZ",
        help="of --static: the package onnxruntime-web from a file, where there is no network",
    )  # fmt: skip
    return parser.parse_args(argv)


def write(arguments: argparse.Namespace) -> None:
    from har.live.sessions import FIRST_LABELS, Settings
    from har.live.static import write_static

    labels = FIRST_LABELS if arguments.labels is None else tuple(check_labels(arguments.labels))
    Settings(labels, arguments.placement)
    unknown_below = check_unknown_below(arguments.unknown)
    model, bank = loaded(arguments.checkpoint)
    sizes = write_static(
        arguments.static, model, bank, labels, arguments.placement, unknown_below, arguments.runtime,
        partial(print, flush=True),
    )  # fmt: skip
    print(f"{len(sizes)} files, {sum(sizes.values()) / 1e6:.0f} MB: {arguments.static}")
    print(f"On this machine: python -m http.server --directory {arguments.static}; phones take HTTPS: docs/live.md")


def run(arguments: argparse.Namespace) -> None:
    if arguments.static is not None:
        write(arguments)
        return
    check_installed()
    from har.live.access import address, is_loopback, names_of, new_token
    from har.live.certificate import certificate_for, config_folder
    from har.live.replay import Replay, describe
    from har.live.server import live_app
    from har.live.serving import bind, qr_code, serve
    from har.live.sessions import FIRST_LABELS, Settings
    from har.live.typed_words import keep_typed_words_private
    from har.recognition.live import LiveRecogniser

    if arguments.clients < 1:
        raise ValueError(f"--clients {arguments.clients}; expected at least 1 page at a time")
    labels = FIRST_LABELS if arguments.labels is None else tuple(check_labels(arguments.labels))
    adapter = None if arguments.adapter is None else Adapter.load(arguments.adapter)
    print(*hints(arguments.labels, adapter), sep="", end="", file=sys.stderr)
    replay = None
    if arguments.replay is not None:
        replay = Replay(read_recording(arguments.replay), arguments.speed)
    settings = Settings(labels, arguments.placement, arguments.clients, replay=replay)
    unknown_below = check_unknown_below(arguments.unknown)
    bound = bind(arguments.host, arguments.port)  # before the model, which takes longer
    threads = os.cpu_count() or 1
    torch.set_num_threads(1)  # each session has a thread of its own
    model, bank = loaded(arguments.checkpoint)
    if adapter is not None:
        adapter.check(model)
    keep_typed_words_private(model, bank)
    make = partial(LiveRecogniser, model=model, bank=bank, adapter=adapter, unknown_below=unknown_below)

    listens, port = bound.getsockname()[:2]
    names, token = names_of(arguments.host, listens), new_token()
    certificate = certificate_for(names, config_folder()) if arguments.https else None
    url = address(names[0], port, token, arguments.https)
    print(qr_code(url), url, sep="\n")
    if replay is not None:
        print(f"Plays {replay.name} ({describe(replay.device)}).")
    if is_loopback(listens):
        print("Only this machine reaches it; for a phone on the same network: --host 0.0.0.0 --https")
    elif certificate is None:
        print("Phones give motion sensors to secure pages only: add --https, or open it with --replay.")
    if certificate is not None:
        print(
            "The browser warns that it does not know the certificate: choose Advanced (or Show details), then go on. "
            f"First compare its SHA-256 fingerprint:\n{certificate.fingerprint}"
        )
    print("Ctrl-C ends it.", flush=True)
    # What is loaded stays: no pass of the garbage collector need look at it, which would take seconds at the end.
    gc.freeze()
    serve(live_app(make, token, names, settings, threads=threads), bound, certificate)
    print("Ended.")


if __name__ == "__main__":
    sys.exit(main())
