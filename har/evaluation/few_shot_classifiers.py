"""Probabilities of classes from a few labelled windows, alone and together with what the label texts say.

Windows are described by the network's features, which its embedding is computed from, of unit norm. Together with the
text, windows are named by Gaussian-process regression (Rasmussen & Williams, 2006, eq. 2.38) of one-hot classes whose
prior mean is what the text says of each window. With the kernel of two windows, noise n and support windows S,

    k(x, z) = exp(-(1 - cos(x, z)) / width)                                                               (1)
    score(x) = prior(x) + k(x, S) (k(S, S) + n I)^-1 (one-hot classes of S - prior(S))                    (2)
    prior(x) = w text(x) + (1 - w) / L,   w = m / (m + windows a class)                                   (3)

So a labelled window changes the text's answer where the text was wrong about it, for windows that look like it, and by
as much as it was wrong: what looks like nothing labelled is left to the text. The text fades by the rule of the MAP
adaptation of means with relevance factor m (Reynolds, Quatieri & Dunn, Digital Signal Processing 2000, eq. 14).
Scores of a window sum to 1; they may leave [0, 1].

Without the text, three classifiers read the support, less its mean and of unit norm (SimpleShot: Wang et al., arXiv
1911.04623):

ridge
    Ridge regression to one-hot targets with an unpenalised intercept, closed form.
prototype
    Softmax of the cosines with the normalised mean of each class's support (prototypical networks: Snell, Swersky &
    Zemel, NeurIPS 2017, eq. 1 and 2; unit-norm prototypes and a scale as in Gidaris & Komodakis, CVPR 2018).
nearest
    Softmax of the cosines with the nearest support window of each class.

The softmaxes have the scale (1 / temperature) that training gave the label texts; `blend` adds the text to them as
few-shot adapters of CLIP do (Tip-Adapter: Zhang et al., ECCV 2022).

Shapes: S support, Q query, L classes, D feature width.
"""

import numpy as np
from scipy.special import softmax

GAUSSIAN_PROCESS, RIDGE, PROTOTYPE, NEAREST = "gaussian process", "ridge", "prototype", "nearest"
CLASSIFIERS = (GAUSSIAN_PROCESS, RIDGE, PROTOTYPE, NEAREST)

# Chosen on eight datasets that the released model had not seen: half and twice of width and text and a third and three
# times of the noise change the mean by two points at most (docs/experiments/few_shot.md).
KERNEL_WIDTH = 0.125  # cosine distance at which the kernel falls to 1 / e
NOISE = 0.1  # of the wearer's own windows: a tenth of what a window varies by
NOISE_OF_OTHERS = 1.0  # other people do the same differently: with less, few windows cost what the text knows
PRIOR_WINDOWS = 4.0  # m: labelled windows a class that the text counts as in its prior

TEXT_WINDOWS = 2.0  # the same for `blend`; chosen on selfback and spsw_har by models that never saw them
RIDGE_PENALTY = 0.05  # on unit-norm features: a direction needs a twentieth of one window's energy to count


def window_kernel(one_ND: np.ndarray, other_MD: np.ndarray, width: float) -> np.ndarray:
    """(N, M) kernel of equation (1) between unit-norm windows: 1 for the same window."""
    return np.exp((one_ND @ other_MD.T - 1) / width)


def faded_text(text_NL: np.ndarray, shots: float, prior_windows: float) -> np.ndarray:
    """Prior (N, L) of equation (3) from the text's probabilities; ``inf`` windows leave the text as it is."""
    weight = 1.0 if np.isinf(prior_windows) else prior_windows / (prior_windows + shots)
    return weight * text_NL + (1 - weight) / text_NL.shape[1]


def gaussian_process(
    support_SD: np.ndarray,
    class_S: np.ndarray,
    prior_SL: np.ndarray,
    query_QD: np.ndarray,
    prior_QL: np.ndarray,
    *,
    width: float = KERNEL_WIDTH,
    noise: float = NOISE,
) -> np.ndarray:
    """(Q, L) scores by equation (2) of this file, from unit-norm features and priors of support and query.

    Of the L classes any may be without support. Without support the prior comes back. Raises ``ValueError`` unless
    width and noise are positive.
    """
    if not (width > 0 and noise > 0):
        raise ValueError(f"a kernel of width {width} with noise {noise}; expected both positive")
    gram_SS = window_kernel(support_SD, support_SD, width) + noise * np.eye(len(support_SD))
    wrong_SL = np.eye(prior_SL.shape[1])[class_S] - prior_SL
    return prior_QL + window_kernel(query_QD, support_SD, width) @ np.linalg.solve(gram_SS, wrong_SL)


def ridge_probabilities(
    support_SD: np.ndarray, class_S: np.ndarray, query_QD: np.ndarray, classes: int, penalty: float
) -> np.ndarray:
    """(Q, L) predictions of a ridge regression from the features to one-hot classes.

    Minimises sum_s |y_s - b - W' x_s|^2 + penalty |W|^2 over W (D, L) and b (L,): with centred X and Y,
    W = (X'X + penalty I)^-1 X'Y (Hoerl & Kennard, Technometrics 1970). Raises ``ValueError`` unless penalty > 0.
    """
    if not penalty > 0:
        raise ValueError(f"ridge penalty {penalty}; expected a positive one: few windows leave the weights open")
    target_SL = np.eye(classes)[class_S]
    centre_D, share_L = support_SD.mean(axis=0), target_SL.mean(axis=0)
    centred_SD = support_SD - centre_D
    gram_DD = centred_SD.T @ centred_SD + penalty * np.eye(support_SD.shape[1])
    weights_DL = np.linalg.solve(gram_DD, centred_SD.T @ (target_SL - share_L))
    return share_L + (query_QD - centre_D) @ weights_DL


def prototype_cosines(support_SD: np.ndarray, class_S: np.ndarray, query_QD: np.ndarray, classes: int) -> np.ndarray:
    """(Q, L) cosines of unit-norm windows with the normalised mean of each class's support."""
    total_LD = np.zeros((classes, support_SD.shape[1]))
    np.add.at(total_LD, class_S, support_SD)
    # Opposite windows may cancel; a class without a direction is as far from everything as an unrelated one.
    return query_QD @ _directions(total_LD).T


def nearest_cosines(support_SD: np.ndarray, class_S: np.ndarray, query_QD: np.ndarray, classes: int) -> np.ndarray:
    """(Q, L) cosines of unit-norm windows with the nearest support window of each class; every class needs one."""
    cosine_QS = query_QD @ support_SD.T
    return np.stack([cosine_QS[:, class_S == i].max(axis=1) for i in range(classes)], axis=1)


def centred(support_SD: np.ndarray, query_QD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Support and query less the mean of the support, of unit norm; the mean itself becomes zero."""
    mean_D = support_SD.mean(axis=0)
    return _directions(support_SD - mean_D), _directions(query_QD - mean_D)


def _directions(rows_ND: np.ndarray) -> np.ndarray:
    """Rows of unit norm; those of zeros stay zeros."""
    norm_N1 = np.linalg.norm(rows_ND, axis=1, keepdims=True)
    return np.divide(rows_ND, norm_N1, out=np.zeros_like(rows_ND), where=norm_N1 > 0)


def class_probabilities(
    support_SD: np.ndarray,
    class_S: np.ndarray,
    query_QD: np.ndarray,
    classes: int,
    *,
    logit_scale: float,
    ridge_penalty: float,
) -> dict[str, np.ndarray]:
    """Classifier that reads the support alone -> (Q, L) its probabilities of the classes 0 ... L-1.

    Support and query are `centred`; each class has a window in ``class_S`` (S,).
    """
    problem = support_SD, class_S, query_QD, classes
    return {
        RIDGE: ridge_probabilities(*problem, ridge_penalty),
        PROTOTYPE: softmax(logit_scale * prototype_cosines(*problem), axis=1),
        NEAREST: softmax(logit_scale * nearest_cosines(*problem), axis=1),
    }


def blend(text_QL: np.ndarray, support_QL: np.ndarray, shots: int, text_windows: float) -> np.ndarray:
    """Scores (Q, L) from the probabilities of the text and of the support.

    score = m / (m + k) * text + k / (m + k) * support, with m ``text_windows`` and k ``shots``: m = 0 leaves the
    support alone, to the bit, and k = 0 the text. Raises ``ValueError`` when both are 0 or one is negative.
    """
    if shots < 0 or text_windows < 0 or shots + text_windows == 0:
        raise ValueError(f"{shots} shots and a text of {text_windows} windows; expected a positive sum of two counts")
    weight = text_windows / (text_windows + shots)
    return weight * text_QL + (1 - weight) * support_QL
