"""sphere: the majority of the annotators labels a second; lost packets split."""

import numpy as np
import pandas as pd
import pytest

from har.endurance.published import write_sphere_recording
from har.recordings.convert import sphere
from har.recordings.convert.common import Notes, convert_dataset
from har.recordings.format import DatasetError, read_dataset, rest_magnitude_g


def test_a_second_is_labelled_by_the_majority(tmp_path):
    write_sphere_recording(tmp_path / "raw")
    write_sphere_recording(tmp_path / "raw", "00002")
    notes = convert_dataset(sphere, tmp_path / "raw", tmp_path / "sphere")
    dataset = read_dataset(tmp_path / "sphere")
    stream = dataset.streams["wrist"]
    assert dataset.subjects == ["s00001", "s00002"]
    assert stream.samples.shape == (240, 3)
    np.testing.assert_allclose(stream.samples[:120, 1], 0.001 * np.arange(120), atol=1e-6)
    assert [(s.label, s.start, s.stop) for s in stream.segments[:5]] == [
        ("", 0, 20),
        ("standing", 20, 60),
        ("", 60, 80),
        ("sitting", 80, 100),
        ("", 100, 120),
    ]
    assert notes == [
        "annotated seconds without a majority left unlabelled: 2",
        "seconds without annotation left unlabelled: 4",
    ]
    assert rest_magnitude_g(stream) == pytest.approx(1, abs=0.01)


def test_lost_packets_split_and_keep_the_clock(tmp_path):
    source = write_sphere_recording(tmp_path, lost=slice(30, 50))
    runs = list(sphere.read(source, Notes()))
    assert [run.start_time_s for run in runs] == pytest.approx([0.01, 2.51])
    assert [len(run.samples) for run in runs] == [30, 70]
    # 2.51 s to 3.0 s still stand: ten samples of the second run.
    assert runs[1].labels[0] == ("standing", 0, 10)


@pytest.mark.parametrize(
    ("file", "change", "expected"),
    [
        ("targets.csv", None, "missing"),
        ("targets.csv", lambda text: text.replace("p_stand", "p_fly"), r"row 1: no column \['p_stand'\]"),
        ("targets.csv", lambda text: text.replace(",0.6,", ",much,"), "row 4: p_stand is 'much'"),
        ("targets.csv", lambda text: text.replace("3.0,4.0,", ",4.0,"), "row 5: start is ''"),
        ("targets.csv", lambda text: "", "expected rows of"),
        ("acceleration.csv", lambda text: text.replace("t,x,y,z", "t,x,y,w"), r"no column \['z'\]"),
        ("acceleration.csv", lambda text: text.split("\n")[0] + "\n", "no samples"),
    ],
)
def test_broken_files_are_named(tmp_path, file, change, expected):
    source = write_sphere_recording(tmp_path)
    path = source / file
    if change:
        path.write_text(change(path.read_text()))
    else:
        path.unlink()
    with pytest.raises(DatasetError, match=expected) as caught:
        list(sphere.read(source, Notes()))
    assert file in str(caught.value)


def test_original_files(original_files, convert_twice):
    folder = original_files("sphere")
    stream = read_dataset(convert_twice("sphere", folder)).streams["wrist"]
    np.testing.assert_allclose(stream.samples[0], [0.944, -0.28, 0.152], atol=1e-6)
    assert stream.segments[0].start_time_s == pytest.approx(0.017856)
    targets = pd.read_csv(folder / "public_data" / "train" / "00001" / "targets.csv")
    # Slow oracle: the label in the middle of every segment, from the row of its second.
    for segment in stream.segments[::40]:
        middle = segment.start_time_s + (segment.stop - segment.start) // 2 / 20
        row = targets[(targets.start <= middle) & (targets.end > middle)].iloc[0, 2:]
        winners = [name for name, share in row.items() if share > 0.5]
        assert segment.label == (sphere.PHRASES[winners[0]] if winners else "")
    assert rest_magnitude_g(stream) == pytest.approx(1, abs=0.05)
