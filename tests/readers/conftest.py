"""Real exports, from the folder that the variable HAR_USER_FILES names, and a known movement to be written."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

RATE = 50.0


@pytest.fixture
def user_file() -> Callable[[str], Path]:
    """Name -> a real export; the test is skipped where there are none."""

    def path(name: str) -> Path:
        root = os.environ.get("HAR_USER_FILES")
        if not root:
            pytest.skip("HAR_USER_FILES names no folder with exports of apps and devices")
        return Path(root) / name

    return path


@pytest.fixture(scope="session")
def movement() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """30 s at 50 Hz of a device that rests, then turns: time (n,) s, acceleration (n, 3) g, turning (n, 3) rad/s.

    Weight turns as the gyroscope says, so that what is inferred from their agreement can be.
    """
    n = 1500
    time_s = np.arange(n) / RATE
    rng = np.random.default_rng(5)
    turning = np.stack([0.9 * np.sin(1.1 * time_s), 0.7 * np.cos(0.8 * time_s), 0.5 * np.sin(0.5 * time_s)], 1)
    turning[:400] = 0
    up = np.empty((n, 3))
    up[0] = np.array([0.1, 0.2, 0.97]) / np.linalg.norm([0.1, 0.2, 0.97])
    for k in range(n - 1):  # the direction of weight in the device's axes: da/dt = -w x a
        up[k + 1] = up[k] - np.cross(turning[k], up[k]) / RATE
        up[k + 1] /= np.linalg.norm(up[k + 1])
    acc = up + 0.15 * np.sin(2 * np.pi * np.array([1.3, 1.7, 2.1]) * time_s[:, None])
    acc[:400] = up[:400]
    return time_s, acc + rng.normal(0, 0.002, acc.shape), turning + rng.normal(0, 0.002, turning.shape)
