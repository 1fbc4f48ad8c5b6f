"""onnxruntime for browsers: the few files of its package that a static page takes, checked to be the published ones."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from har.files.whole import write_atomically
from har.run.folder import resolve_cache

VERSION = "1.30.0"
_INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # SHA-512
_PACKAGE = f"onnxruntime-web@{VERSION}"
_ARCHIVE = f"onnxruntime-web-{VERSION}.tgz"
_CACHE = Path(".cache/onnxruntime-web")
_TIMEOUT_S = 300.0

# The build for WebAssembly alone: no WebGPU, no code that is put together at run time.
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
LICENSE = """onnxruntime-web, the files beside this one.

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def write_runtime(folder: Path, archive: Path | None = None, tell: Callable[[str], object] = lambda text: None) -> None:
    """Write the files of the runtime and its licence into a new folder.

    archive: the package as ``npm pack`` writes it; None takes the one in the cache, or loads it once. tell: called with
    a sentence where it is loaded. Raises ``FileNotFoundError`` where it is neither there nor can be loaded, with the
    remedy, and ``ValueError`` for an archive that is not the published one.
    """
    found = archive or resolve_cache(_CACHE) / _ARCHIVE
    if archive is None and not found.is_file():
        _load(found, tell)
    if not found.is_file():
        raise FileNotFoundError(f"there is no package {found}; `npm pack {_PACKAGE}` writes it")
    _check(found.read_bytes(), found)
    folder.mkdir()
    with tarfile.open(found) as package:
        for name in FILES:
            with package.extractfile(f"package/dist/{name}") as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
    (folder / "LICENSE.txt").write_text(LICENSE, encoding="utf-8")


def _check(data: bytes, where: Path | str) -> None:
    integrity = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if integrity != _INTEGRITY:
        raise ValueError(
            f"{where} is not onnxruntime-web {VERSION} as it was published: found SHA-512 {integrity}, expected "
            f"{_INTEGRITY}; remove it and load it again"
        )


def _load(path: Path, tell: Callable[[str], object]) -> None:
    """Put the package into the cache, from wherever the user has set npm to take packages from."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            f"onnxruntime-web {VERSION} is not in {path.parent}, and there is no npm to load it with; install Node.js "
            f"with npm, or give what `npm pack {_PACKAGE}` writes on another machine as --runtime {_ARCHIVE}"
        )
    tell(f"loading onnxruntime-web {VERSION} (33 MB) into {path.parent}, once")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", _PACKAGE, "--loglevel=error", "--pack-destination", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, cwd=folder)
            data = (Path(folder) / _ARCHIVE).read_bytes() if done.returncode == 0 else None
            problem = next(iter(done.stderr.splitlines()), f"exit status {done.returncode}")
        except (OSError, subprocess.TimeoutExpired) as error:
            data, problem = None, str(error)
    if data is None:
        raise FileNotFoundError(
            f"onnxruntime-web {VERSION} is not in {path.parent}, and npm could not load it ({problem}); where there is "
            f"a network, `npm pack {_PACKAGE}` writes {_ARCHIVE}: give it as --runtime"
        )
    _check(data, f"{_ARCHIVE} of npm")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data, durable=False)
