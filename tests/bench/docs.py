"""The part of docs/performance.md that is figures: made of a run, between two markers, and never by hand."""

from pathlib import Path

from report import heading, row_text, spread, table, targets_table
from results import ratios

BEGIN = "<!-- figures: scripts/bench.sh --docs -->"
END = "<!-- end of figures -->"
# What the summary has already is not shown again.
SUMMARY = ("load", "amount")


def short(values):
    """For a table with many columns: the median alone."""
    return spread(values).split(" ", maxsplit=1)[0]


def summary(run):
    """postern's own figures, and the others' as multiples of them."""
    rows = [row for row in run.rows if row.kind in SUMMARY and row.cell("postern") and len(row.peers()) > 1]
    if not rows:
        return ""
    peers = list(dict.fromkeys(peer for row in rows for peer in row.peers() if peer != "postern"))
    lines = []
    for row in rows:
        ours = row.cell("postern")
        others = [short(ratios(row.cell(peer), ours)) if row.cell(peer) else "" for peer in peers]
        lines.append([row.title, row.unit, spread(ours.values), *others])
    return table(["work", "unit", "postern", *(f"{peer} ÷ postern" for peer in peers)], lines)


def figures(run):
    parts = [f"{heading(run.about)}Measured on {run.about['date']}.\n"]
    targets = targets_table(run)
    if targets:
        parts.append(f"### What was to be reached\n\n{targets}")
    table_of_all = summary(run)
    if table_of_all:
        parts.append(f"### Cost of the same work\n\n{table_of_all}")
    parts += [row_text(row, run.about["cpus"]) for row in run.rows if row.kind not in SUMMARY and row.cells]
    return "\n".join(parts)


def between(page, text):
    """The page with this text between the markers; ValueError where they are not there once each, in order."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page needs these two lines once each, in this order:\n{BEGIN}\n{END}")
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}"


def write(run, path):
    path = Path(path)
    path.write_text(between(path.read_text(encoding="utf-8"), figures(run)), encoding="utf-8")
