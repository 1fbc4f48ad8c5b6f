"""What a network is built from: the only arguments of the encoder, in training and on loading."""

import math
from dataclasses import asdict, dataclass, fields

from har.signal.channels import SENSOR_KINDS


@dataclass(frozen=True)
class NetworkConfig:
    """Architecture of the IMU encoder.

    sensors: kinds of sensor (acc, gyro, mag) that it is trained on. sampling_rate_hz, window_s: the grid on which
    every window arrives. patch_s: length of a patch; it must divide the window. stem_widths: channels of the
    convolutions inside a patch. width, depth, heads, mlp_ratio: the transformer over time x sensor. embedding_width:
    of the space shared with text. text_width: of the sentence encoder (placement texts). dropout: in training.
    """

    sensors: tuple[str, ...]
    sampling_rate_hz: float
    window_s: float
    patch_s: float
    stem_widths: tuple[int, ...]
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    embedding_width: int
    text_width: int
    dropout: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "stem_widths", tuple(self.stem_widths))
        object.__setattr__(self, "sensors", tuple(self.sensors))
        unknown = set(self.sensors) - set(SENSOR_KINDS)
        if unknown or not self.sensors:
            raise ValueError(f"sensors {list(self.sensors)}; expected some of {', '.join(SENSOR_KINDS)}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not divisible by {self.heads} heads")
        whole = all(
            seconds > 0 and math.isclose(length, seconds * self.sampling_rate_hz, abs_tol=1e-6)
            for length, seconds in ((self.window_length, self.window_s), (self.patch_length, self.patch_s))
        )
        if not whole or self.window_length % self.patch_length:
            raise ValueError(
                f"patches of {self.patch_s} s at {self.sampling_rate_hz} Hz do not tile a window of {self.window_s} s; "
                "both must be whole numbers of samples and the patch must divide the window"
            )

    @property
    def window_length(self) -> int:
        """T, samples in a window."""
        return round(self.window_s * self.sampling_rate_hz)

    @property
    def patch_length(self) -> int:
        """Samples in a patch."""
        return round(self.patch_s * self.sampling_rate_hz)

    @property
    def patches(self) -> int:
        """P, patches in a window."""
        return self.window_length // self.patch_length

    def to_dict(self) -> dict:
        """Plain Python values, as stored in checkpoints."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict) -> "NetworkConfig":
        """Inverse of ``to_dict``; raises ``ValueError`` that lists missing and unknown fields."""
        names = {f.name for f in fields(cls)}
        if set(values) != names:
            raise ValueError(
                f"the network configuration lacks {sorted(names - set(values))} and has unknown "
                f"{sorted(set(values) - names)}; "
                "it was written by another version of the architecture"
            )
        return cls(**values)
