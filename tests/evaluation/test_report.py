"""The report holds the numbers of the results, and its tables are tables."""

import json
import re

import numpy as np
import pytest

from har.evaluation.events import score_events
from har.evaluation.report import render_report, write_report
from har.evaluation.zero_shot import score_zero_shot

SETTINGS = {
    "checkpoint": "run/best.pt", "trained_on": ["first", "second"], "window_s": 5.0, "draws": 40, "level": 0.95,
    "seed": 0, "training_labels": ["running", "seated", "walking"],
}  # fmt: skip


def result(name="tiny", people=("a", "b", "c"), **changes):
    true = ["walking"] * 6 + ["sitting"] * 3 + ["walking | a dog"] * 3
    closed = ["walking"] * 4 + ["sitting"] * 2 + ["sitting"] * 3 + ["walking"] * 3
    answers = ["walking"] * 6 + ["seated"] * 2 + ["running"] + ["walking"] * 3
    return score_zero_shot(
        name, true, closed, answers, [people[i % len(people)] for i in range(12)], ["wrist", "chest"] * 6,
        labels=["flying", "sitting", "walking", "walking | a dog"], training_labels=SETTINGS["training_labels"],
        left_out={"": 4, "falling forward": 7}, draws=40, **changes,
    )  # fmt: skip


def tables(text):
    """Every table of the text as a list of rows of cells."""
    blocks = re.findall(r"(?:^\|.*\|\n?)+", text, flags=re.MULTILINE)
    return [[re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in block.strip().splitlines()] for block in blocks]


def test_tables_have_as_many_cells_in_every_row():
    found = tables(render_report([result(), result("other")], SETTINGS))
    assert len(found) == 1 + 2 * 3
    for table in found:
        assert {len(row) for row in table} == {len(table[0])}


def test_events_are_counts_and_shares_of_time():
    counts = score_events(list("aaaabbbb"), list("a-aabbb-"), 2.0 * np.arange(8), np.zeros(8), 2.0, 2.0)
    found = tables(render_report([result(events={"one window": counts.to_dict()})], SETTINGS))
    assert len(found) == 1 + 4
    rows = [dict(zip(*([cell.strip() for cell in row] for row in (found[2][0], found[2][2])), strict=True))]
    assert rows == [{
        "named": "one window", "true events": "2", "correct": "1", "fragmented": "1", "merged": "0", "both": "0",
        "deleted": "0", "named events": "5", "inserted": "2", "event F1": "28.6", "deleted time": "0.0",
        "fragmented time": "12.5", "underfill time": "12.5", "inserted time": "25.0", "merged time": "0.0",
        "overfill time": "0.0",
    }]  # fmt: skip


def test_summary_shows_the_scores_with_their_intervals():
    scored = result()
    row = [cell.strip() for cell in tables(render_report([scored], SETTINGS))[0][2]]
    assert row[:4] == ["tiny", "12", "3", "3"]
    low, high = scored.closed_set["intervals"]["accuracy"]
    assert row[4] == f"58.3 [{100 * low:.1f}, {100 * high:.1f}]"
    assert row[6].startswith(f"{100 * scored.closed_set['macro_f1']:.1f} [")
    assert row[7].startswith(f"{100 * scored.open_set['accuracy']:.1f} [")
    assert row[9] == "50.0"


def test_mean_stands_below_several_datasets_only():
    one, two = result("one"), result("two", ("a", "b"))
    assert len(tables(render_report([one], SETTINGS))[0]) == 3
    last = [cell.strip() for cell in tables(render_report([one, two], SETTINGS))[0][-1]]
    mean = (one.closed_set["macro_f1"] + two.closed_set["macro_f1"]) / 2
    assert last[0] == "*mean*"
    assert last[6] == f"{100 * mean:.1f}"


def test_recording_context_has_lines_of_its_own():
    context = ["walking"] * 6 + ["sitting"] * 6, ["walking"] * 6 + ["seated"] * 6
    one, two = result("one", context=context), result("two", context=context)
    text = render_report([one, two], SETTINGS)
    summary, scores = tables(text)[:2]
    names = [row[0].strip() for row in summary[2:]]
    assert names == [
        *("one", "one, recording context", "two", "two, recording context"), "*mean*", "*mean*, recording context",
    ]  # fmt: skip
    for row in (3, 5, 7):
        assert summary[row][4].strip().startswith("75.0")  # nine of twelve
    kinds = [(row[0].strip(), row[1].strip()) for row in scores[2:]]
    assert ("all", "closed, recording context") in kinds and ("chest", "open, recording context") in kinds
    assert "*Recording\ncontext*" in text and "Recording" not in render_report([result()], SETTINGS)


def test_largest_confusions_come_first():
    rows = [[cell.strip() for cell in row] for row in tables(render_report([result()], SETTINGS))[3][2:]]
    assert rows == [["walking \\| a dog", "walking", "3", "100.0"], ["walking", "sitting", "2", "33.3"]]


def test_remarks_name_what_was_left_out_and_what_cannot_be_hit():
    text = render_report([result(people=("a",))], SETTINGS)
    assert "Left out, 11 windows: unlabelled (4); falling forward (7)." in text
    assert "Candidates without a window: flying." in text
    assert "One person only" in text
    assert "Not reachable in the open set, no training label means them: flying; walking | a dog. 75.0 %" in text
    assert "[" not in "".join(tables(text)[0][2])


def test_files_hold_the_results_and_are_repeatable(tmp_path):
    figures = {"tiny": ["plots/confusion_tiny.png"]}
    results_path, report_path = write_report(tmp_path / "new" / "folder", [result()], SETTINGS, figures)
    record = json.loads(results_path.read_text(encoding="utf-8"))
    assert record["settings"] == SETTINGS
    assert record["datasets"]["tiny"] == result().to_dict()
    report = report_path.read_text(encoding="utf-8")
    assert "![confusion tiny](<plots/confusion_tiny.png>)" in report
    before = results_path.read_bytes(), report_path.read_bytes()
    write_report(tmp_path / "new" / "folder", [result()], SETTINGS, figures)
    assert (results_path.read_bytes(), report_path.read_bytes()) == before
    assert sorted(p.name for p in results_path.parent.iterdir()) == ["report.md", "results.json"]


def test_settings_are_written_in_words():
    lines = render_report([result()], SETTINGS).splitlines()
    assert {"- checkpoint: run/best.pt", "- trained on: first, second", "- window: 5.0 s"} <= set(lines)
    assert "40 draws, seed 0" in "\n".join(lines) and "3 training labels" in "\n".join(lines)


def test_no_results_is_an_error():
    with pytest.raises(ValueError, match="no results"):
        render_report([], SETTINGS)
