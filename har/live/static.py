"""The page without a server: a folder that any web server can host, in which the phone itself recognises."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from har.files.whole import hidden_folder, move_folder
from har.live.device_files import TEXT, TOKENS, write_device_files
from har.live.runtime import write_runtime
from har.live.sessions import PLACEMENTS
from har.network.alignment import AlignmentModel
from har.text.calibration import UNKNOWN_BELOW
from har.text.label_bank import LearnableLabelBank

_PAGE = Path(__file__).parent / "page"
_SERVERS_OWN = ("socket.js",)
_OFFLINE = "offline.js"  # at the folder's root, which it then speaks for
_LATER = (f"model/{TEXT}", f"model/{TOKENS}")
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'"
)
# What the static page has otherwise: file -> (as it stands there, as it stands in the folder).
_CHANGES = {
    "index.html": (
        (
            '<meta charset="utf-8">',
            f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        ),
        ('<button type="button" id="save" disabled>', '<button type="button" id="save" disabled hidden>'),
    ),
    "recogniser.js": (
        (
            'export { SocketRecogniser as Recogniser } from "./socket.js";',
            'export { DeviceRecogniser as Recogniser } from "./device/recogniser.js";',
        ),
    ),
}  # fmt: skip
_README = """A page that names what its wearer does, on the phone itself: no data leaves it. Host the folder with HTTPS.
On this machine `python -m http.server --directory FOLDER` is enough, and the page is at http://localhost:8000.
"""


def write_static(
    folder: Path,
    model: AlignmentModel,
    bank: LearnableLabelBank,
    labels: Sequence[str],
    placement: str | None = None,
    unknown_below: float = UNKNOWN_BELOW,
    runtime: Path | None = None,
    tell: Callable[[str], object] = lambda text: None,
) -> dict[str, int]:
    """Write the folder; returns the bytes of each of its files, by name.

    labels, placement: what the page begins with. unknown_below: as of ``recognise``. runtime, tell: as of
    ``write_runtime``. Raises ``FileExistsError`` for a folder that holds anything, and as ``write_runtime`` and
    ``write_device_files`` do.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} holds something already; give a new folder, or empty it first")
    placements = list(dict.fromkeys([*PLACEMENTS, *([] if placement is None else [placement])]))
    with hidden_folder(folder) as hidden:
        write_runtime(hidden / "runtime", runtime, tell)
        (hidden / "model").mkdir()
        page = {
            "source": "sensors", "name": None, "labels": list(labels), "placement": placement,
            "placements": placements,
        }  # fmt: skip
        tell("exporting the networks, which takes half a minute")
        write_device_files(hidden / "model", model, bank, labels, placements, page, unknown_below)
        (hidden / "device").mkdir()
        for file in (*_PAGE.iterdir(), *(_PAGE / "device").iterdir()):
            name = file.relative_to(_PAGE)
            if file.is_file() and file.name not in (*_SERVERS_OWN, _OFFLINE):
                (hidden / name).write_text(_changed(name.as_posix(), file.read_text("utf-8")), encoding="utf-8")
        (hidden / _OFFLINE).write_text(_offline(hidden), encoding="utf-8")
        (hidden / "README.txt").write_text(_README, encoding="utf-8")
        sizes = {name: len(content) for name, content in _contents(hidden).items()}
        if not move_folder(hidden, folder):
            raise FileExistsError(f"{folder} came to hold something meanwhile; give a new folder")
    return sizes


def _contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def _offline(folder: Path) -> str:
    """The service worker of a folder that holds all else; it is another one when anything there is another."""
    contents, digest = _contents(folder), hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    constants = {
        "DIGEST": digest.hexdigest()[:16],
        "FILES": ["./", *(name for name in contents if name not in _LATER)],
        "LATER": _LATER,
    }
    lines = [f"const {name} = {json.dumps(value)};" for name, value in constants.items()]
    return "\n".join([*lines, (_PAGE / "device" / _OFFLINE).read_text("utf-8")])


def _changed(name: str, text: str) -> str:
    for before, after in _CHANGES.get(name, ()):
        if text.count(before) != 1:
            raise ValueError(f"{name} of the page holds {before!r} {text.count(before)} times; expected it once")
        text = text.replace(before, after)
    return text
