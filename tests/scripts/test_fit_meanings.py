"""The door to what names mean: what it prints, and that it writes only when it shall."""

import re
import runpy
from collections.abc import Callable

import numpy as np
import pytest

from har.run.folder import repository_root
from har.text.meanings import MEANINGS, Meanings, Wordings

SCRIPT = "val_scripts/human_activity_recognition/fit_meanings.py"


@pytest.fixture
def fit(monkeypatch, tmp_path, capsys) -> Callable[..., tuple[int, str]]:
    """fit(*arguments) -> exit status and lines, of every eighth wording, fewer other texts, and a file elsewhere."""
    whole = Wordings.of_tables()
    few = Wordings(whole.texts[::8], whole.meant[::8], whole.activities)
    monkeypatch.setattr(Wordings, "of_tables", classmethod(lambda cls: few))
    monkeypatch.setattr("har.text.meanings._OF_NO_ACTIVITY", 100)
    main = runpy.run_path(str(repository_root() / SCRIPT), run_name="fit_meanings")["main"]
    main.__globals__["MEANINGS"] = tmp_path / "meanings.npz"

    def run(*arguments: str) -> tuple[int, str]:
        status = main(list(arguments))
        return status, capsys.readouterr().out

    return run


def test_it_prints_what_the_file_is_worth_and_writes_it(fit, tmp_path):
    status, told = fit("--check")
    assert status == 0 and not list(tmp_path.iterdir())
    whole = Wordings.of_tables()
    assert told.startswith(f"{len(whole.texts)} wordings of 185 activities, 600 texts of none\n")
    for part, (count, right) in {
        name: (int(count), float(right))
        for name, count, right in re.findall(r"^(\S.*): (\d+), taken rightly ([\d.]+)%$", told, re.MULTILINE)
    }.items():
        lines = told[told.index(part) :].splitlines()[1:]
        lines = lines[: next(i for i, line in enumerate(lines) if "noted" in line)]
        bins = [re.fullmatch(r" +sure from [\d.]+: (\d+), rightly ([\d.]+)%", line).groups() for line in lines]
        counts, shares = np.array(bins, dtype=float).T
        assert counts.sum() == count and shares @ counts / count == pytest.approx(right, abs=0.1)
    status, told = fit()
    assert status == 0 and told.rstrip().splitlines()[-1].startswith(f"Written: {tmp_path / 'meanings.npz'}")
    assert Meanings.load(tmp_path / "meanings.npz").activities == Meanings.load(MEANINGS).activities
