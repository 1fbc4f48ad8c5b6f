"""The card of a released model: tables of figures that were measured, in a text that people wrote.

A table stands between the comments ``<!-- card: NAME -->`` and ``<!-- end -->``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

_BEGIN, _END = "<!-- card: {} -->", "<!-- end -->"


def fill_card(text: str, tables: Mapping[str, str]) -> str:
    """The text with each of the tables between its comments; raises ``ValueError`` for one that has no place there."""
    for name, table in tables.items():
        begin = _BEGIN.format(name)
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(_END)}", re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise ValueError(f"the card has no place for the table {name}; write {begin} and {_END} where it stands")
        text = pattern.sub(lambda _, begin=begin, table=table: f"{begin}\n{table}\n{_END}", text)
    return text


def training_table(datasets: Iterable[Mapping]) -> str:
    """What a model was trained on; each has name, title, licence, people, hours (of devices) and activities."""
    rows = [
        (d["name"], d["title"], d["licence"], str(d["people"]), f"{d['hours']:.1f}", str(d["activities"]))
        for d in datasets
    ]
    return markdown(("dataset", "what", "licence", "people", "device hours", "activities"), rows)


def score_table(scores: Mapping[str, Mapping]) -> str:
    """Scores of datasets that a model did not see: name -> people, activities, and of one window and in context
    macro_f1 and accuracy with the ends of an interval over people.
    """
    rows = [
        (name, str(of["people"]), str(of["activities"]), *(_percent(of[which]) for which in ("window", "context")))
        for name, of in scores.items()
    ]
    head = ("dataset", "people", "activities", "one window: macro-F1, accuracy", "in context: macro-F1, accuracy")
    return markdown(head, rows)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _percent(score: Mapping) -> str:
    low, high = score["interval"] or (None, None)
    span = "" if low is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * score['macro_f1']:.1f}{span}, {100 * score['accuracy']:.1f}"
