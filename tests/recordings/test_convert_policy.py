"""What is done about damage: every row is converted or counted, up to stated shares; known traps of copies."""

import re
import shutil
import tarfile
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from har.endurance.published import (
    WRITERS,
    write_chest_postures,
    write_mex_file,
    write_pdiot,
    write_sisfall,
    write_wisdm_phone,
)
from har.endurance.published_only import write_umafall, write_wharf
from har.recordings.convert import converter
from har.recordings.convert.common import (
    ACC,
    LARGEST_DAMAGED_FILE_SHARE,
    LARGEST_DAMAGED_ROW_SHARE,
    DatasetCard,
    Notes,
    Run,
    convert_dataset,
    find_files,
    phrase_of,
    phrases_of,
    read_rows,
    repeated_rows,
    split_at_lost_rows,
    within,
)
from har.recordings.format import DatasetError, StreamInfo, read_dataset
from har.signal.plausibility import SignalWarning


@pytest.fixture(autouse=True)
def of_no_body():
    """Signals of the fixtures are sines and noise, of which the examination rightly doubts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SignalWarning)
        yield


def counted(notes: list[str], beginning: str) -> int:
    """The sum of the counts of the notes that begin so."""
    return sum(int(line.rpartition(": ")[2]) for line in notes if line.startswith(beginning))


# --- shares -----------------------------------------------------------------------------------------------------------


def small_module() -> types.SimpleNamespace:
    """Files of x, y, z, label; the name of a file is that of a person."""

    def read(path: Path, notes: Notes):
        rules = (within("xyz", 20),)
        table = read_rows(path, ("x", "y", "z", "label"), text=("label",), rules=rules, notes=notes)
        phrases = phrases_of({"W": "walking", "S": "sitting"}, table["label"], path, notes=notes)
        labels = [(phrase, i, i + 1) for i, phrase in enumerate(phrases)]
        run = Run("wrist", path.stem, path.stem, table[list("xyz")].to_numpy(), labels)
        yield from split_at_lost_rows(run, table.index, 10.0)

    return types.SimpleNamespace(
        CARD=DatasetCard("T", "C", "L", "https://example.org", 1, ("wrist",), "10 Hz", 2, "original files"),
        STREAMS=(StreamInfo("wrist", "tag", "wrist", ACC, 10.0),),
        sources=lambda raw: find_files(raw, "*.csv"),
        read=read,
    )


def write_people(raw: Path, people: int, rows: int = 50) -> None:
    raw.mkdir()
    for person in range(people):
        lines = [f"0.0{i % 7},0.99,0.01,{'WS'[i // 25]}" for i in range(rows)]
        (raw / f"p{person:02d}.csv").write_text("\n".join(lines) + "\n")


def damage(raw: Path, count: int, line: str) -> list[tuple[str, int]]:
    """Replace one row in each of the first files; returns (file, row) of each."""
    places = []
    for person in range(count):
        path = raw / f"p{person:02d}.csv"
        lines = path.read_text().splitlines()
        lines[10 + person] = line
        path.write_text("\n".join(lines) + "\n")
        places.append((path.name, 11 + person))
    return places


@pytest.mark.parametrize("line", ["0,0,?,W", "0,0,W", "0,0,1,W,0,0,1,W", "1.098.388.671.875,0,1,W", "0,1e9,0,W", "\0"])
@pytest.mark.parametrize(("count", "refused"), [(10, False), (11, True)])
def test_damaged_rows_are_left_out_up_to_one_in_a_hundred(tmp_path, line, count, refused):
    assert LARGEST_DAMAGED_ROW_SHARE == 0.01
    write_people(tmp_path / "raw", 20)  # 1000 rows
    places = damage(tmp_path / "raw", count, line)
    if refused:
        with pytest.raises(DatasetError, match="11 damaged rows among 1000 rows; at most 1% are left out") as caught:
            convert_dataset(small_module(), tmp_path / "raw", tmp_path / "out")
        assert all(re.search(rf"{name}, row {row}: .*expected", str(caught.value)) for name, row in places)
        assert not (tmp_path / "out").exists()
        return
    notes = convert_dataset(small_module(), tmp_path / "raw", tmp_path / "out")
    assert notes[0] == "damaged rows, left out: 10"
    assert [line.partition(": ")[0] for line in notes[1:]] == [f"{name}, row {row}" for name, row in places]
    stream = read_dataset(tmp_path / "out").streams["wrist"]
    assert len(stream.samples) == 1000 - count
    # Nothing is interpolated over a row that is lost: time goes on behind it.
    first = [s for s in stream.segments if s.recording == "p00"]
    starts = [round(10 * s.start_time_s) + i for s in first for i in range(s.stop - s.start)]
    assert starts == [i for i in range(50) if i != 10]


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"no numbers\n" * 50, b"0,0,1\n" * 50])
@pytest.mark.parametrize(("count", "refused"), [(1, False), (2, True)])
def test_damaged_files_are_left_out_up_to_one_in_twenty(tmp_path, content, count, refused):
    assert LARGEST_DAMAGED_FILE_SHARE == 0.05
    write_people(tmp_path / "raw", 20)
    for person in range(count):
        (tmp_path / "raw" / f"p{person:02d}.csv").write_bytes(content)
    if refused:
        with pytest.raises(DatasetError, match="2 damaged files among 20 files; at most 5% are left out") as caught:
            convert_dataset(small_module(), tmp_path / "raw", tmp_path / "out")
        assert "p00.csv" in str(caught.value) and "p01.csv" in str(caught.value)
        return
    notes = convert_dataset(small_module(), tmp_path / "raw", tmp_path / "out")
    assert notes[0] == "damaged files, left out: 1" and notes[1].startswith("p00.csv") and len(notes) == 2
    assert len(read_dataset(tmp_path / "out").subjects) == 19


def test_a_file_of_which_a_tenth_is_damaged_is_left_out_whole(tmp_path):
    write_people(tmp_path / "raw", 20)
    path = tmp_path / "raw" / "p03.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*["?,0,1,W"] * 6, *lines[6:]]) + "\n")
    notes = convert_dataset(small_module(), tmp_path / "raw", tmp_path / "out")
    assert notes[0] == "damaged files, left out: 1" and notes[1].endswith("(6 of 50 rows are damaged)")
    assert "p03" not in read_dataset(tmp_path / "out").subjects


@pytest.mark.parametrize(("rows", "refused"), [(50, False), (51, True)])
def test_rows_of_unknown_label_keep_their_time_and_are_told(tmp_path, rows, refused):
    write_people(tmp_path / "raw", 20)
    for person in range(20):
        path = tmp_path / "raw" / f"p{person:02d}.csv"
        share = rows // 20 + (person < rows % 20)
        path.write_text(path.read_text().replace(",W\n", ",X\n", share))
    if refused:
        with pytest.raises(DatasetError, match="51 rows of unknown label among 1000 rows; at most 5%"):
            convert_dataset(small_module(), tmp_path / "raw", tmp_path / "out")
        return
    notes = convert_dataset(small_module(), tmp_path / "raw", tmp_path / "out")
    assert notes[0] == "rows of unknown label, left unlabelled: 50"
    assert notes[1] == "p00.csv, row 1: unknown label 'X'; known are ['S', 'W'] (3 rows)"
    stream = read_dataset(tmp_path / "out").streams["wrist"]
    assert len(stream.samples) == 1000
    assert sum(s.stop - s.start for s in stream.segments if not s.label) == 50


def test_a_file_of_unknown_label_is_told_and_unlabelled():
    notes = Notes()
    assert phrase_of({"W": "walking"}, "X", Path("a.csv"), notes) == ""
    assert notes.lines() == ["files of unknown label, left unlabelled: 1", "a.csv: unknown label 'X'; known are ['W']"]
    notes.check(Path("raw"), 20)
    with pytest.raises(DatasetError, match=r"1 files of unknown label among 19 files; at most 5% .*\n  a.csv"):
        notes.check(Path("raw"), 19)


# --- every row is converted or counted --------------------------------------------------------------------------------


def write_chest(raw: Path) -> None:
    for number in (1, 2, 3):
        write_chest_postures(raw, number, (0.0, 0.1, 0.0), number)


def write_mex(raw: Path) -> None:
    for subject in ("01", "02", "03"):
        write_mex_file(raw, subject, "03", seconds=6.0)


LEDGER = {  # name: writer, files, lines at their head, recording of a file
    "sisfall": (write_sisfall, "*.txt", 0, lambda p: f"{p.stem[:4]}{p.parent.name}_{p.stem[-3:]}"),
    "wharf": (write_wharf, "*.txt", 0, lambda p: "" if "MODEL" in p.parent.name else p.stem),
    "pdiot": (write_pdiot, "*.csv", 1, lambda p: p.stem),
    "chest_mounted": (write_chest, "*.csv", 0, lambda p: f"file{int(p.stem):02d}"),
    "mex": (write_mex, "*.csv", 0, lambda p: f"s{p.parent.name}_{p.stem}"),
}


@pytest.mark.parametrize("name", LEDGER)
def test_rows_of_the_files_are_the_samples_and_those_that_the_notes_count(name, tmp_path):
    writer, pattern, head, recording_of = LEDGER[name]
    writer(tmp_path / "raw")
    files = sorted((tmp_path / "raw").rglob(pattern))
    rng = np.random.default_rng(5)
    rows = {}
    for path in files:
        lines = path.read_text().splitlines()
        rows[path] = len(lines) - head
        at = int(rng.integers(30, len(lines) - 30))
        row = lines[at].rstrip(";")
        lines[at] = ("not a row", f"{row} 1,2,3,4,5,6,7,8,9", f"{row}?")[int(rng.integers(3))]
        path.write_text("\n".join(lines) + "\n")
    notes = convert_dataset(converter(name), tmp_path / "raw", tmp_path / "out")
    segments = [s for stream in read_dataset(tmp_path / "out").streams.values() for s in stream.segments]
    kept = [path for path in files if recording_of(path) in {segment.recording for segment in segments}]
    assert all(any(f"{path.name}, row " in line for line in notes) for path in kept) and len(kept) > 1
    read = len(kept) + counted(notes, "recordings left out because they are labelled lying")
    assert counted(notes, "damaged rows") == read
    assert sum(counted(notes, b) for b in ("trials left out", "recordings left out", "model trials")) == len(
        files
    ) - len(kept)
    expected = sum(rows[path] for path in kept) - len(kept)
    if name == "mex":  # at another rate, a lost row bridged: the samples take the time of the rows, less one a file
        expected = sum(int((rows[path] - 1) / 103 * 100 + 1e-6) + 1 for path in kept)
        assert abs(sum(segment.stop - segment.start for segment in segments) - expected) <= len(kept)
        return
    assert sum(segment.stop - segment.start for segment in segments) == expected


# --- traps of copies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Data/MODELS/Climb_stairs_sMODEL", "Accelerometer-2011-03-24-10-24-39-walk-f1.txt"),
        ("Data/MODELS", "Accelerometer-2012-06-06-14-13-20-climb_stairs-m7.txt"),
        ("Data/Walk_MODEL", "Accelerometer-2011-03-24-10-24-39-walk-f1_1.txt"),
        ("Data/walk_model", "Accelerometer-2011-03-24-10-24-39-walk-f1.txt"),
    ],
)
def test_wharf_model_trials_are_left_out_and_counted(folder, name, tmp_path):
    write_wharf(tmp_path / "raw")
    before = convert_dataset(converter("wharf"), tmp_path / "raw", tmp_path / "before")
    (trial,) = (tmp_path / "raw" / "Data" / "Walk").glob("*.txt")
    path = tmp_path / "raw" / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in trial.read_text().splitlines()[20:90]))
    notes = convert_dataset(converter("wharf"), tmp_path / "raw", tmp_path / "after")
    for file in ("wrist.npy", "wrist.csv"):
        assert (tmp_path / "before" / file).read_bytes() == (tmp_path / "after" / file).read_bytes()
    assert counted(notes, "model trials") == counted(before, "model trials") + 1 == 2
    assert len(notes) == 1


def spreadsheet(text: str) -> str:
    """What a spreadsheet makes of a file of UMAFall: commas, and every line as wide as the widest."""
    lines = [line.replace(";", ",") for line in text.splitlines()]
    width = max(line.count(",") for line in lines) + 2
    return "".join(line + "," * (width - line.count(",")) + "\r\n" for line in lines)


def test_umafall_saved_by_a_spreadsheet_gives_the_same_data(tmp_path):
    write_umafall(tmp_path / "raw")
    before = convert_dataset(converter("umafall"), tmp_path / "raw", tmp_path / "before")
    for path in (tmp_path / "raw").rglob("*.csv"):
        path.write_bytes(spreadsheet(path.read_text()).encode("utf-8-sig"))
    assert convert_dataset(converter("umafall"), tmp_path / "raw", tmp_path / "after") == before
    for path in (tmp_path / "before").iterdir():
        if path.name != "dataset.json":
            assert path.read_bytes() == (tmp_path / "after" / path.name).read_bytes(), path.name


def test_umafall_rows_that_a_spreadsheet_spoilt_are_told(tmp_path):
    write_umafall(tmp_path / "raw")
    path = min((tmp_path / "raw").rglob("*Subject_01*.csv"))
    lines = spreadsheet(path.read_text()).replace("\r", "").splitlines()
    cells = lines[100].split(",")
    lines[100] = ",".join([*cells[:2], "1.098.388.671.875", *cells[3:]])
    merged = lines[200].rstrip(",") + "," + lines[201].rstrip(",")
    lines[200:202] = [merged]
    path.write_text("\n".join(lines) + "\n")
    path.rename(path.with_name(path.name.replace("LyingDown_OnABed", "ClappingHands")))
    notes = convert_dataset(converter("umafall"), tmp_path / "raw", tmp_path / "out")
    assert "damaged rows, left out: 2" in notes
    assert any("row 101: x is '1.098.388.671.875'; expected a number" in line for line in notes)
    assert any(re.search("row 201: .* has 14 columns; expected 7", line) for line in notes)
    assert "clapping hands" in read_dataset(tmp_path / "out").labels


def test_wisdm_lines_of_two_records_are_both_read(tmp_path):
    write_wisdm_phone(tmp_path / "raw")
    before = convert_dataset(converter("wisdm_phone"), tmp_path / "raw", tmp_path / "before")
    path = tmp_path / "raw" / "raw" / "phone" / "accel" / "data_1600_accel_phone.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0] + lines[1], *lines[2:7], lines[7] + " " + lines[8], *lines[9:]]) + "\n")
    notes = convert_dataset(converter("wisdm_phone"), tmp_path / "raw", tmp_path / "after")
    for file in (tmp_path / "before").iterdir():
        if file.name != "dataset.json":
            assert file.read_bytes() == (tmp_path / "after" / file.name).read_bytes(), file.name
    assert set(notes) - set(before) == {"rows that stand in one line with others, read one by one: 2"}


def in_latin_1(text: str) -> bytes:
    return text.encode("latin-1")


@pytest.mark.parametrize("change", [lambda text: text.replace("Date", "Fecha: día"), lambda text: text])
def test_words_of_a_heading_in_latin_1_do_no_harm(change: Callable[[str], str], tmp_path):
    write_umafall(tmp_path / "raw")
    before = convert_dataset(converter("umafall"), tmp_path / "raw", tmp_path / "before")
    for path in (tmp_path / "raw").rglob("*.csv"):
        path.write_bytes(in_latin_1(change(path.read_text())))
    assert convert_dataset(converter("umafall"), tmp_path / "raw", tmp_path / "after") == before


def test_a_row_that_is_no_utf_8_is_told_with_the_encoding_to_save_it_in(tmp_path):
    write_people(tmp_path / "raw", 20)
    path = tmp_path / "raw" / "p00.csv"
    path.write_bytes(path.read_bytes().replace(b"0.99", b"0.9\xe9", 1))
    notes = convert_dataset(small_module(), tmp_path / "raw", tmp_path / "out")
    assert notes[1].startswith("p00.csv, row 1: y is '0.9") and "save the file in that encoding" in notes[1]


# --- files that lie there twice, rows that come twice -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["mex", "selfback", "utd_mhad", "pdiot", "wharf"])
@pytest.mark.parametrize("form", ["{} (1)", "{} - Copy", "{} copy 2", "Copy of {}"])
def test_a_copy_beside_its_original_is_passed_over(name: str, form: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "raw")
    convert_dataset(converter(name), tmp_path / "raw", tmp_path / "right")
    for path in sorted(p for p in (tmp_path / "raw").rglob("*") if p.is_file()):
        path.with_name(form.format(path.stem) + path.suffix).write_bytes(path.read_bytes())
    convert_dataset(converter(name), tmp_path / "raw", tmp_path / "found")
    for path in (tmp_path / "right").iterdir():
        if path.name != "dataset.json":
            assert path.read_bytes() == (tmp_path / "found" / path.name).read_bytes()


def test_a_copy_that_differs_from_its_original_is_refused(tmp_path: Path) -> None:
    WRITERS["mex"](tmp_path / "raw")
    path = next((tmp_path / "raw").rglob("*.csv"))
    path.with_name(f"{path.stem} (1).csv").write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DatasetError, match=r"\(1\)\.csv is a copy of .*, and differs from it: .* remove one of them"):
        convert_dataset(converter("mex"), tmp_path / "raw", tmp_path / "out")


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_all_files_once_more_in_another_folder_are_no_new_recordings(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "raw")
    notes = convert_dataset(converter(name), tmp_path / "raw", tmp_path / "right")
    samples = sum(path.stat().st_size for path in (tmp_path / "right").glob("*.npy"))
    shutil.copytree(tmp_path / "raw", tmp_path / "raw" / "backup", ignore=shutil.ignore_patterns("backup"))
    try:
        found = convert_dataset(converter(name), tmp_path / "raw", tmp_path / "found")
    except DatasetError as error:
        assert str(tmp_path / "raw") in str(error)
        return
    assert found == notes or any("twice" in line or "copies" in line for line in found)
    assert sum(path.stat().st_size for path in (tmp_path / "found").glob("*.npy")) <= samples


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_folder_in_place_of_a_file_is_named(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "raw")
    paths = sorted(p for p in (tmp_path / "raw").rglob("*") if p.is_file())
    for number in range(0, len(paths), max(1, len(paths) // 4)):
        content = paths[number].read_bytes()
        paths[number].unlink()
        paths[number].mkdir()
        try:
            convert_dataset(converter(name), tmp_path / "raw", tmp_path / f"out{number}")
            # What is not read.
            left_out = ("B_Accelerometer_data", "_MODEL", "activity_labels", "/5Hz/", "vertical_accel")
            assert any(part in str(paths[number]) for part in left_out), paths[number]
        except DatasetError as error:
            assert str(paths[number]) in str(error)
        paths[number].rmdir()
        paths[number].write_bytes(content)


@pytest.mark.parametrize(("name", "pattern", "note"), [
    ("chest_mounted", "2.csv", "rows that repeat the number and all else of the row before, left out: 3"),
    ("motionsense", "dws_1/sub_2.csv", "rows that repeat the number and all else of the row before, left out: 2"),
    ("forth_trace", "part1dev2.csv", "rows that repeat the stamp and all else of the row before, left out: 3"),
])  # fmt: skip
def test_rows_that_come_twice_are_left_out(name: str, pattern: str, note: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "raw")
    convert_dataset(converter(name), tmp_path / "raw", tmp_path / "right")
    (path,) = (tmp_path / "raw").rglob(pattern)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line * (2 if i in (20, 100, 250) else 1) for i, line in enumerate(lines)))
    assert note in convert_dataset(converter(name), tmp_path / "raw", tmp_path / "found")
    for file in (tmp_path / "right").iterdir():
        if file.name != "dataset.json":
            assert file.read_bytes() == (tmp_path / "found" / file.name).read_bytes()


def test_equal_rows_of_a_device_at_rest_are_samples() -> None:
    table = np.array([[1, 5.0], [1, 5.0], [2, 5.0], [2, 6.0], [3, 6.0], [3, 6.0]])
    assert repeated_rows(table, np.ones(6, dtype=bool)).tolist() == [False, True, False, False, False, True]
    assert repeated_rows(table, table[:, 0] < 3).tolist() == [False, True, False, False, False, False]


def test_a_time_with_a_zone_is_no_time_of_these_files(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("2016-04-13 10:31:57.494,1\n2016-04-13 10:31-05,1\n2016-04-13 10:31-07,1\n")
    with pytest.raises(DatasetError, match="row 2: t is '2016-04-13 10:31-05'; expected a date and time"):
        read_rows(path, ("t", "x"), times=("t",))


def test_the_checksum_at_the_end_of_a_packed_archive_is_compared(tmp_path: Path) -> None:
    WRITERS["wharf"](tmp_path / "raw")
    path = tmp_path / "raw.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "raw", "raw")
    convert_dataset(converter("wharf"), path, tmp_path / "out")
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # of the CRC-32, behind all that unpacking needs
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"raw\.tar\.gz: the archive is damaged \(CRC check failed"):
        convert_dataset(converter("wharf"), path, tmp_path / "out")
