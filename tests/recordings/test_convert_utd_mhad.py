"""utd_mhad: MATLAB clips, wrist or thigh by action."""

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from har.endurance.published import write_utd_clip
from har.recordings.convert import utd_mhad
from har.recordings.convert.common import Notes, convert_dataset
from har.recordings.format import DatasetError, read_dataset, rest_magnitude_g


def test_streams_units_and_phrases(tmp_path):
    clips = {
        key: write_utd_clip(tmp_path / "raw" / "Inertial", *key)
        for key in ((21, 1, 1), (22, 1, 1), (9, 2, 3), (10, 1, 2))
    }
    convert_dataset(utd_mhad, tmp_path / "raw", tmp_path / "utd_mhad")
    dataset = read_dataset(tmp_path / "utd_mhad")
    wrist, thigh = dataset.streams["right_wrist"], dataset.streams["right_thigh"]
    assert dataset.subjects == ["s1", "s2"]
    assert [(s.recording, s.label) for s in wrist.segments] == [
        ("s1_a21_t1", "picking up an object and throwing it"),
        ("s1_a10_t2", "drawing a circle counter-clockwise in the air"),
        ("s2_a09_t3", "drawing a circle clockwise in the air"),
    ]
    assert [(s.recording, s.label) for s in thigh.segments] == [("s1_a22_t1", "jogging in place")]
    clip = clips[22, 1, 1]
    np.testing.assert_allclose(thigh.samples[:, :3], clip[:, :3], rtol=1e-6)
    np.testing.assert_allclose(thigh.samples[:, 3:], clip[:, 3:] * np.pi / 180, rtol=1e-6)
    assert rest_magnitude_g(thigh) == pytest.approx(1, abs=0.01)


def test_every_action_has_its_own_phrase():
    assert sorted(utd_mhad.PHRASES) == list(range(1, 28))
    assert len(set(utd_mhad.PHRASES.values())) == 27


@pytest.mark.parametrize(
    "content", [b"", b"hello, this is no MATLAB file", b"MATLAB 7.3 MAT-file" + bytes(105) + b"\x00\x02IM"]
)
def test_unreadable_files_are_named(tmp_path, content):
    path = tmp_path / "a1_s1_t1_inertial.mat"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"a1_s1_t1_inertial.mat: expected a MATLAB file"):
        list(utd_mhad.read(path, Notes()))


def test_a_cut_off_file_is_named(tmp_path):
    write_utd_clip(tmp_path, 1, 1, 1)
    path = tmp_path / "a1_s1_t1_inertial.mat"
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DatasetError, match=r"a1_s1_t1_inertial.mat"):
        list(utd_mhad.read(path, Notes()))


def test_wrong_content_is_named(tmp_path):
    path = tmp_path / "a1_s1_t1_inertial.mat"
    for content, expected in (({"d_skel": np.zeros((3, 3))}, "d_iner"), ({"d_iner": np.zeros((9, 3))}, r"\(9, 3\)")):
        savemat(path, content)
        with pytest.raises(DatasetError, match=expected):
            list(utd_mhad.read(path, Notes()))
    write_utd_clip(tmp_path, 28, 1, 1)
    path.unlink()
    with pytest.raises(DatasetError, match=r"a28_s1_t1_inertial.mat: unknown label 28"):
        convert_dataset(utd_mhad, tmp_path, tmp_path / "out")
    (tmp_path / "ax_s1_t1_inertial.mat").touch()
    with pytest.raises(DatasetError, match=r"ax_s1_t1_inertial.mat: expected a name like"):
        convert_dataset(utd_mhad, tmp_path, tmp_path / "out")


def test_original_files(original_files, convert_twice):
    folder = original_files("utd_mhad")
    dataset = read_dataset(convert_twice("utd_mhad", folder))
    clip = loadmat(folder / "Inertial" / "a23_s1_t1_inertial.mat")["d_iner"]
    thigh = dataset.streams["right_thigh"]
    segment = next(s for s in thigh.segments if s.recording == "s1_a23_t1")
    assert (segment.label, segment.stop - segment.start) == ("walking in place", len(clip))
    np.testing.assert_allclose(thigh.samples[segment.start], [*clip[0, :3], *np.deg2rad(clip[0, 3:])], rtol=1e-6)
    # The first ten samples of a clip are before the movement: about 1 g.
    assert np.linalg.norm(clip[:10, :3], axis=1).mean() == pytest.approx(1, abs=0.1)
