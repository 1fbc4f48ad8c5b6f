"""Rows of the live benchmark, and the server that it starts."""

import numpy as np
import pytest

pytest.importorskip("websockets", reason="pip install 'har-language[live]'")

from har.benchmark import live_server
from har.benchmark.live import phones_of, spread


def test_times_are_told_by_their_quantiles():
    times = np.random.default_rng(0).gamma(2.0, 10.0, 101)
    assert spread("a word", times) == {
        "a word, median, ms": np.median(times),
        "a word, 95 in 100, ms": np.sort(times)[95],
        "a word, longest, ms": times.max(),
    }
    assert list(spread("a word", times, ["longest"])) == ["a word, longest, ms"]
    assert (phones_of(1), phones_of(10)) == ("one phone", "10 phones")


def test_a_server_that_warns_much_runs_and_one_that_cannot_start_says_why(tmp_path, monkeypatch):
    script = tmp_path / "live.py"
    monkeypatch.setattr(live_server, "SCRIPT", str(script))
    talks = "for _ in range(4000): print('a warning of some length that nobody reads', file=sys.stderr)"
    script.write_text(
        f"import sys, time\n{talks}\nprint('http://127.0.0.1:1/x/')\nprint('Ctrl-C ends it.')\ntime.sleep(60)"
    )
    with live_server._served("default", 1) as url:
        assert url == "http://127.0.0.1:1/x/"
    script.write_text("import sys\nsys.exit('error: no port is free')")
    with pytest.raises(RuntimeError, match="did not start: error: no port is free"), live_server._served("default", 1):
        pass
