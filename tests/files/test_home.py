"""Paths as people give them."""

import argparse
import ast
from pathlib import Path

import pytest

from har.files.home import NoPathError, expand_home, given_path
from har.run.folder import resolve_cache, resolve_under_root

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("take", [given_path, expand_home, resolve_under_root, resolve_cache])
def test_an_empty_text_is_no_path(take):
    with pytest.raises(NoPathError, match="an empty text is no path"):
        take("")
    assert take(".") != take("..")


def test_a_command_line_refuses_it_in_a_sentence(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument("--replay", type=given_path)
    assert parser.parse_args(["--replay", "walk.csv"]).replay == Path("walk.csv")
    with pytest.raises(SystemExit) as ending:
        parser.parse_args(["--replay", ""])
    assert ending.value.code == 2 and "argument --replay: an empty text is no path" in capsys.readouterr().err


def test_every_argument_that_is_a_path_is_taken_so():
    """`type=Path` would take an empty text for the current folder."""
    files = [
        file
        for top in ("har", "val_scripts", "data_scripts", "training_scripts")
        for file in ROOT.glob(f"{top}/**/*.py")
    ]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "add_argument":
                types = [word.value for word in node.keywords if word.arg == "type"]
                assert "Path" not in [getattr(one, "id", None) for one in types], f"{file}:{node.lineno}"
