"""What a run found, as data: the tables, the targets, the plot and the documentation are all made of this, and it can be
kept as JSON.

A row has cells: one for each server, or several, one for each variant of the work. A cell has one value for each round,
so the values of two cells can be compared round by round, which is the only way on a machine that is never quite quiet."""

import dataclasses
import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path

FORMAT = 1


@dataclass
class Cell:
    peer: str
    values: list
    variant: str = ""
    rates: list = field(default_factory=list) # a second
    client: list = field(default_factory=list) # CPU of the load generator, as values
    note: str = ""


@dataclass
class Row:
    key: str
    title: str
    kind: str # load, flat, workers, amount, facts: how it is shown
    unit: str # of the values: "CPU µs/request"
    cells: list = field(default_factory=list)
    absent: dict = field(default_factory=dict) # server: why
    label: str = "" # in the plot, which has no place for rows without

    def peers(self):
        return list(dict.fromkeys(cell.peer for cell in self.cells))

    def variants(self):
        return list(dict.fromkeys(cell.variant for cell in self.cells))

    def cell(self, peer, variant=None):
        """The first variant, if none is named; None where there is none."""
        found = (c for c in self.cells if c.peer == peer and variant in (None, c.variant))
        return next(found, None)

    def best(self, peers, variant=None):
        """Which of these servers has the lowest median; None where none of them was measured."""
        cells = [cell for cell in (self.cell(peer, variant) for peer in peers) if cell and cell.values]
        return min(cells, key=lambda cell: statistics.median(cell.values)).peer if cells else None


@dataclass
class Run:
    about: dict
    rows: list = field(default_factory=list)

    def row(self, key):
        return next((row for row in self.rows if row.key == key), None)

    def save(self, path):
        text = json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, ensure_ascii=False, indent=1)
        Path(path).write_text(text + "\n", encoding="utf-8")


def load(path):
    """Raises ValueError for what no run has written."""
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        if data["format"] != FORMAT:
            raise ValueError(f"{path} has format {data['format']}, not {FORMAT}: measure again")
        rows = [Row(**{**row, "cells": [Cell(**cell) for cell in row["cells"]]}) for row in data["rows"]]
        return Run(data["about"], rows)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not what --json writes: {error}") from error


def ratios(mine, theirs):
    """Of each round: one cell's value to the other's."""
    if not mine or not theirs:
        return []
    return [m / t for m, t in zip(mine.values, theirs.values) if t > 0]
