"""The command: runs benchmarks, shows progress on stderr, prints one JSON document on stdout."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agent.model.clock import Clock, format_instant
from agent.model.errors import TallyhostError
from agent.version import version
from benchmarks.figures import Figure
from benchmarks.rounds import Plan

NAMES = (
    "calls",
    "page_load",
    "story_throughput",
    "registrations",
    "sealing",
    "aggregation",
    "memory",
    "opt_out",
    "worklets",
    "shared_storage",
    "dashboard",
    "start",
)
"""The benchmarks: modules of this package with ``async def measure(plan) -> list[Figure]``."""
ROUNDS = 30


def main(arguments: list[str] | None = None) -> int:
    """Run what ``arguments`` ask for; the exit code. A goal that is missed is a result, not a failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"{', '.join(NAMES)}; all when none is given")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"rounds to keep ({ROUNDS})")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the document to FILE as well")
    parser.add_argument("--tiny", action="store_true", help="sizes of a smoke test: no figure means anything")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if chosen.rounds < 1:
        parser.error("--rounds must be at least 1")
    names = chosen.names or NAMES
    try:
        figures = asyncio.run(_measure(names, chosen.rounds, tiny=chosen.tiny))
    except TallyhostError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    text = json.dumps(_document(figures, tiny=chosen.tiny), indent=2)
    print(text)
    if chosen.out is not None:
        chosen.out.write_text(f"{text}\n", encoding="utf-8")
    return 0


async def _measure(names: Sequence[str], rounds: int, *, tiny: bool) -> list[Figure]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    figures: list[Figure] = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for name in names:
            benchmark = importlib.import_module(f"benchmarks.{name}")
            figures += await benchmark.measure(Plan(rounds, tiny, progress))
    return figures


def _document(figures: list[Figure], *, tiny: bool) -> dict[str, Any]:
    return {
        "schema": 1,
        "tallyhost": version(),
        "time": format_instant(Clock().now()),
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "load": [round(value, 2) for value in os.getloadavg()],
        },
        "tiny": tiny,
        "figures": [figure.document() for figure in figures],
    }


if __name__ == "__main__":
    sys.exit(main())
