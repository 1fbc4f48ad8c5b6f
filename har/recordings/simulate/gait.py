"""The gait cycle: published joint angles, fitted so that the foot on the ground stays where it is.

Published curves of hip, knee and ankle are means over people; put on one skeleton they let the foot slide. Here the
angles over the cycle are Fourier series (HARMONICS) found by least squares: near the published curves, heel and ball of
the foot at rest while they bear weight, the swinging foot clear of the ground, and, in running, the body in free fall
while no foot touches. The pelvis' path comes out of the same fit. All lengths are in statures, phases in cycles from
one contact of the foot to the next; both legs do the same half a cycle apart.

Sources, degrees over percent of the cycle: walking, Winter, Biomechanics and Motor Control of Human Movement, 2009, and
Perry & Burnfield, Gait Analysis, 2010; running, Novacheck, The biomechanics of running, Gait & Posture 1998; stairs,
Riener, Rabuffetti & Frigo, Stair ascent and descent at different inclinations, Gait & Posture 2002. Read off their
figures, as is the landing of descent out of the sum of both feet's forces there: half a body weight above its own at
13 % of the cycle, then hardly below it. Cadence against speed: Grieve & Gear, Ergonomics 1966. When the body is pushed
and when braked: Cavagna, Heglund & Taylor, Am. J. Physiol. 1977; how much: Menz, Lord & Fitzpatrick, Gait & Posture
2003, and Novacheck 1998.
"""

import functools
from dataclasses import dataclass

import numpy as np

from har.recordings.simulate import anthropometry as lengths

HARMONICS = 7
PHASES = 60  # of the cycle, at which the fit is judged
ITERATIONS = 12
JOINTS = ("hip", "knee", "ankle")
COEFFICIENTS = 1 + 2 * HARMONICS

# What the fit trades off: deviations that count the same.
ANGLE_RAD = np.deg2rad(5.0)
CONTACT_STATURES = 0.0018
CLEARANCE_STATURES = 0.008
FREE_FALL_SHARE = 0.25  # of 1 g
BOUNCE_G = 0.02
SURGE_G = 0.02


@dataclass(frozen=True)
class GaitKind:
    """Published curves (percent of cycle, degrees) of one way to go, and which part of the foot bears weight when.

    heel, ball: begin and end of contact in cycles. step: length in statures at which the curves were measured. path_up,
    path_forwards: deviations of the pelvis' path from even progress that count as much as the others, in statures at
    the rate of the steps; they fall with the third power of the harmonic. bounce_g: amplitude of the vertical
    acceleration of the trunk at the rate of the steps, whose upward peak comes at bounce_phase. landing_g: amplitude at
    twice that rate with the same peak, which makes a short push and a long sinking of it; None leaves it to the angles.
    surge_g: amplitude of the forward acceleration at the rate of the steps: positive where the body is pushed ahead
    before that peak and braked after it, as the inverted pendulum of walking is, negative for the reverse, as in the
    bouncing of running; None leaves it to the angles. pelvis_turn_deg, pelvis_roll_deg: amplitudes about the vertical
    and of the drop towards the swinging leg; pelvis_tilt_deg: mean forward tilt. free_fall: whether both feet leave the
    ground.
    """

    hip: tuple[tuple[float, float], ...]
    knee: tuple[tuple[float, float], ...]
    ankle: tuple[tuple[float, float], ...]
    heel: tuple[float, float]
    ball: tuple[float, float]
    step: float
    path_up: float
    bounce_g: float
    path_forwards: float = 0.004
    bounce_phase: float = 0.08
    landing_g: float | None = None
    surge_g: float | None = None
    pelvis_turn_deg: float = 5.0
    pelvis_roll_deg: float = 4.0
    pelvis_tilt_deg: float = 4.0
    free_fall: bool = False

    @property
    def stance_share(self) -> float:
        return self.ball[1] - min(self.heel[0], self.ball[0])


KINDS = {
    "walk": GaitKind(
        hip=((0, 23), (10, 18), (20, 10), (30, 2), (40, -6), (50, -11), (60, -4), (70, 11), (80, 21), (87, 25), (95,
            24)),
        knee=((0, 5), (7, 13), (15, 19), (22, 16), (30, 10), (40, 5), (45, 7), (50, 13), (55, 24), (60, 38), (65, 52),
              (71, 62), (77, 60), (83, 45), (90, 19), (95, 5)),
        ankle=((0, 0), (7, -6), (12, -3), (20, 3), (30, 7), (42, 11), (48, 9), (55, -2), (61, -17), (65, -17), (72, -8),
               (80, 0), (88, 2), (95, 1)),
        heel=(0.0, 0.36), ball=(0.08, 0.61), step=0.41, path_up=0.008, bounce_g=0.30, surge_g=0.20,
    ),
    "run": GaitKind(
        hip=((0, 36), (10, 34), (20, 22), (30, 8), (38, -3), (45, -6), (55, 8), (65, 30), (75, 46), (85, 51), (93, 44)),
        knee=((0, 18), (8, 34), (15, 44), (23, 38), (30, 27), (38, 18), (45, 28), (55, 65), (65, 90), (72, 94), (80,
            76),
              (88, 42), (95, 17)),
        ankle=((0, 6), (8, 14), (18, 25), (26, 16), (34, -8), (40, -22), (48, -16), (60, -4), (75, 2), (90, 6)),
        heel=(0.02, 0.17), ball=(0.0, 0.36), step=0.60, path_up=0.02, bounce_g=1.15, bounce_phase=0.17,
            path_forwards=0.004, surge_g=-0.22,
        pelvis_turn_deg=7.0, pelvis_roll_deg=5.0, pelvis_tilt_deg=10.0,
        free_fall=True,
    ),
    "upstairs": GaitKind(
        hip=((0, 62), (10, 56), (20, 43), (30, 30), (40, 18), (50, 9), (57, 7), (65, 18), (75, 45), (85, 65), (93, 67)),
        knee=((0, 66), (10, 62), (20, 48), (30, 32), (40, 18), (50, 9), (57, 13), (65, 45), (73, 82), (80, 94), (90,
            84)),
        ankle=((0, 14), (10, 19), (20, 16), (30, 11), (40, 7), (50, 3), (57, -8), (63, -15), (72, 2), (80, 10), (92,
            10)),
        heel=(0.08, 0.38), ball=(0.0, 0.62), step=0.168, path_up=0.009, bounce_g=0.38, surge_g=0.13,
        pelvis_turn_deg=4.0, pelvis_roll_deg=5.0, pelvis_tilt_deg=9.0,
    ),
    "downstairs": GaitKind(
        hip=((0, 19), (10, 18), (20, 15), (30, 12), (40, 10), (50, 11), (60, 21), (70, 35), (78, 39), (88, 29), (95,
            21)),
        knee=((0, 11), (8, 20), (15, 24), (25, 25), (35, 31), (45, 47), (55, 72), (65, 89), (70, 87), (80, 58), (90,
            18),
              (95, 9)),
        ankle=((0, -20), (6, -5), (14, 13), (25, 17), (35, 22), (45, 28), (55, 29), (63, 18), (72, -2), (82, -18), (92,
            -26)),
        heel=(0.12, 0.36), ball=(0.0, 0.62), step=0.168, path_up=0.009, bounce_g=0.32, bounce_phase=0.13,
            landing_g=0.18, pelvis_turn_deg=3.0, pelvis_roll_deg=3.5, pelvis_tilt_deg=5.0,
    ),
    "march": GaitKind(
        hip=((0, 4), (10, 5), (20, 4), (30, 3), (40, 3), (50, 3), (58, 8), (66, 26), (76, 48), (86, 34), (94, 12)),
        knee=((0, 8), (10, 11), (20, 8), (30, 6), (40, 6), (50, 8), (58, 24), (66, 52), (76, 74), (86, 50), (94, 19)),
        ankle=((0, 2), (10, 5), (20, 4), (30, 3), (40, 3), (50, -3), (58, -12), (66, -12), (76, -6), (86, -6), (94,
            -3)),
        heel=(0.06, 0.46), ball=(0.0, 0.58), step=0.0, path_up=0.005, bounce_g=0.2, pelvis_turn_deg=2.0,
            pelvis_roll_deg=4.0,
    ),
    "shuffle": GaitKind(
        hip=((0, 16), (20, 11), (40, 5), (60, 5), (75, 14), (85, 18)),
        knee=((0, 12), (15, 18), (40, 13), (55, 20), (70, 34), (85, 18)),
        ankle=((0, 4), (20, 8), (45, 10), (62, 1), (75, 4), (88, 4)),
        heel=(0.02, 0.50), ball=(0.0, 0.68), step=0.16, path_up=0.02, bounce_g=0.06, surge_g=0.03, pelvis_turn_deg=3.0,
            pelvis_roll_deg=2.0,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class GaitCycle:
    """A fitted cycle. angles: (3, COEFFICIENTS) of hip, knee and ankle in rad. path: (2, COEFFICIENTS), what the
    pelvis' way forwards and up adds to its mean progress, in statures. stride, rise: progress a cycle in statures."""

    kind: GaitKind
    angles: np.ndarray
    path: np.ndarray
    stride: float
    rise: float


def fourier_basis(phase: np.ndarray) -> np.ndarray:
    """1, cos, sin of every harmonic: phase (...,) in cycles -> (..., COEFFICIENTS)."""
    turn = 2 * np.pi * np.asarray(phase, dtype=np.float64)[..., None] * np.arange(1, HARMONICS + 1)
    basis = np.empty((*turn.shape[:-1], COEFFICIENTS))
    basis[..., 0], basis[..., 1::2], basis[..., 2::2] = 1.0, np.cos(turn), np.sin(turn)
    return basis


def fourier_slope(phase: np.ndarray) -> np.ndarray:
    """Derivative of ``fourier_basis`` by the phase."""
    rate = 2 * np.pi * np.arange(1, HARMONICS + 1)
    turn = np.asarray(phase, dtype=np.float64)[..., None] * rate
    slope = np.empty((*turn.shape[:-1], COEFFICIENTS))
    slope[..., 0], slope[..., 1::2], slope[..., 2::2] = 0.0, -rate * np.sin(turn), rate * np.cos(turn)
    return slope


def published_coefficients(curve: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Fourier coefficients (COEFFICIENTS,) in rad of a curve of (percent, degrees), interpolated periodically."""
    percent, degrees = np.array(curve, dtype=np.float64).T
    phase = np.arange(200) / 200
    values = np.interp(phase, percent / 100, np.deg2rad(degrees), period=1.0)
    weights = fourier_basis(phase) / 100
    weights[:, 0] /= 2
    return values @ weights


def cadence_hz(speed_m_s: float) -> float:
    """Steps a second at a walking speed; step length and cadence share a change about equally (Grieve & Gear 1966)."""
    return 1.82 * (speed_m_s / 1.25) ** 0.45


def running_cadence_hz(speed_m_s: float) -> float:
    """Steps a second in running: nearly constant, longer steps make the speed (Novacheck 1998)."""
    return 2.70 * (speed_m_s / 3.0) ** 0.15


def fit_cycle(
    kind_name: str,
    step: float,
    rise: float = 0.0,
    steps_hz: float = 1.9,
    height_m: float = 1.7,
    style: np.ndarray | None = None,
) -> GaitCycle:
    """The cycle nearest to the published curves that steps that far and that high.

    step, rise: of one step in statures. steps_hz, height_m: decide how long a flight lasts. style (3, 4): a person's
    deviations of hip, knee and ankle (mean, cosine and sine of the cycle, cosine of its half) in rad. Raises
    ``ValueError`` for an unknown kind.
    """
    if kind_name not in KINDS:
        raise ValueError(f"no gait {kind_name!r}; known: {', '.join(KINDS)}")
    kind = KINDS[kind_name]
    target = _targets(kind_name, step)
    if style is not None:
        target[:, :4] += style * np.array([1, 1, 1, 0.5])
    start = _default_fit(kind_name, round(step, 2), round(rise, 2), round(steps_hz, 1))
    problem = _Problem(kind, target, 2 * step, 2 * rise, steps_hz, height_m)
    return problem.solve(start, 3)


@functools.cache
def _default_fit(kind_name: str, step: float, rise: float, steps_hz: float) -> np.ndarray:
    """Parameters of an average person's cycle, where the fit of others begins; many people share one, so all are
    kept: a few hundred in a large corpus."""
    kind, target = KINDS[kind_name], _targets(kind_name, step)
    problem = _Problem(kind, target, 2 * step, 2 * rise, steps_hz, 1.7)
    return problem.improve(problem.start(), ITERATIONS)


def _targets(kind_name: str, step: float) -> np.ndarray:
    """Published coefficients (3, COEFFICIENTS); longer steps swing hip and ankle further, the knee less so."""
    kind = KINDS[kind_name]
    target = np.stack([published_coefficients(getattr(kind, joint)) for joint in JOINTS])
    if kind.step > 0 and kind_name in ("walk", "run", "shuffle"):
        gain = np.clip(step / kind.step, 0.2, 1.6)
        target[:, 1:] *= np.array([[gain], [gain**0.5], [gain**0.7]])
    return target


class _Problem:
    """Least squares over p = (angles, path forwards and up in even harmonics, place of the foot)."""

    def __init__(
        self, kind: GaitKind, target: np.ndarray, stride: float, rise: float, steps_hz: float, height_m: float
    ) -> None:
        self.kind, self.target, self.stride, self.rise = kind, target, stride, rise
        self.phase = np.arange(PHASES) / PHASES
        self.basis = fourier_basis(self.phase)
        harmonic = np.repeat(np.arange(1, HARMONICS + 1), 2)
        self.even = 1 + np.flatnonzero(harmonic % 2 == 0)
        self.even_harmonic = harmonic[self.even - 1]
        ratio = np.clip(stride / 2 / kind.step, 0.3, 1.3) ** 2 if kind.step and not kind.free_fall and not rise else 1.0
        self.bounce = kind.bounce_g * ratio
        self.surge = None if kind.surge_g is None else kind.surge_g * ratio
        self.gravity = 9.80665 / height_m / (steps_hz / 2) ** 2  # statures per cycle squared
        turn = 2 * np.pi * self.phase
        pelvis_turn = np.deg2rad(kind.pelvis_turn_deg) * np.cos(turn)
        self.hip_forwards = lengths.HALF_HIP_WIDTH * np.sin(pelvis_turn)
        self.hip_up = lengths.HALF_HIP_WIDTH * np.deg2rad(kind.pelvis_roll_deg) * np.sin(turn)
        # Contact is judged once a cycle, in the middle of it: phases up to the end of stance.
        self.heel = _window(self.phase, *kind.heel)
        self.ball = _window(self.phase, *kind.ball)
        self.swing = 1 - _window(self.phase, min(kind.heel[0], kind.ball[0]) - 0.06, kind.ball[1] + 0.08)
        contact = _window(self.phase, min(kind.heel[0], kind.ball[0]), kind.ball[1])
        self.flight = (1 - contact) * (1 - np.roll(contact, PHASES // 2)) if kind.free_fall else 0 * contact

    def start(self) -> np.ndarray:
        even = len(self.even)
        forwards, up = np.zeros(even), np.zeros(even + 1)
        up[0] = lengths.THIGH + lengths.SHANK + lengths.ANKLE_HEIGHT - 0.02
        return np.concatenate([self.target.ravel(), forwards, up, [0.25 * self.stride]])

    def unpack(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """p (N, P) -> angles (N, 3, COEFFICIENTS), path (N, 2, COEFFICIENTS), place of the ankle (N,)."""
        many, even = 3 * COEFFICIENTS, len(self.even)
        path = np.zeros((len(p), 2, COEFFICIENTS))
        path[:, 0, self.even] = p[:, many : many + even]
        path[:, 1, 0] = p[:, many + even]
        path[:, 1, self.even] = p[:, many + even + 1 : many + 2 * even + 1]
        return p[:, :many].reshape(-1, 3, COEFFICIENTS), path, p[:, -1]

    def points(self, angles: np.ndarray, path: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Heel and ball of the foot: how far and how high, each (N, PHASES) in statures."""
        hip, knee, ankle = np.moveaxis(angles @ self.basis.T, 1, 0)
        thigh = hip - np.deg2rad(self.kind.pelvis_tilt_deg)
        shank = thigh - knee
        foot = shank + ankle
        forwards, up = np.moveaxis(path @ self.basis.T, 1, 0)
        x = forwards + self.stride * self.phase + self.hip_forwards
        z = up + self.rise * self.phase + self.hip_up
        x = x + lengths.THIGH * np.sin(thigh) + lengths.SHANK * np.sin(shank)
        z = z - lengths.THIGH * np.cos(thigh) - lengths.SHANK * np.cos(shank)
        cosine, sine = np.cos(foot), np.sin(foot)
        return {
            name: (
                x + along * cosine + lengths.ANKLE_HEIGHT * sine,
                z + along * sine - lengths.ANKLE_HEIGHT * cosine,
            )
            for name, along in (("heel", -lengths.HEEL_BEHIND_ANKLE), ("ball", lengths.BALL_BEFORE_ANKLE))
        }

    def residuals(self, p: np.ndarray) -> np.ndarray:
        """p (N, P) -> (N, R); the fit minimises the sum of their squares."""
        angles, path, place = self.unpack(p)
        points = self.points(angles, path)
        parts = [((angles - self.target) @ self.basis.T).reshape(len(p), -1) / ANGLE_RAD]
        for name, along, bears in (
            ("heel", -lengths.HEEL_BEHIND_ANKLE, self.heel),
            ("ball", lengths.BALL_BEFORE_ANKLE, self.ball),
        ):
            forwards, up = points[name]
            away = np.empty((*up.shape, 2))
            away[..., 0], away[..., 1] = (forwards - (place + along)[:, None]) * bears, up * bears
            away /= CONTACT_STATURES
            parts.append(away.reshape(len(p), -1))
            # The swinging foot passes above the line from one foothold to the next.
            progress = np.clip((self.phase - self.kind.ball[1]) / (1 - self.kind.ball[1]), 0, 1)
            height = up - self.rise * progress - 0.012 * np.sin(np.pi * progress)
            parts.append(np.minimum(height, 0) * self.swing / CLEARANCE_STATURES)
        acceleration = path[:, 1, 1:] * -((2 * np.pi * np.repeat(np.arange(1, HARMONICS + 1), 2)) ** 2)
        falling = acceleration @ self.basis[:, 1:].T / self.gravity + 1
        parts.append(falling * self.flight / FREE_FALL_SHARE)
        # Amplitude of the second harmonic, in g at the peak's phase and across it.
        second = 4 * np.pi * self.kind.bounce_phase
        wave = -path[:, 1, 3:5] * (4 * np.pi) ** 2 / self.gravity
        parts.append((wave - self.bounce * np.array([np.cos(second), np.sin(second)])) / BOUNCE_G)
        weight = (self.even_harmonic / 2) ** 3
        upwards = path[:, 1, self.even] * weight / self.kind.path_up
        if self.kind.landing_g is not None:  # the fourth in the same way
            wave = -path[:, 1, 7:9] * (8 * np.pi) ** 2 / self.gravity
            peak = self.kind.landing_g * np.array([np.cos(2 * second), np.sin(2 * second)])
            upwards[:, 2:4] = (wave - peak) / BOUNCE_G
        forwards = path[:, 0, self.even] * weight / self.kind.path_forwards
        if self.surge is not None:  # the forward acceleration, a quarter of a step before the vertical one
            wave = -path[:, 0, 3:5] * (4 * np.pi) ** 2 / self.gravity
            forwards[:, :2] = (wave - self.surge * np.array([np.sin(second), -np.cos(second)])) / SURGE_G
        parts.append(forwards)
        parts.append(upwards)
        return np.concatenate(parts, axis=1)

    def improve(self, p: np.ndarray, iterations: int) -> np.ndarray:
        """Gauss-Newton with a little damping; the Jacobian by differences, all columns in one evaluation."""
        step = 1e-6
        for _ in range(iterations):
            both = self.residuals(np.vstack([p, p + step * np.eye(len(p))]))
            jacobian = both[1:] - both[0]
            jacobian /= step
            normal = jacobian @ jacobian.T
            normal[np.diag_indices_from(normal)] += 1e-3 * np.diag(normal) + 1e-9
            p = p - np.linalg.solve(normal, jacobian @ both[0])
        return p

    def solve(self, start: np.ndarray, iterations: int) -> GaitCycle:
        p = self.improve(start, iterations)
        angles, path, _ = self.unpack(p[None])
        return GaitCycle(self.kind, angles[0], path[0], self.stride, self.rise)


def _window(phase: np.ndarray, begin: float, end: float, edge: float = 0.02) -> np.ndarray:
    """1 from begin to end of the cycle, with edges that a fit can follow."""
    middle, half = 0.5 * (begin + end), 0.5 * (end - begin)
    distance = np.abs((phase - middle + 0.5) % 1.0 - 0.5)
    return np.clip((half - distance) / edge + 0.5, 0, 1)
