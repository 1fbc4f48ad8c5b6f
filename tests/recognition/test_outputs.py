"""What is written of a timeline: tables read back, a page that runs nothing but its own, exports read by others."""

import base64
import csv
import hashlib
import html.parser
import io
import json
import re
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from har.recognition import picture, words
from har.recognition.annotation import save_elan, save_label_studio
from har.recognition.colors import PALETTE, colors_of
from har.recognition.outputs import bouts_table, save_windows, windows_table
from har.recognition.page import page
from har.recognition.picture import save_picture
from har.recognition.recognise import recognise
from har.recognition.timeline import Timeline
from har.recognition.vocabulary import EVERYDAY_LABELS
from har.text.calibration import STANDARD

from .conftest import LABELS

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
START = datetime(2026, 3, 29, 1, 58, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def timeline(model, bank, acted, recorded) -> Timeline:
    """A walk, a gap, sitting, something unknown; a name, a note and a label that would be scripts."""
    recording = recorded(
        (0.0, acted(("walking", 60))), (90.0, acted(("sitting", 60), ("shaking", 40))),
        name=HOSTILE, notes=[HOSTILE], start_time=START, placement=HOSTILE,
    )  # fmt: skip
    found = recognise(recording, [*LABELS, HOSTILE], model, bank)
    named = [bout._replace(label=HOSTILE) if bout.label == "sitting" else bout for bout in found.bouts]
    return replace(found, bouts=named)


class Elements(html.parser.HTMLParser):
    """Elements of a page with their attributes, and what stands in its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def test_a_page_says_of_confidence_what_is_so(model, bank, acted, recorded):
    """A calibrated model's nine of ten are about nine of ten; another's are not."""
    recording, right = recorded(acted(("walking", 30))), "of windows with 90 % about nine of ten are right"
    assert right not in page(recognise(recording, LABELS, model, bank))
    bank.calibration = STANDARD
    text = page(recognise(recording, LABELS, model, bank))
    assert right in text and "not that nine of ten" not in text


def test_a_page_runs_its_own_scripts_and_fetches_nothing(timeline):
    text = page(timeline)
    found = Elements(text)
    assert [tag for tag, _ in found.elements].count("script") == 3 and "img" not in dict(found.elements)
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert not [1 for _, attributes in found.elements if {"src", "href"} & set(attributes)]
    (policy,) = [a["content"] for tag, a in found.elements if a.get("http-equiv") == "Content-Security-Policy"]
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    data, *run = found.scripts
    assert allowed == [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in run]
    assert policy.startswith("default-src 'none'") and "unsafe-inline" not in policy.split("script-src")[1]
    drawn = json.loads(data)
    assert all("<" not in name["text"] for name in drawn["names"])
    assert drawn["bouts"]["ends"] == [60.0, 90.0, *[round(b.stop_s, 2) for b in timeline.bouts[1:]]]
    assert drawn["bouts"]["names"][1] is None and len(text) < 6_000_000
    assert "Clocks were changed" in text
    later = replace(timeline, clock=replace(timeline.clock, start=START.replace(hour=12)))
    assert "Clocks were changed" not in page(later)


def test_the_tables_hold_the_bouts_and_the_windows(timeline, tmp_path):
    rows = list(csv.DictReader(io.StringIO(bouts_table(timeline))))
    assert [row["label"] for row in rows] == [bout.label for bout in timeline.bouts]
    assert rows[0]["start"] == "2026-03-29T01:58:00.000+01:00" and rows[-1]["stop"] == "2026-03-29T03:01:10.000+02:00"
    assert rows[-1]["label"] == "unknown" and rows[-1]["confidence"] == ""
    table = pd.read_csv(io.BytesIO(windows_table(timeline)))
    windows = timeline.windows
    np.testing.assert_allclose(table[[*timeline.labels]].to_numpy(), windows.probabilities, atol=5.1e-5)
    np.testing.assert_allclose(table["known"], windows.known, atol=5.1e-5)
    assert table["name"].tolist() == [[*timeline.labels, "unknown", "not worn"][place] for place in windows.name]
    off = replace(windows, probabilities=windows.probabilities * np.nan, known=windows.known * np.nan)
    assert pd.read_csv(io.BytesIO(windows_table(replace(timeline, windows=off))))[[*LABELS]].isna().all(axis=None)
    pytest.importorskip("pyarrow")
    save_windows(timeline, tmp_path / "w.parquet")
    again = pd.read_parquet(tmp_path / "w.parquet")
    np.testing.assert_array_equal(again[[*timeline.labels]].to_numpy(), windows.probabilities)


def test_a_label_that_is_named_as_a_column_has_one_of_its_own(timeline, tmp_path):
    odd = replace(timeline, labels=("name", "known", *timeline.labels[2:]))
    columns = ["start_s", "stop_s", "name", "known", "name (label)", "known (label)", *timeline.labels[2:]]
    table = pd.read_csv(io.BytesIO(windows_table(odd)))
    assert list(table) == columns
    np.testing.assert_allclose(table["known (label)"], odd.windows.probabilities[:, 1], atol=6e-5)
    pytest.importorskip("pyarrow")
    save_windows(odd, tmp_path / "odd.parquet")
    again = pd.read_parquet(tmp_path / "odd.parquet")
    assert list(again) == columns
    np.testing.assert_array_equal(again["name (label)"], odd.windows.probabilities[:, 0])


def test_exports_are_read_back(timeline, tmp_path):
    (task,) = json.loads(save_label_studio(timeline, tmp_path / "t.json").read_text())
    result = task["predictions"][0]["result"]
    assert [one["value"]["timeserieslabels"] for one in result] == [[bout.label] for bout in timeline.bouts]
    assert [(one["value"]["start"], one["value"]["end"]) for one in result] == [
        (round(bout.start_s, 3), round(bout.stop_s, 3)) for bout in timeline.bouts
    ]
    assert [one.get("score") for one in result] == [b.confidence and round(b.confidence, 4) for b in timeline.bouts]
    pympi = pytest.importorskip("pympi")
    read = pympi.Eaf(str(save_elan(timeline, tmp_path / "t.eaf")))
    expected = [(round(1000 * b.start_s), round(1000 * b.stop_s), b.label) for b in timeline.bouts]
    assert sorted(one[:3] for one in read.get_annotation_data_for_tier("activity")) == expected


def test_pictures_of_minutes_and_of_days(timeline, tmp_path):
    save_picture(timeline, tmp_path / "minutes.png")
    days = [bout._replace(start_s=1e5 * i, stop_s=1e5 * (i + 1)) for i, bout in enumerate(timeline.bouts)]
    save_picture(replace(timeline, bouts=days), tmp_path / "days.png")
    formula = replace(timeline, name=r"$\frac$", bouts=[bout._replace(label=r"$\nothing$") for bout in timeline.bouts])
    save_picture(replace(formula, labels=(r"$\nothing$",)), tmp_path / "formula.png")
    sizes = [len(path.read_bytes()) for path in sorted(tmp_path.glob("*.png"))]
    assert len(sizes) == 3 and min(sizes) > 5000


def test_a_label_keeps_its_colour():
    everyday = colors_of(EVERYDAY_LABELS)
    assert sorted(everyday.values()) == sorted(PALETTE)
    assert colors_of(["jogging", "unknown"])["jogging"] == everyday["running"]
    assert colors_of(["walking"])["walking"] == colors_of(["polo", "walking"])["walking"] == everyday["walking"]
    many = [f"activity {i}" for i in range(24)]
    assert len(set(colors_of(many).values())) == 24
    assert colors_of(many[:1]) == {many[0]: colors_of([many[0], "walking"])[many[0]]}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (12345, "3 h 25 min"), (200000, "2 d 7 h")],
)
def test_durations_in_words(seconds, text):
    assert words.duration(seconds) == text


def test_days_are_drawn_by_the_clock_that_their_wearer_saw(timeline):
    """Noon is noon, on the day on which clocks go forward too."""
    start = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    noon_s = [0, 23 * 3600, 47 * 3600]
    bouts = [timeline.bouts[0]._replace(start_s=s, stop_s=s + 3600) for s in noon_s]
    days = picture._days(replace(timeline, bouts=bouts, clock=replace(timeline.clock, start=start)))
    assert [name for name, _ in days] == ["Sat 28 Mar", "Sun 29 Mar", "Mon 30 Mar"]
    assert [span[:2] for _, spans in days for span in spans] == [(12, 13)] * 3
