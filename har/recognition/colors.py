"""One colour a name: the same on every page and picture, and apart from the others for every common colour vision.

The first six are those of Okabe & Ito (2008). The others were added one by one, each as far as can be from all before
it in CIELAB, also as seen with protanopia and deuteranopia (Machado et al., IEEE TVCG 2009); no two of the 24 are
closer than 17. Seventeen is seen side by side; who must tell twenty names apart by colour alone needs the words too.
"""

import hashlib
from collections.abc import Sequence

from har.labels.groups import group_of
from har.recognition.vocabulary import EVERYDAY_LABELS, NOT_WORN, UNKNOWN

PALETTE = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6900ff", "#f0d287", "#4b78ff", "#b40f2d",
    "#1e6969", "#78a55a", "#b4d2a5", "#693cc3", "#8796ff", "#ffd200", "#69e1ff", "#f0d25a", "#b40096", "#4b693c",
    "#c30000", "#694bff", "#87c35a", "#e196a5",
)  # fmt: skip
GREYS = {UNKNOWN: "#d0d0d0", NOT_WORN: "#8c8c8c"}

# The commonest get the colours that are furthest apart.
_FIRST = (
    "walking", "running", "sitting", "lying", "standing", "cycling", "walking upstairs", "walking downstairs",
)  # fmt: skip
_PLACES = {
    group_of(label): place
    for place, label in enumerate([*_FIRST, *(label for label in EVERYDAY_LABELS if label not in _FIRST)])
}


def colors_of(names: Sequence[str]) -> dict[str, str]:
    """Name -> colour, ``#rrggbb``.

    Everyday activities, and what means the same, have colours of their own. Another name has one that follows from the
    name alone, unless a name before it has that already: then the next free one. More than 24 names share colours.
    """
    colors, taken = {name: GREYS[name] for name in names if name in GREYS}, set()
    others = []
    for name in names:
        place = _PLACES.get(group_of(name))
        if name in colors:
            continue
        if place is None or place in taken:
            others.append(name)
        else:
            colors[name] = PALETTE[place]
            taken.add(place)
    for name in others:
        place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % len(PALETTE)
        free = [(place + step) % len(PALETTE) for step in range(len(PALETTE))]
        place = next((one for one in free if one not in taken), place)
        colors[name] = PALETTE[place]
        taken.add(place)
    return {name: colors[name] for name in names}
