"""Labels that training has read in no words lean on those that it has, by what they mean.

Training bends the embeddings of the texts that it reads towards the windows that they name. A wording that it never
read is bent along with them only as far as the bank generalises. What it means is known besides: a regression has
learned it from many more wordings than a network can read (``meanings.py``). So most of its embedding comes from the
labels of the activities that it may mean: the convex combination of ConSE (Norouzi et al., ICLR 2014), of texts instead
of images.

Shapes: U unread and M known labels, K prototypes, D embedding width, W text width.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from har.text.meanings import Meanings

# Chosen by macro-F1 under other wordings on nine datasets, with each of them left out (docs/experiments/words.md).
KNOWN_SHARE = 0.8  # of the embedding
TEMPERATURE = 0.03  # of the cosines between sentence embeddings, where no meaning is known


def weight_of_known(
    pooled_UW: Tensor, known_pooled_MW: Tensor, known: Sequence[str], meanings: Meanings | None
) -> Tensor:
    """(U, M), rows of sum 1: how much each unread label leans on each of the known ones.

    pooled, known_pooled: unit-norm sentence embeddings of the labels alone. By likeness, the softmax of the cosines
    over ``TEMPERATURE``; but of what falls there on labels whose activity the regression has learned, each activity's
    share of the meaning goes to its labels, in equal parts, and only the share of activities that no known label names
    remains with likeness. ``meanings``: None of another text encoder.
    """
    near_UM = (pooled_UW @ known_pooled_MW.T / TEMPERATURE).softmax(dim=1)
    columns = [None] * len(known) if meanings is None else meanings.columns(known)
    learned = [m for m, column in enumerate(columns) if column is not None]
    if not learned:
        return near_UM
    column_M = torch.tensor([columns[m] for m in learned], device=near_UM.device)
    several_M = (column_M[:, None] == column_M).sum(dim=1)
    share_UC = torch.from_numpy(meanings.scores(pooled_UW.cpu().numpy())).to(near_UM).softmax(dim=1)
    meant_UM = share_UC[:, column_M] / several_M
    like_UM = near_UM[:, learned]
    unnamed_U1 = 1 - meant_UM.sum(dim=1, keepdim=True)
    near_UM[:, learned] = like_UM.sum(dim=1, keepdim=True) * meant_UM + unnamed_U1 * like_UM
    return near_UM


def lean_on_known(own_UKD: Tensor, weight_UM: Tensor, known_MKD: Tensor) -> Tensor:
    """(U, K, D), unit norm: ``own`` embeddings of unread labels, drawn towards the weighted ``known`` ones."""
    towards_UKD = F.normalize((weight_UM @ known_MKD.flatten(1)).view_as(own_UKD), dim=-1)
    return F.normalize((1 - KNOWN_SHARE) * own_UKD + KNOWN_SHARE * towards_UKD, dim=-1)
