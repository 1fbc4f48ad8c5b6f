"""One recording of chosen activities: what it holds, and that it is the same again."""

import numpy as np
import pytest

from har.recordings.simulate import simulate_bouts

DAY = [("lying", 12.0), ("walking", 10.0), ("running", 8.0)]


def inside(recording, label: str) -> np.ndarray:
    """Magnitude of the acceleration in g during the bout of an activity."""
    (start, stop) = next((a, b) for name, a, b in recording.labels if name == label)
    rows = slice(*(round(second * recording.sampling_rate_hz) for second in (start, stop)))
    return np.linalg.norm(recording.samples[rows, :3], axis=1)


def test_the_bouts_are_there_in_order_and_in_their_length():
    made = simulate_bouts(DAY)
    assert made.channels == ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z") and made.sampling_rate_hz == 50.0
    assert made.placement == "trouser pocket" and made.samples.dtype == np.float32
    asked = [(name, stop - start) for name, start, stop in made.labels if name in dict(DAY)]
    assert [name for name, _ in asked] == [name for name, _ in DAY]
    assert [seconds for _, seconds in asked] == pytest.approx([seconds for _, seconds in DAY], abs=0.02)
    borders = [second for _, start, stop in made.labels for second in (start, stop)]
    assert borders == sorted(borders) and borders[0] == 0
    assert borders[-1] == pytest.approx(len(made.samples) / made.sampling_rate_hz, abs=0.03)
    assert np.isfinite(made.samples).all()


def test_what_the_device_measures_is_what_was_done():
    made = simulate_bouts(DAY)
    lying, walking, running = (inside(made, name) for name, _ in DAY)
    assert np.median(lying) == pytest.approx(1.0, abs=0.08)
    assert 4 * lying.std() < walking.std() < 0.7 * running.std()


def test_the_same_again_another_day_and_another_person():
    made, again = simulate_bouts(DAY, person=1), simulate_bouts(DAY, person=1)
    assert made.labels == again.labels and np.array_equal(made.samples, again.samples)
    shortest = len(made.samples) // 2
    for other in (simulate_bouts(DAY, person=1, seed=1), simulate_bouts(DAY, person=2)):
        assert not np.allclose(made.samples[:shortest], other.samples[:shortest], atol=0.05)


def test_another_device():
    made = simulate_bouts(DAY[:1], dataset="sim_watch", stream="right_wrist")
    assert (made.placement, made.sampling_rate_hz, made.samples.shape[1]) == ("right wrist", 25.0, 3)


@pytest.mark.parametrize(
    ("bouts", "options", "problem"),
    [
        ([], {}, "one bout or more"),
        ([("walking", 0.0)], {}, "that each take some seconds"),
        ([("walking", float("nan"))], {}, "that each take some seconds"),
        (DAY, {"seed": -1}, "seed -1"),
        ([("flying", 5.0)], {}, "nobody simulates 'flying'; the activities are walking"),
        (DAY, {"dataset": "sim_shoe"}, "no simulated dataset 'sim_shoe'; there are sim_phone"),
        (DAY, {"stream": "shoe"}, "sim_phone has no stream 'shoe'; its streams are pocket"),
    ],
)
def test_what_makes_no_sense_is_said(bouts, options, problem):
    with pytest.raises(ValueError, match=problem):
        simulate_bouts(bouts, **options)
