"""What the kernel says of a server: CPU time, memory and open files of its processes."""

import re
from pathlib import Path

from peers import BenchError


def processes(pid):
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += processes(int(child))
    return found


def cpu_us(pid):
    """User and system time of all threads of all processes so far, as the scheduler counts it."""
    total = 0
    try:
        for process in processes(pid):
            for task in Path(f"/proc/{process}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
    except OSError as error:
        raise BenchError(f"a server, or one of its threads, ended while it was measured: {error}") from error
    return total / 1000


def pss_kib(pid):
    """Memory, where pages that processes share count in parts."""
    total = 0
    for process in processes(pid):
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE).group(1))
    return total


def open_files(pid):
    try:
        return sum(len(list(Path(f"/proc/{process}/fd").iterdir())) for process in processes(pid))
    except OSError as error:
        raise BenchError(f"a server ended while it was measured: {error}") from error
