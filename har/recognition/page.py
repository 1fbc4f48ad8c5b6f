"""One self-contained page of a timeline: it opens in any browser, without a network.

Every text in it that a file or a user gave is escaped, and its policy (Content-Security-Policy, level 3) lets no other
script run than the two that were put there, and nothing be fetched.
"""

import base64
import hashlib
import html
import json
from pathlib import Path
from typing import Any

import numpy as np

from har.recognition import words
from har.recognition.colors import colors_of
from har.recognition.page_parts import SCRIPT, STYLE, confidence_text
from har.recognition.survey import Survey
from har.recognition.timeline import Timeline
from har.run.folder import write_atomically

_MOST_BINS = 8000  # of the signal, over all devices
_MOST_DEVICES = 4
_MOST_BOUTS = 1000  # rows of the table


def save_page(timeline: Timeline, path: str | Path) -> Path:
    """Write the page; it appears whole or not at all. Raises ``ImportError`` where plotly is not installed."""
    path = Path(path)
    write_atomically(path, page(timeline))
    return path


def page(timeline: Timeline) -> str:
    """The HTML of a timeline."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError("the page is drawn by plotly: pip install plotly") from error
    library = get_plotlyjs()
    policy = (
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
        f"script-src {' '.join(_allowed(script) for script in (library, SCRIPT))}"
    )
    title = html.escape(timeline.name)
    # Inside a script element nothing ends it but "<".
    data = json.dumps(_data(timeline), ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    body = [
        f"<h1>{title}</h1>",
        f"<p>{html.escape(words.sentence(timeline))}</p>",
        _key(timeline),
        '<div id="timeline"></div>',
        f'<p class="muted">{html.escape(_how_to_look(timeline))}</p>',
        "<h2>Minutes of each activity</h2>",
        _bars(timeline),
        _over_time(timeline),
        "<h2>Bouts</h2>",
        _bouts(timeline),
        "<h2>How to read confidence</h2>",
        f"<p>{confidence_text(timeline.settings.get('calibrated', False))}</p>",
        _notes(timeline),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            f'<script type="application/json" id="data">{data}</script>',
            f"<script>{library}</script>",
            f"<script>{SCRIPT}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _allowed(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


# --- What is drawn ---------------------------------------------------------------------------------------------------


def _data(timeline: Timeline) -> dict[str, Any]:
    """What the script draws: plain values, texts escaped."""
    names = timeline.names()
    colors = colors_of([*timeline.labels, *names])
    unit_s, title = _time_unit(timeline)

    def axis(time_s: np.ndarray) -> list[float]:
        values = timeline.clock.wall_ms(time_s) if timeline.clock.start else np.asarray(time_s) / unit_s
        return np.round(values, 4 if timeline.clock.start is None else 0).tolist()

    return {
        "names": [{"text": html.escape(name), "color": colors[name]} for name in names],
        "dates": timeline.clock.start is not None,
        "timeTitle": title,
        "range": axis(np.array([timeline.start_s, timeline.stop_s])),
        "bouts": _cells(timeline, names),
        # From seconds since the start of the first bout to the unit of the axis.
        "origin": axis(np.array([timeline.start_s]))[0],
        "unit": 1000.0 if timeline.clock.start is not None else 1 / unit_s,
        "devices": [
            _device(placement, survey, axis, len(timeline.surveys))
            for placement, survey in timeline.surveys[:_MOST_DEVICES]
        ],
        "parts": _parts(timeline, names),
    }


def _cells(timeline: Timeline, names: list[str]) -> dict[str, list]:
    """Bouts and gaps, one after the other: where each ends, which name it has (None: gap), confidence in percent."""
    ends, cells, confidence = [], [], []
    number = {name: place for place, name in enumerate(names)}
    before_s = timeline.start_s
    for bout in timeline.bouts:
        if bout.start_s > before_s:
            ends.append(round(bout.start_s - timeline.start_s, 2))
            cells.append(None)
            confidence.append(None)
        ends.append(round(bout.stop_s - timeline.start_s, 2))
        cells.append(number[bout.label])
        confidence.append(None if bout.confidence is None else round(100 * bout.confidence))
        before_s = bout.stop_s
    return {"ends": ends, "names": cells, "confidence": confidence}


def _time_unit(timeline: Timeline) -> tuple[float, str]:
    """Seconds in a unit of the axis, and its title."""
    if timeline.clock.start is not None:
        return 1.0, "time of day"
    seconds = timeline.stop_s - timeline.start_s
    for unit_s, name in ((3600.0, "hours"), (60.0, "minutes")):
        if seconds > 3 * unit_s:
            return unit_s, f"{name} since the start"
    return 1.0, "seconds since the start"


def _device(placement: str | None, survey: Survey, axis: Any, devices: int) -> dict[str, Any]:
    """The envelope of a device's signal: lowest and highest of each bin."""
    most = max(1, _MOST_BINS // min(devices, _MOST_DEVICES))
    drawn = survey.coarser(-(-len(survey.share) // most))
    start, after = axis(np.array([drawn.start_s, drawn.start_s + drawn.bin_s * len(drawn.share)]))
    low, high = np.nanmin(drawn.lowest), np.nanmax(drawn.highest)
    margin = 0.05 * max(float(high - low), 0.1)
    kind = {"acc": "acceleration", "gyro": "turn rate", "mag": "magnetic field"}[survey.kind]
    where = f"{html.escape(placement)}<br>" if placement else ""
    return {
        "title": f"{where}{kind} ({survey.unit})",
        "start": start,
        "step": (after - start) / len(drawn.share),
        "bottom": round(float(low) - margin, 3),
        "top": round(float(high) + margin, 3),
        "axes": [{"low": _plain(drawn.lowest[:, k]), "high": _plain(drawn.highest[:, k])} for k in range(3)],
    }


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(value, 3) for value in values.astype(np.float64).tolist()]


def _parts(timeline: Timeline, names: list[str]) -> dict[str, Any]:
    """Minutes of each name a day, or an hour in a recording of one day."""
    unit = _part_unit(timeline)
    table = timeline.minutes_by(unit)
    most = max(sum(minutes.values()) for minutes in table.values())
    divisor, word = (60.0, "hours") if most > 120 else (1.0, "minutes")
    return {
        "keys": [_part_name(key, unit, timeline) for key in table],
        "values": [[round(minutes.get(name, 0) / divisor, 3) for minutes in table.values()] for name in names],
        "unit": word,
    }


def _part_unit(timeline: Timeline) -> str:
    return "day" if len(timeline.minutes_by("day")) > 1 else "hour"


def _part_name(key: str, unit: str, timeline: Timeline) -> str:
    if timeline.clock.start is None:
        return f"{unit} {int(key) + 1}"
    if unit == "day":
        return key
    # Both hours of a night in which clocks go back are "02:00"; the offset tells them apart.
    several = len({text[16:] for text in timeline.minutes_by("hour")}) > 1
    return f"{key[11:16]} ({key[16:]})" if several else key[11:16]


# --- What is written -------------------------------------------------------------------------------------------------


def _swatch(color: str) -> str:
    return f'<span class="swatch" style="background:{color}"></span>'


def _key(timeline: Timeline) -> str:
    colors = colors_of([*timeline.labels, *timeline.names()])
    items = [f"<li>{_swatch(colors[name])}{html.escape(name)}</li>" for name in timeline.names()]
    return f'<ul class="key">{"".join(items)}</ul>'


def _how_to_look(timeline: Timeline) -> str:
    text = "Drag to zoom, double click to see all again; white is a time without samples."
    if len(timeline.surveys) > _MOST_DEVICES:
        text += f" {_MOST_DEVICES} of {len(timeline.surveys)} devices are drawn."
    start, stop = timeline.clock.at(timeline.start_s), timeline.clock.at(timeline.stop_s)
    if start is not None and start.utcoffset() != stop.utcoffset():
        text += " Clocks were changed during the recording: the axis keeps the time of its start, the tables do not."
    return text


def _bars(timeline: Timeline) -> str:
    minutes = timeline.minutes()
    colors = colors_of([*timeline.labels, *timeline.names()])
    most = max(minutes.values())
    rows = [
        f'<span class="name">{html.escape(name)}</span>'
        f'<span><span class="bar" style="display:block;width:{100 * value / most:.1f}%;background:{colors[name]}">'
        f'</span></span><span class="value">{words.duration(60 * value)}</span>'
        for name, value in minutes.items()
    ]
    return f'<div class="bars">{"".join(rows)}</div>'


def _over_time(timeline: Timeline) -> str:
    unit = _part_unit(timeline)
    if len(timeline.minutes_by(unit)) < 2:
        return ""
    return f'<h2>Each {unit}</h2>\n<div id="parts"></div>'


def _bouts(timeline: Timeline) -> str:
    colors = colors_of([*timeline.labels, *timeline.names()])
    rows = []
    for bout in timeline.bouts[:_MOST_BOUTS]:
        sure = "" if bout.confidence is None else f"{bout.confidence:.0%}"
        rows.append(
            f'<tr><td>{words.moment(timeline, bout.start_s)}</td><td class="wide">{words.moment(timeline, bout.stop_s)}'
            f'</td><td class="number">{words.duration(bout.seconds)}</td>'
            f'<td class="name">{_swatch(colors[bout.label])}{html.escape(bout.label)}</td>'
            f'<td class="number">{sure}</td></tr>'
        )
    head = (
        '<tr><th>from</th><th class="wide">to</th><th class="number">lasts</th><th>activity</th>'
        '<th class="number">confidence</th></tr>'
    )
    more = ""
    if len(timeline.bouts) > _MOST_BOUTS:
        more = (
            f'<p class="muted">The first {_MOST_BOUTS:,} of {len(timeline.bouts):,} bouts; all of them are in the '
            "table beside this page.</p>"
        )
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>{more}'


def _notes(timeline: Timeline) -> str:
    if not timeline.notes:
        return ""
    items = "".join(f"<li>{html.escape(note)}</li>" for note in timeline.notes)
    return f'<h2>Notes</h2>\n<ul class="notes">{items}</ul>'
