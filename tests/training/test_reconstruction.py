"""Which hidden patches are shown, and that each is shown in its own axes."""

import numpy as np
import torch

from har.training.reconstruction import hidden_patches


def test_every_sensor_that_a_window_has_is_shown_with_its_own_numbers():
    windows, patches, length = 2, 3, 4
    true = torch.arange(windows * patches * length * 6, dtype=torch.float32).reshape(windows, patches, length, 6)
    measured = torch.ones(windows, patches, 6, dtype=torch.bool)
    measured[0, 1, 4] = False  # one axis of one patch
    measured[1, :, 3:] = False  # no gyroscope
    hidden = torch.tensor([[[True, False, False], [False, True, False]], [[False, False, True], [True, True, True]]])
    examples = hidden_patches(["a", "b"], 25.0, torch.tensor([[0, 1], [0, 1]]), true, -true, measured, hidden)
    assert [(example.title, example.kind) for example in examples] == [("a", "acc"), ("a", "gyro"), ("b", "acc")]
    for example, window, sensor in zip(examples, (0, 0, 1), (0, 1, 0), strict=True):
        for patch in range(patches):
            for sample in range(length):
                for axis in range(3):
                    value = float(true[window, patch, sample, 3 * sensor + axis])
                    assert example.true[patch, sample, axis] == value == -example.predicted[patch, sample, axis]
        np.testing.assert_array_equal(example.hidden, hidden[window, sensor].numpy())
    assert examples[1].measured.tolist() == [True, False, True]
    assert all(example.measured.all() for example in (examples[0], examples[2]))
