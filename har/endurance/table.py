"""The table of all trials: how many of each kind, how they ended, what was lost, the slowest and the largest."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from har.endurance.outcome import Outcome

COLUMNS = ("kind", "trials", "losses", "slowest", "memory", "how they ended")


def table(outcomes: Sequence[Outcome]) -> str:
    """One line a kind, in the order in which they came; below it one line a loss, with its trial."""
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        kinds[outcome.kind].append(outcome)
    rows = [COLUMNS]
    for kind, found in kinds.items():
        ended = Counter(outcome.ended for outcome in found).most_common()
        slowest, largest = max(one.seconds for one in found), max(one.peak_mb for one in found)
        rows.append((
            kind, f"{len(found):,}", str(sum(bool(outcome.loss) for outcome in found)),
            f"{slowest:.1f} s", f"{largest:,.0f} MB", ", ".join(f"{count} {word}" for word, count in ended),
        ))  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = []
    for row in rows:
        cells = [cell.rjust(widths[i]) if 0 < i < 5 else cell.ljust(widths[i]) for i, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    lines += [f"lost: {one.kind}: {one.trial}: {one.loss}" for one in outcomes if one.loss]
    return "\n".join(lines)
