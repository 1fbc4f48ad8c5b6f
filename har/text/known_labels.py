"""Labels that training has read in no words lean on those that it has, as far as the sentence encoder finds them alike.

Training bends the embeddings of the texts that it reads towards the windows that they name. A wording that it never
read is bent along with them only as far as the bank generalises; what is known of its meaning besides is which trained
labels the frozen sentence encoder finds near it. So half of its embedding comes from those: the convex combination of
ConSE (Norouzi et al., ICLR 2014), of texts instead of images.

Shapes: U unknown and M known labels, K prototypes, D embedding width, W text width.
"""

import torch.nn.functional as F
from torch import Tensor

# Chosen by macro-F1 under other wordings on two datasets and confirmed on seven others
# (docs/experiments/words.md); neighbouring values give the same within half a point.
KNOWN_SHARE = 0.5  # of the embedding
TEMPERATURE = 0.03  # of the cosines between sentence embeddings


def lean_on_known(own_UKD: Tensor, pooled_UW: Tensor, known_MKD: Tensor, known_pooled_MW: Tensor) -> Tensor:
    """(U, K, D), unit norm: ``own`` embeddings of unknown labels, drawn towards those of the ``known`` labels.

    pooled (U, W), known_pooled (M, W): unit-norm sentence embeddings of the labels alone. Each known label counts by
    the softmax of its cosine over ``TEMPERATURE``.
    """
    weight_UM = (pooled_UW @ known_pooled_MW.T / TEMPERATURE).softmax(dim=1)
    nearest_UKD = F.normalize((weight_UM @ known_MKD.flatten(1)).view_as(own_UKD), dim=-1)
    return F.normalize((1 - KNOWN_SHARE) * own_UKD + KNOWN_SHARE * nearest_UKD, dim=-1)
