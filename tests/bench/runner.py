"""A run: servers started in turn, rows measured in rounds that alternate, what goes wrong with one server kept from the
others."""

import concurrent.futures
import resource

from clients import check
from idle import idle_kib
from peers import BenchError
from posts import Posts
from report import row_text
from results import Cell, Row
from rows import Idle, Posting, Start, Work
from start import first_byte_ms

SPARE_FILES = 200


def rotated(items, by):
    """Each round begins with another server: who comes first finds the machine as somebody else left it."""
    by %= max(len(items), 1)
    return items[by:] + items[:by]


class Runner:
    def __init__(self, servers, clients, options, run, say):
        self.servers, self.clients, self.options, self.run, self.say = servers, clients, options, run, say
        self.is_whole = True

    # ---- servers ----

    def fail(self, row, peer, error):
        """Nothing is reported of this server in this row, the others are measured; the exit status tells."""
        self.is_whole = False
        self.say(f"{row.key}: {peer.name} is left out: {error}")
        row.cells = [cell for cell in row.cells if cell.peer != peer.name]
        row.absent[peer.name] = "failed"

    def chosen(self, spec):
        only = getattr(spec, "only", ())
        return [peer for peer in self.servers if not only or peer.name in only]

    def able(self, spec, row, servers):
        """Servers that speak what the row needs, each with what it negotiates."""
        load, found = spec.loads[-1], {}
        for peer in servers:
            try:
                said = self.clients.negotiated(peer, load.tls) if load.secure else "http"
                if said:
                    found[peer] = said if load.secure else ""
                else:
                    row.absent[peer.name] = "does not speak it"
            except BenchError as error:
                self.fail(row, peer, error)
        return found

    def start_all(self, tickets):
        """Those that started and serve the right bytes; an error of postern's own ends the run."""
        started = []
        for peer in self.servers:
            try:
                peer.start(tickets)
                check(peer)
                started.append(peer)
            except BenchError as error:
                peer.stop()
                if peer.name == "postern":
                    raise
                self.is_whole = False
                self.say(f"{peer.name} is left out: {error}")
        return started

    # ---- rows of load ----

    def sample(self, load, servers):
        """Of each server what it took, or what went wrong."""
        # Thousands of connections would drive each other out of the caches: they take turns in any case.
        at_once = self.options.together and load.connections <= 50
        with concurrent.futures.ThreadPoolExecutor(max(1, len(servers) if at_once else 1)) as pool:
            runs = {peer: pool.submit(load.run, peer, self.clients, self.options.seconds) for peer in servers}
        return {peer: run.exception() or run.result() for peer, run in runs.items()}

    def add(self, row, peer, variant, sample, note):
        cell = row.cell(peer.name, variant)
        if not cell:
            cell = Cell(peer.name, [], variant, note=note)
            row.cells.append(cell)
        cell.values.append(sample.cpu_us)
        cell.rates.append(sample.rate)
        cell.client.append(sample.client_us)

    def rounds(self, row):
        for number in range(self.options.rounds):
            self.say(f"{row.key}: round {number + 1} of {self.options.rounds}")
            yield number

    def work(self, spec, servers):
        row = Row(spec.key, spec.title, spec.kind, f"CPU µs/{spec.unit}", label=spec.label)
        able = self.able(spec, row, [peer for peer in self.chosen(spec) if peer in servers])
        for number in self.rounds(row):
            for load in spec.loads:
                variant = f"{load.connections:,}" if len(spec.loads) > 1 else ""
                if load.connections > self.most_connections():
                    continue
                going = [peer for peer in able if peer.name not in row.absent]
                for peer, found in self.sample(load, rotated(going, number)).items():
                    if isinstance(found, BenchError):
                        self.fail(row, peer, found)
                    elif isinstance(found, BaseException):
                        raise found
                    else:
                        self.add(row, peer, variant, found, able[peer])
        order = [peer.name for peer in able]
        row.cells.sort(key=lambda cell: order.index(cell.peer))
        return row

    @staticmethod
    def most_connections():
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES

    def work_by_workers(self, spec):
        """Each number of workers in turn, within each round."""
        row = Row(spec.key, spec.title, spec.kind, f"CPU µs/{spec.unit}", label=spec.label)
        for _ in self.rounds(row):
            for peer in self.chosen(spec):
                for workers in spec.workers:
                    self.with_workers(spec, row, peer, workers)
        return row

    def with_workers(self, spec, row, peer, workers):
        if peer.name in row.absent:
            return
        try:
            peer.start(workers=workers)
            for load in spec.loads:
                scheme = "https" if load.secure else "http"
                sample = load.run(peer, self.clients, self.options.seconds)
                self.add(row, peer, f"{scheme}, {workers} worker{'s' if workers > 1 else ''}", sample, "")
        except BenchError as error:
            self.fail(row, peer, error)
        finally:
            peer.stop()

    # ---- other rows ----

    def idle(self, spec):
        row = Row(spec.key, spec.title, "amount", f"KiB each, of {spec.connections:,}", label=spec.label)
        self.say(row.key)
        if spec.connections > self.most_connections():
            self.say(f"{row.key} is left out: this process may open {self.most_connections()} files only (ulimit -n)")
            return row
        for peer in self.chosen(spec):
            try:
                row.cells.append(Cell(peer.name, [idle_kib(peer, spec.secure, spec.connections)]))
            except BenchError as error:
                self.fail(row, peer, error)
        return row

    def starts(self, spec):
        row = Row(spec.key, spec.title, "amount", "ms", label=spec.label)
        row.cells = [Cell(peer.name, []) for peer in self.servers]
        self.say(row.key)
        for number in range(4 * self.options.rounds + 1):
            for peer in rotated([p for p in self.servers if p.name not in row.absent], number):
                try:
                    ms = first_byte_ms(peer)
                    if number > 0: # the first brings files into memory
                        row.cell(peer.name).values.append(ms)
                except BenchError as error:
                    self.fail(row, peer, error)
        return row

    def posting(self, spec):
        """postern alone, beside the least that could do the same."""
        row = Row(spec.key, spec.title, "facts", "")
        postern = next((peer for peer in self.servers if peer.name == "postern"), None)
        if not postern:
            return row
        try:
            with Posts(postern.site, self.options, self.say) as posts:
                title, found = spec.measure(posts)
        except BenchError as error:
            self.fail(row, postern, error)
            return row
        row.title = title
        row.cells = [Cell("postern", values, name, note=form) for name, values, form in found]
        return row

    # ---- all of it ----

    def keep(self, row):
        self.run.rows.append(row)
        print(row_text(row, self.run.about["cpus"]), flush=True)

    def loads(self, specs, tickets):
        if not specs:
            return
        try:
            started = self.start_all(tickets)
            for spec in specs:
                self.keep(self.work(spec, started))
        finally:
            for peer in self.servers:
                peer.stop()

    def measure(self, specs):
        works = [spec for spec in specs if isinstance(spec, Work) and spec.workers == (1,)]
        for tickets in (False, True):
            self.loads([spec for spec in works if spec.tickets == tickets], tickets)
        for spec in specs:
            if isinstance(spec, Work) and spec.workers != (1,):
                self.keep(self.work_by_workers(spec))
            elif isinstance(spec, Idle):
                self.keep(self.idle(spec))
            elif isinstance(spec, Start):
                self.keep(self.starts(spec))
            elif isinstance(spec, Posting):
                self.keep(self.posting(spec))
        return self.is_whole
