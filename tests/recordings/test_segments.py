"""Segments as columns against a plain loop over the CSV file."""

import csv
from pathlib import Path

import numpy as np
import pytest

from har.recordings import segments as module
from har.recordings.segments import CSV_COLUMNS, DatasetError, Segment, Segments, read_segments, write_segments

ROWS = [
    ("r1", "ann", "walking", 0, 10, 0.1),
    ("r1", "ann", "", 10, 11, 0.30000000000000004),
    ('r "2", late', "bob, the second", "sitting down", 11, 40, -3.5),
    ("r1", "ann", "walking", 50, 61, 1e-7),
    ("r3", "ärt", "standing", 61, 62, 12345678.123456),
    ("r3", "ärt", "walking", 62, 99, 1e300),
    ("r1", "bob, the second", "", 99, 100, 2.0),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_segments(tmp_path / "wrist.csv", ROWS)
    return tmp_path / "wrist.csv"


@pytest.mark.parametrize("rows_read", [1, 3, 1000])
def test_what_is_read_is_what_a_loop_reads(path, rows_read, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_READ", rows_read)
    with path.open(newline="", encoding="utf-8") as file:
        expected = [
            Segment(r["recording"], r["subject"], r["label"], int(r["start"]), int(r["stop"]), float(r["start_time_s"]))
            for r in csv.DictReader(file)
        ]
    found = read_segments(path, 100)
    assert expected == [Segment(*row) for row in ROWS]
    assert list(found) == expected and found == expected and found == Segments.of(expected)
    assert found != expected[:-1] and found != [*expected[:-1], expected[0]] and found != "segments"
    assert len(found) == len(ROWS) and found[-1] == expected[-1] and found[2:5] == expected[2:5]
    assert found.label.values == ["walking", "", "sitting down", "standing"]
    assert found.label.code.tolist() == [0, 1, 2, 0, 3, 0, 1]
    assert found.subject.numbered({"x/ann": 5, "x/bob, the second": 9, "x/ärt": 7}, "x/").tolist() == [
        5, 5, 9, 5, 7, 7, 9,
    ]  # fmt: skip
    assert {(c.dtype, c.shape) for c in (found.start, found.stop)} == {(np.dtype(np.int64), (7,))}
    with pytest.raises(IndexError):
        found[7]


DEFECTS = {
    "words": ({"start": "ten"}, "row 6: .*'ten'.*expected recording, subject.*invalid literal"),
    "too large a number": ({"stop": 10**30}, "row 6: segment 61:1000000000000000000000000000000 is empty or outside"),
    "beyond the samples": ({"stop": 101}, "row 6: segment 61:101 is empty or outside the array of 100"),
    "negative": ({"start": -1}, "row 6: segment -1:62 is empty or outside"),
    "empty": ({"start": 62}, "row 6: segment 62:62 is empty"),
    "overlap": ({"start": 60}, "row 6: segment 60:62 overlaps or precedes the one before, which ends at 61"),
    "no time": ({"start_time_s": "nan"}, "row 6: start_time_s is nan; expected seconds on the clock"),
    "endless time": ({"start_time_s": float("inf")}, "row 6: start_time_s is inf"),
    "no recording": ({"recording": ""}, "row 6: no subject or recording"),
    "no subject": ({"subject": ""}, "row 6: no subject or recording"),
    "time": ({"start_time_s": ""}, "row 6: .*could not convert string to float"),
}


@pytest.mark.parametrize("rows_read", [1, 4, 1000])
@pytest.mark.parametrize("name", DEFECTS)
def test_the_first_defect_is_named_wherever_a_block_of_rows_ends(tmp_path, name, rows_read, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_READ", rows_read)
    change, expected = DEFECTS[name]
    rows = [dict(zip(CSV_COLUMNS, row, strict=True)) for row in ROWS]
    rows[4] |= change  # the fifth segment, in row 6 of the file
    rows[6] |= {"subject": ""}  # a later defect is not the one that is named
    write_segments(tmp_path / "wrist.csv", (row.values() for row in rows))
    with pytest.raises(DatasetError, match=f"wrist.csv, {expected}"):
        read_segments(tmp_path / "wrist.csv", 100)


@pytest.mark.parametrize("line", ["", "r9,ann,walking,200,210", "r9,ann,walking,200,210,0.0,more"])
def test_a_row_of_other_than_six_cells_is_refused(path, line):
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(DatasetError, match=r"row 9: .*expected recording, subject, label"):
        read_segments(path, 1000)


# --- files that other programs saved ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_how_the_file_is_encoded(path, encoding):
    expected = read_segments(path, 100)
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    assert read_segments(path, 100) == expected


@pytest.mark.parametrize("rows_read", [1, 1000])
def test_another_encoding_is_refused_with_row_and_remedy(path, rows_read, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_READ", rows_read)
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    with pytest.raises(DatasetError, match=r"wrist.csv, row 6: 'r3,ärt,standing,.* is not in UTF-8.*save the file as"):
        read_segments(path, 100)
    path.write_bytes(b"\xff\xfe" + ",".join(CSV_COLUMNS).encode("utf-16-le") + b"\n\x00\x00\xd8x\x00")
    with pytest.raises(DatasetError, match=r"wrist.csv: begins as UTF-16, and is not"):
        read_segments(path, 100)


def test_spellings_of_one_label_are_one_and_signs_of_none_are_none(tmp_path):
    labels = [
        "Walking",
        "walking ",
        " walking",
        "WALKING_UPSTAIRS",
        "walking  upstairs",
        "nan",
        "",
        "  ",
        "NaN",
        "None",
        "NULL",
        "n/a",
    ]
    rows = [("r", "s", label, 10 * i, 10 * i + 10, float(i)) for i, label in enumerate(labels)]
    write_segments(tmp_path / "a.csv", rows)
    found = read_segments(tmp_path / "a.csv", 120)
    assert [s.label for s in found] == ["walking"] * 3 + ["walking upstairs"] * 2 + [""] * 7
    assert found.label.values == ["walking", "walking upstairs", ""]
    write_segments(tmp_path / "a.csv", [*rows[:3], ("r", "s", "--", 30, 40, 3.0)])
    with pytest.raises(DatasetError, match=r"a.csv, row 5: .*a letter, found '--'"):
        read_segments(tmp_path / "a.csv", 100)


def test_segments_as_arrays_are_the_same_segments():
    rows = [
        Segment("Läufe 二", "pé", "", 0, 3),
        Segment("b", "q", "walking", 3, 2**40, 0.1),
        Segment("b", "q", "", 2**41, 2**42),
    ]
    for segments in (Segments.of(rows), Segments.of([])):
        arrays = segments.to_arrays("wrist.")
        assert all(name.startswith("wrist.") and values.dtype != object for name, values in arrays.items())
        again = Segments.from_arrays(arrays | Segments.of(rows[:1]).to_arrays("waist."), "wrist.")
        assert again == segments
        for column in ("recording", "subject", "label"):
            assert getattr(again, column).values == getattr(segments, column).values
            assert getattr(again, column).code.dtype == np.int32
        assert (again.start.dtype, again.start_time_s.dtype) == (np.int64, np.float64)
