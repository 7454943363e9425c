"""The picture of a run: for each row a panel, for each server a bar of what it needs for the same work, postern = 1.

All panels have the same scale, so bars can be compared across them; one that does not fit is torn, and its number says
how long it is. Whiskers go from the least to the most of all rounds."""

import math
import statistics
from dataclasses import dataclass

from results import ratios
from svg import FONT, document, element, number, text

WIDTH = 1000
COLUMNS = 3
MARGIN, GUTTER = 24, 26
HEAD, FOOT = 84, 64
NAME_W, VALUE_W = 112, 50
BAR_H, BAR_PITCH = 11, 16
PANEL_HEAD, PANEL_GAP = 24, 20
MOST = 3.5 # longest bar, in times of postern's

STYLE = f"""
text {{ {FONT}; font-size: 12px; fill: #3d4450 }}
.ground {{ fill: #ffffff }}
.title {{ font-size: 20px; font-weight: 650; fill: #14181f }}
.small {{ fill: #69717e }}
.value {{ stroke: #ffffff; stroke-width: 3px; paint-order: stroke }}
.panel {{ font-size: 13px; font-weight: 600; fill: #14181f }}
.ours {{ fill: #0f766e }}
text.ours {{ font-weight: 650 }}
.other {{ fill: #b6bec9 }}
.whisker {{ stroke: #59616d; stroke-width: 1.2; fill: none }}
.one {{ stroke: #0f766e; stroke-width: 1; stroke-dasharray: 2 3 }}
.torn {{ fill: #ffffff }}
@media (prefers-color-scheme: dark) {{
    text {{ fill: #b9c1cc }}
    .ground, .torn {{ fill: #0d1117 }}
    .title, .panel {{ fill: #f0f3f6 }}
    .small {{ fill: #8b949e }}
    .value {{ stroke: #0d1117 }}
    .ours {{ fill: #2dd4bf }}
    .other {{ fill: #4a535f }}
    .whisker {{ stroke: #aab4c0 }}
    .one {{ stroke: #2dd4bf }}
}}
"""


@dataclass
class Bar:
    peer: str
    ratio: float
    low: float
    high: float


@dataclass
class Panel:
    label: str
    unit: str
    amount: float # of postern, in its unit
    bars: list
    absent: dict # server: why


def panel_of(row):
    """None where there is nothing to compare postern with."""
    ours = row.cell("postern")
    if not row.label or not ours or len(row.peers()) < 2:
        return None
    bars = []
    for cell in row.cells:
        values = ratios(cell, ours)
        if values:
            bars.append(Bar(cell.peer, statistics.median(values), min(values), max(values)))
    return Panel(row.label, row.unit, statistics.median(ours.values), bars, row.absent)


def columns_of(panels, count=COLUMNS):
    """Read downwards; columns as even as their order allows."""
    each = math.ceil(len(panels) / count) if panels else 0
    return [panels[i : i + each] for i in range(0, len(panels), each)] if each else []


def length(ratio, width):
    """Of a bar, in pixels, and whether it is torn."""
    return min(ratio, MOST) / MOST * width, ratio > MOST


def amount_text(panel):
    """postern's own figure, with its unit and without what the label says anyway."""
    unit = panel.unit.replace("CPU ", "").split("/")[0].split(" each")[0]
    digits = 0 if panel.amount >= 100 else 1 if panel.amount >= 10 else 2
    return f"{panel.amount:.{digits}f} {unit}"


def times_text(ratio):
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.1f}×" if ratio >= MOST else f"{ratio:.2f}×"


def draw_bar(bar, panel, x, y, width):
    is_ours = bar.peer == "postern"
    kind = "ours" if is_ours else "other"
    long, is_torn = length(bar.ratio, width)
    middle = y + BAR_H / 2
    parts = [
        text(bar.peer, x=x + NAME_W - 8, y=middle + 4, text_anchor="end", class_="ours" if is_ours else "name"),
        element("rect", x=x + NAME_W, y=y, width=max(long, 0.0), height=BAR_H, rx=1.5, class_=kind),
    ]
    end = x + NAME_W + long
    if is_torn: # a gap across it, and no whisker: it would be beyond the edge
        points = [(end - 16, y + BAR_H + 1), (end - 9, y - 1), (end - 5, y - 1), (end - 12, y + BAR_H + 1)]
        parts.append(element("polygon", points=" ".join(f"{number(a)},{number(b)}" for a, b in points), class_="torn"))
    elif bar.high - bar.low > 0.01:
        low, high = (x + NAME_W + length(value, width)[0] for value in (bar.low, bar.high))
        caps = "".join(f"M{number(at)} {number(middle - 3)}v6" for at in (low, high))
        parts.append(element("path", d=f"M{number(low)} {number(middle)}H{number(high)}{caps}", class_="whisker"))
        end = max(end, high)
    label = amount_text(panel) if is_ours else times_text(bar.ratio)
    parts.append(text(label, x=end + 6, y=middle + 4, class_="value " + ("ours" if is_ours else "small")))
    return element("g", "".join(parts))


def draw_absent(peer, why, x, y):
    middle = y + BAR_H / 2
    name = text(peer, x=x + NAME_W - 8, y=middle + 4, text_anchor="end", class_="small")
    return element("g", name + text(why, x=x + NAME_W, y=middle + 4, class_="small value"))


def draw_panel(panel, peers, x, y, width):
    """A line for each server of the run, so that panels side by side are in step."""
    bars_w = width - NAME_W - VALUE_W
    top, bottom = y + PANEL_HEAD, y + PANEL_HEAD + BAR_PITCH * (len(peers) - 1) + BAR_H
    one = x + NAME_W + length(1.0, bars_w)[0]
    parts = [text(panel.label, x=x, y=y + 13, class_="panel")]
    line = element("path", d=f"M{number(one)} {number(top - 2.0)}V{number(bottom + 2.0)}", class_="one")
    found = {bar.peer: bar for bar in panel.bars}
    shown = []
    for i, peer in enumerate(peers):
        if peer in found:
            shown.append(draw_bar(found[peer], panel, x, top + i * BAR_PITCH, bars_w))
        else:
            shown.append(draw_absent(peer, panel.absent.get(peer, "not measured"), x, top + i * BAR_PITCH))
    return element("g", "\n".join([*parts, line, *shown]))


def description(panels):
    """The figures in words, for those who do not see the bars."""
    said = []
    for panel in panels:
        others = ", ".join(f"{bar.peer} {times_text(bar.ratio)}" for bar in panel.bars if bar.peer != "postern")
        said.append(f"{panel.label}: postern {amount_text(panel)}, {others}")
    return ". ".join(said) + "."


def draw(run):
    """The SVG of a run; ValueError where nothing in it can be drawn."""
    panels = [panel for panel in map(panel_of, run.rows) if panel]
    if not panels:
        raise ValueError("there is nothing to draw: no row has postern and another server")
    columns = columns_of(panels)
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GUTTER) / COLUMNS
    peers = list(dict.fromkeys(bar.peer for panel in panels for bar in panel.bars))
    panel_h = PANEL_HEAD + BAR_PITCH * len(peers) + PANEL_GAP
    height = HEAD + panel_h * len(columns[0]) - PANEL_GAP + FOOT
    title = "What the server spends on the same work"
    about = run.about
    rounds = "one round" if about["rounds"] == 1 else f"{about['rounds']} rounds"
    how = f"one worker each · {rounds} · Linux {about['kernel']} · {about['cpu']} · {about['date']}"
    versions = " · ".join(f"{name} {version}" for name, version in about["servers"].items())
    body = [
        element("rect", width=WIDTH, height=height, rx=8, class_="ground"),
        text(title, x=MARGIN, y=38, class_="title"),
        text("CPU time where nothing else is said, as a multiple of postern’s: shorter is better. Whiskers: least to most of all "
             "rounds.", x=MARGIN, y=60, class_="small"),
    ]
    for i, column in enumerate(columns):
        for j, panel in enumerate(column):
            body.append(draw_panel(panel, peers, MARGIN + i * (width + GUTTER), HEAD + j * panel_h, width))
    body += [text(versions, x=MARGIN, y=height - 32, class_="small"), text(how, x=MARGIN, y=height - 15, class_="small")]
    return document(WIDTH, height, title, description(panels), STYLE, body)
