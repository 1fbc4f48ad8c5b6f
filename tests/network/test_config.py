import json
from dataclasses import replace

import pytest

from har.network.config import NetworkConfig


@pytest.mark.parametrize(
    ("rate", "window_s", "patch_s", "window", "patch", "patches"),
    [
        (25.0, 5.0, 1.0, 125, 25, 5),
        (20.0, 3.0, 0.25, 60, 5, 12),
        (50.0, 2.56, 0.64, 128, 32, 4),
        (12.5, 4.0, 0.8, 50, 10, 5),
    ],
)
def test_lengths_are_seconds_times_rate(config, rate, window_s, patch_s, window, patch, patches):
    found = replace(config, sampling_rate_hz=rate, window_s=window_s, patch_s=patch_s)
    assert (found.window_length, found.patch_length, found.patches) == (window, patch, patches)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, "16 is not divisible by 3"),
        ({"patch_s": 0.5}, "0.5 s at 25.0 Hz"),  # 12.5 samples
        ({"patch_s": 1.2}, "1.2 s at 25.0 Hz"),  # 30 samples, of which a window holds 3.33
        ({"patch_s": 8.0}, "window of 4.0 s"),
        ({"window_s": 4.01}, "window of 4.01 s"),  # 100.25 samples
    ],
)
def test_refuses_what_does_not_fit(config, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(config, **changes)


def test_survives_json(config):
    stored = json.loads(json.dumps(config.to_dict()))
    assert stored == config.to_dict()
    assert stored["stem_widths"] == [4, 8]
    restored = NetworkConfig.from_dict(stored)
    assert restored == config
    assert hash(restored) == hash(config)


def test_names_missing_and_unknown_fields(config):
    values = config.to_dict()
    del values["depth"], values["width"]
    values["layers"] = 3
    with pytest.raises(ValueError, match=r"lacks \['depth', 'width'\] and has unknown \['layers'\]"):
        NetworkConfig.from_dict(values)
