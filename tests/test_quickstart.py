"""The notebook does from start to end what it shows.

Its code cells are executed here in order, without a kernel: ipykernel and nbclient would bring 31 packages and 100 MB
into the environment of the tests, and the cells use nothing of theirs but two ways to display a file.
"""

import base64
import json
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from har.run.folder import repository_root

NOTEBOOK = repository_root() / "docs" / "quickstart.ipynb"
LARGEST_BYTES = 200_000
LONGEST_CELL = 15  # lines


@pytest.fixture(scope="module")
def cells() -> list[dict]:
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def named(text: str) -> list[str]:
    """The labels that a list of bouts tells of, in order: numbers may differ from one processor to another."""
    return re.findall(r"^ *\d+ to +\d+ s +([a-z ]*[a-z])", text, flags=re.MULTILINE)


def test_it_runs_from_start_to_end_and_says_what_it_said(cells, tmp_path, monkeypatch):
    displayed: list[Path] = []
    display = SimpleNamespace(
        Image=lambda filename: displayed.append(Path(filename)),
        IFrame=lambda src, width, height: displayed.append(Path(src)),
    )
    # matplotlib asks an IPython that is imported for its version, and whether it is what runs.
    asked = SimpleNamespace(display=display, version_info=(9, 0, 0, ""), get_ipython=lambda: None)
    monkeypatch.setitem(sys.modules, "IPython", asked)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    told: dict[str, str] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            with redirect_stdout(StringIO()) as out:
                exec(compile("".join(cell["source"]), f"{NOTEBOOK.name}, cell {cell['id']}", "exec"), names)
            told[cell["id"]] = out.getvalue()
            before = "".join(line for one in cell["outputs"] for line in one.get("text", []))
            assert named(told[cell["id"]]) == named(before), cell["id"]
            assert len(told[cell["id"]].splitlines()) == len(before.splitlines()), cell["id"]

    assert set(named(told["recognise"])) > {"walking", "sitting", "climbing stairs", "running", "unknown"}
    assert "unknown" in named(told["tuesday"]) and "unknown" not in named(told["teach"])
    assert {"pajacyki"} == set(named(told["teach"])) - {"walking", "running", "sitting"}
    assert [path.name for path in displayed] == ["monday.timeline.png", "monday.html"]
    assert displayed[0].read_bytes().startswith(b"\x89PNG") and "<!doctype html>" in displayed[1].read_text().lower()
    # The file holds what the recording in memory does, to the last digit of a float32.
    (read,), (made,) = names["from_file"].devices, names["monday"].devices
    assert read.channels == made.channels and len(read.pieces[0].samples) == len(made.pieces[0].samples)
    assert abs(read.pieces[0].samples - made.pieces[0].samples).max() < 1e-3


def test_a_list_of_bouts_is_read():
    assert named("    0 to   99 s  walking           100%\n  434 to  439 s  brushing teeth     99%\n") == [
        "walking", "brushing teeth",
    ]  # fmt: skip
    assert named("  439 to  539 s  unknown               \n14 kB, 24 windows of 2 names\n") == ["unknown"]


def test_it_is_a_small_notebook_of_format_4(cells):
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"] == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert NOTEBOOK.stat().st_size < LARGEST_BYTES
    assert len({cell["id"] for cell in cells}) == len(cells)
    keys = {"markdown": {"cell_type", "id", "metadata", "source"}}
    keys["code"] = keys["markdown"] | {"execution_count", "outputs"}
    for cell in cells:
        assert cell.keys() == keys[cell["cell_type"]] and cell["metadata"] == {}, cell["id"]
        assert len(cell["source"]) <= LONGEST_CELL, cell["id"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))  # from a fresh kernel
    (picture,) = [one for cell in code for one in cell["outputs"] if "image/png" in one.get("data", {})]
    drawn = base64.b64decode("".join(picture["data"]["image/png"]))
    assert drawn == (NOTEBOOK.parent / "pictures" / "timeline.png").read_bytes()  # what README.md shows


def test_its_links_lead_to_files(cells):
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(targets) >= 3 and [target for target in targets if not (NOTEBOOK.parent / target).is_file()] == []
