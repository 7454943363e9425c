"""Tables in Markdown, of what a run found."""

import statistics

from results import ratios
from targets import is_reached, verdicts


def spread(values, form="{:.2f}"):
    """The median, with the least and the most where they differ."""
    if not values:
        return ""
    low, mid, high = (form.format(f(values)) for f in (min, statistics.median, max))
    return mid if low == high else f"{mid} ({low}–{high})"


def table(heads, lines):
    """The first column is of names, the others are of numbers."""
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    return "\n".join("| " + " | ".join(words) + " |" for words in (heads, rule, *lines)) + "\n"


def reference(row):
    """Whom the others are divided by."""
    peers = row.peers()
    return "postern" if "postern" in peers else peers[0]


def absent_lines(row, columns):
    return [[peer, why] + [""] * (columns - 2) for peer, why in row.absent.items()]


def load_table(row):
    what = row.unit.rsplit("/", maxsplit=1)[-1]
    has_notes = any(cell.note for cell in row.cells)
    heads = ["server", row.unit, "÷ postern", f"{what}s/CPU second", f"{what}s/s"] + (["TLS"] if has_notes else [])
    first = row.cell(reference(row))
    lines = []
    for cell in row.cells:
        line = [cell.peer, spread(cell.values), spread(ratios(cell, first))]
        line += [spread([1e6 / value for value in cell.values], "{:.0f}"), spread(cell.rates, "{:.0f}")]
        lines.append(line + ([cell.note] if has_notes else []))
    return table(heads, lines + absent_lines(row, len(heads)))


def flat_table(row):
    """Each server beside itself with fewer connections."""
    first, *more = row.variants()
    heads = ["server"] + [f"{row.unit} at {v}" for v in (first, *more)] + [f"{v} ÷ {first}" for v in more]
    lines = []
    for peer in row.peers():
        cells = {variant: row.cell(peer, variant) for variant in row.variants()}
        line = [peer] + [spread(cell.values) for cell in cells.values()]
        lines.append(line + [spread(ratios(cells[variant], cells[first])) for variant in more])
    return table(heads, lines + absent_lines(row, len(heads)))


def workers_table(row, cpus):
    """Of one worker and of several; and what both sides together leave of the machine."""
    heads = ["server", row.unit, "requests/s", "÷ one worker", "the load's CPU µs/request", "CPUs busy, both together"]
    lines = []
    for cell in row.cells:
        one = row.cell(cell.peer, cell.variant.split(", ")[0] + ", 1 worker")
        times = [a / b for a, b in zip(cell.rates, one.rates)]
        busy = [(v + c) * r / 1e6 for v, c, r in zip(cell.values, cell.client, cell.rates)]
        line = [f"{cell.peer}, {cell.variant}", spread(cell.values), spread(cell.rates, "{:.0f}"), spread(times)]
        lines.append(line + [spread(cell.client), spread(busy) + f" of {cpus}"])
    return table(heads, lines) + "\n" + "\n".join(limits(row, cpus)) + "\n"


def limits(row, cpus):
    """What stands in the way of twice as many: the load generator works on the same CPUs."""
    for cell in row.cells:
        if cell.peer == reference(row) and cell.variant.endswith(" 2 workers"):
            server, client = statistics.median(cell.values), statistics.median(cell.client)
            most, rate = cpus * 1e6 / (server + client), statistics.median(cell.rates)
            yield (
                f"- {cell.variant}: the load takes {client / (server + client):.0%} of the CPU time. With it, {cpus} CPUs have "
                f"time for {most:.0f} requests/s at the most; {rate / most:.0%} of that is reached."
            )


def amount_table(row):
    first = row.cell(reference(row))
    low = statistics.median(first.values)
    form = "{:.1f}"
    lines = []
    for cell in row.cells:
        ratio = statistics.median(cell.values) / low if low > 0 else None
        lines.append([cell.peer, spread(cell.values, form), "" if ratio is None else f"{ratio:.2f}"])
    return table(["server", row.unit, "÷ postern"], lines + absent_lines(row, 3))


def facts_table(row):
    return table(["what", "measured"], [[cell.variant, spread(cell.values, cell.note)] for cell in row.cells])


def row_table(row, cpus):
    if not row.cells:
        return "Not measured.\n"
    if row.kind == "workers":
        return workers_table(row, cpus)
    return {"load": load_table, "flat": flat_table, "amount": amount_table, "facts": facts_table}[row.kind](row)


def row_text(row, cpus):
    return f"### {row.title}\n\n{row_table(row, cpus)}"


def targets_table(run):
    heads = ["work", "beside", "measured (least–most)", "asked for: at most", "reached"]
    lines = []
    for verdict in verdicts(run):
        most = f"{verdict.most:g}" if verdict.most >= 10 else f"{verdict.most:.2f}"
        line = [verdict.what, verdict.against or "", spread(verdict.values), most]
        lines.append(line + ["yes" if is_reached(verdict) else "**no**"])
    return table(heads, lines) if lines else ""


def heading(about):
    how = ", all servers at once" if about["together"] else ""
    servers = ", ".join(f"{name} {version}" for name, version in about["servers"].items())
    rounds = "one round" if about["rounds"] == 1 else f"{about['rounds']} rounds"
    return (
        f"{servers}; Linux {about['kernel']}, {about['cpus']} CPUs ({about['cpu']}) shared with the load, one worker each, "
        f"wrk with 1 thread and 50 connections unless a row says otherwise; {rounds} of {about['seconds']} s"
        f"{how}, medians (least–most).\n"
    )
