"""What is the same on every page: its look, and the script that draws its data with plotly.js."""

STYLE = """
:root { color-scheme: light; --ink: #1a1a1a; --muted: #5f5f5f; --line: #dddddd; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink);
  background: #fff; }
main { max-width: 1200px; margin: 0 auto; padding: 20px 24px 48px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 32px 0 8px; }
p { margin: 4px 0 8px; max-width: 75ch; }
.muted { color: var(--muted); font-size: 0.875rem; }
.key { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 12px 0 4px; padding: 0; list-style: none;
  font-size: 0.875rem; }
.key li, td.name { overflow-wrap: anywhere; }
.swatch { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 2px; margin-right: 6px;
  border: 1px solid rgba(0, 0, 0, 0.25); vertical-align: -0.05em; }
.bars { display: grid; grid-template-columns: minmax(90px, max-content) 1fr max-content; gap: 6px 12px;
  align-items: center; }
.bars .name { overflow-wrap: anywhere; max-width: 16rem; }
.bars .bar { height: 1em; border-radius: 2px; border: 1px solid rgba(0, 0, 0, 0.25); min-width: 2px; }
.bars .value { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { max-height: 420px; overflow: auto; border: 1px solid var(--line); border-radius: 4px; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: #f5f5f5; text-align: left; font-weight: 600; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; white-space: nowrap; }
ul.notes { padding-left: 20px; margin: 4px 0; max-width: 85ch; overflow-wrap: anywhere; }
@media (max-width: 600px) {
  main { padding: 14px 12px 40px; }
  h1 { font-size: 1.25rem; }
  .bars { grid-template-columns: minmax(70px, 38%) 1fr max-content; font-size: 0.875rem; }
  th, td { padding: 4px 6px; }
  .wide { display: none; }
}
"""

# The page's data is ``data``; texts in it are escaped already for plotly, which reads a little HTML in texts.
SCRIPT = """
const data = JSON.parse(document.getElementById("data").textContent);
const narrow = window.innerWidth < 600;
const font = {family: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif', size: narrow ? 11 : 12,
  color: "#1a1a1a"};
const scale = [];
const names = data.names.length;
const dense = data.bouts.ends.length > 400;  // outlines of bouts would cover all
data.names.forEach((name, i) => { scale.push([i / names, name.color], [(i + 1) / names, name.color]); });
const settings = {responsive: true, displaylogo: false, displayModeBar: narrow ? false : "hover",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"]};

function lasts(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) { return whole + " s"; }
  if (whole < 3600) { return Math.floor(whole / 60) + " min " + (whole % 60) + " s"; }
  return Math.floor(whole / 3600) + " h " + Math.floor(whole % 3600 / 60) + " min";
}

function when(seconds) {
  if (data.dates) { return new Date(data.origin + 1000 * seconds).toISOString().slice(11, 19); }
  return "after " + lasts(data.origin / data.unit + seconds);
}

// Bouts and gaps as cells of a band, and confidence as a line that falls to nothing at each end.
const edges = [data.origin], texts = [], sureTimes = [], sure = [];
let before = 0;
data.bouts.ends.forEach((end, i) => {
  const name = data.bouts.names[i], percent = data.bouts.confidence[i], edge = data.origin + end * data.unit;
  const level = percent === null ? null : percent / 100;
  texts.push(name === null ? "" : "<b>" + data.names[name].text + "</b><br>" + when(before) + ", " +
    lasts(end - before) + (percent === null ? "" : "<br>confidence " + percent + "%"));
  sureTimes.push(edges[edges.length - 1], edges[edges.length - 1], edge, edge);
  sure.push(...(level === null ? [null, null, null, null] : [0, level, level, 0]));
  edges.push(edge);
  before = end;
});

function band(y, axis, opacity) {
  return {type: "heatmap", x: edges, y: y, z: [data.bouts.names], text: [texts], hoverinfo: "text",
    opacity: opacity, zmin: -0.5, zmax: names - 0.5, colorscale: scale, showscale: false, xaxis: "x", yaxis: axis,
    hoverongaps: false};
}

function signal(device, axis) {
  const traces = [band([device.bottom, device.top], axis, 0.35)];
  const times = [];
  for (let i = 0; i < device.axes[0].low.length; i++) {
    const time = device.start + (i + 0.5) * device.step;
    times.push(time, time);
  }
  ["x", "y", "z"].forEach((letter, k) => {
    const values = [];
    const low = device.axes[k].low, high = device.axes[k].high;
    for (let i = 0; i < low.length; i++) { values.push(low[i], high[i]); }
    traces.push({type: "scatter", mode: "lines", x: times, y: values, yaxis: axis, name: letter, hoverinfo: "skip",
      line: {width: 1, color: ["#1a1a1a", "#8c1d40", "#1d3c8c"][k]}, connectgaps: false, showlegend: axis === "y2"});
  });
  return traces;
}

function drawTimeline() {
  const rows = data.devices.length;
  const traces = [band([0, 1], "y", 1)];
  const layout = {font: font, margin: {l: narrow ? 38 : 60, r: 8, t: 30, b: 40}, height: 170 + 190 * rows,
    dragmode: "zoom", hovermode: "closest", plot_bgcolor: "#fff",
    legend: {orientation: "h", x: 0, xanchor: "left", y: 1.0, yanchor: "bottom", font: {size: 11}}, annotations: [],
    xaxis: {type: data.dates ? "date" : "linear", title: {text: data.timeTitle}, range: data.range,
      anchor: "y" + (rows + 2), gridcolor: "#e4e4e4", zeroline: false},
    yaxis: {domain: [0.93, 1], fixedrange: true, showticklabels: false, ticks: "", range: [0, 1], showgrid: false}};
  const share = 0.72 / rows;
  data.devices.forEach((device, i) => {
    const axis = "y" + (i + 2);
    traces.push(...signal(device, axis));
    layout["yaxis" + (i + 2)] = {domain: [0.9 - (i + 1) * share + 0.02, 0.9 - i * share], fixedrange: true,
      title: {text: narrow ? "" : device.title}, range: [device.bottom, device.top], zeroline: false,
      gridcolor: "#e4e4e4"};
    if (narrow) {
      layout.annotations.push({text: device.title.replace("<br>", ", "), xref: "paper", x: 0.01, xanchor: "left",
        yref: axis + " domain", y: 0.98, yanchor: "top", showarrow: false, bgcolor: "rgba(255, 255, 255, 0.7)"});
    }
  });
  const last = "y" + (rows + 2);
  traces.push({type: "scatter", mode: "lines", x: sureTimes, y: sure, yaxis: last,
    fill: "tozeroy", fillcolor: dense ? "rgba(0, 0, 0, 0.35)" : "rgba(0, 0, 0, 0.12)",
    line: {width: dense ? 0 : 1, color: "#1a1a1a"}, hoverinfo: "skip",
    showlegend: false});
  layout["yaxis" + (rows + 2)] = {domain: [0, 0.13], range: [0, 1.02], fixedrange: true, tickformat: ".0%",
    tickvals: [0, 0.5, 1], gridcolor: "#e4e4e4", zeroline: false};
  // A title along so low an axis would run into that of the signal.
  layout.annotations.push({text: "confidence", xref: "paper", x: 0.01, xanchor: "left", yref: last + " domain", y: 1,
    yanchor: "bottom", showarrow: false, font: {size: 12}});
  Plotly.newPlot("timeline", traces, layout, settings);
}

function drawParts() {
  if (!document.getElementById("parts")) { return; }
  const traces = data.names.map((name, i) => ({type: "bar", name: name.text, x: data.parts.keys,
    y: data.parts.values[i], marker: {color: name.color, line: {width: 0.5, color: "rgba(0, 0, 0, 0.35)"}},
    hovertemplate: "%{x}<br>" + name.text + ": %{y:.1f} " + data.parts.unit + "<extra></extra>"}));
  Plotly.newPlot("parts", traces, {font: font, barmode: "stack", height: 300, showlegend: false,
    margin: {l: narrow ? 40 : 56, r: 8, t: 8, b: 48}, dragmode: false, plot_bgcolor: "#fff",
    xaxis: {type: "category", fixedrange: true, tickangle: "auto"},
    yaxis: {title: {text: data.parts.unit}, fixedrange: true, gridcolor: "#e4e4e4"}}, settings);
}

drawTimeline();
drawParts();
"""

_CONFIDENCE = (
    "Confidence is the probability that the model gives to a name, among the names that were asked for, averaged over "
    "the bout. It compares these names with each other and nothing else. {} Low confidence often stands at changes "
    "from one activity to the next, or where two names look alike to this device. “unknown” is said where other "
    "activities fit better than all names that were asked for; “not worn” where the device lay still for an hour or "
    "more as nothing on a body does."
)
_CALIBRATED = (
    "It was fitted on other recordings so that of windows with 90 % about nine of ten are right; for activities, "
    "places and people that the model knows little of, fewer are."
)
_UNCALIBRATED = "90 % says that the other names fit far less, not that nine of ten such bouts are right."


def confidence_text(calibrated: bool) -> str:
    """What confidence is. calibrated: it was fitted to how often answers are right (har/text/calibration.py)."""
    return _CONFIDENCE.format(_CALIBRATED if calibrated else _UNCALIBRATED)
