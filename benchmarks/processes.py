"""This process and all that descend from it, as Linux's ``/proc`` tells: their memory and their processor time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from agent.model.errors import HostEnvironmentError

_PROC = Path("/proc")
_TICK = 1000 / os.sysconf("SC_CLK_TCK")
_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


def memory() -> float:
    """Proportional set size of the tree in MB (10^6 bytes): a page that n processes share counts 1/n in each."""
    return sum(_pss(pid) for pid in _tree()) / 1e6


def processor_time() -> float:
    """Milliseconds that the tree has spent on a processor so far, what has ended included."""
    spent = 0
    for pid in _tree():
        # utime, stime, and the same of children that ended and were waited for.
        spent += sum(map(int, _stat(pid)[11:15]))
    return spent * _TICK


def _tree() -> list[int]:
    if not _PROC.is_dir():
        raise HostEnvironmentError("this machine has no /proc", rule="memory and processor time are read there")
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return list(_below(os.getpid(), children))


def _below(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _below(child, children)


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the third on; none where the process is gone."""
    try:
        # The second field is the command in parentheses, which may hold anything.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _pss(pid: int) -> int:
    """Bytes; 0 where the process is gone."""
    try:
        found = _PSS.search((_PROC / str(pid) / "smaps_rollup").read_text())
    except OSError:
        return 0
    return 0 if found is None else int(found[1]) * 1024
