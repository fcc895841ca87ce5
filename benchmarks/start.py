"""How long a command takes that needs no browser, and how long the demo takes to its first line.

Measured: processes, from their start to their end. For the demo: to the line that says which Chromium answers, and to
the first line of its story, which a page in that browser has just made.

Against: ``python -c pass``, which is what any Python command costs on this machine, and a second such subject. Time is
the wall's, and of commands the processor's as well, since on a busy machine the wall shows who else is there.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from agent.model.errors import HostEnvironmentError
from benchmarks.figures import Figure, Goal, ratios
from benchmarks.rounds import Plan, interleave

GOAL = Goal(at_most=300)
LONG_ROUNDS = 10
"""At most so many of the demo, which starts a browser each time."""
_SOURCE = json.dumps({"destination": "https://shop.test", "source_event_id": "7"})
COMMANDS = {
    "version": ("--version",),
    "help": ("--help",),
    "help_of_up": ("up", "--help"),
    "config": ("config",),
    "check_header": ("check", "header", "--kind", "source", _SOURCE),
}
_DAY = b"day"
"""How a line of the story begins."""
_ROOT = Path(__file__).parents[1]
_BARE, _AGAIN = "bare", "bare again"


async def measure(plan: Plan) -> list[Figure]:
    """Run every command by turns with a bare Python, then start the demo as often as asked."""
    with tempfile.TemporaryDirectory() as folder:
        bare = partial(_run, folder, "-c", "pass")
        subjects: dict[str, Callable[[], Awaitable[tuple[float, float]]]] = {
            _BARE: bare,
            _AGAIN: bare,
            **{name: partial(_run, folder, "-m", "agent", *given) for name, given in COMMANDS.items()},
        }
        samples = await interleave("start", plan, subjects)
        demo = await interleave("start of the demo", _long(plan), {"demo": partial(_demo, folder)})
    wall = {name: [sample[0] for sample in taken] for name, taken in samples.items()}
    work = {name: [sample[1] for sample in taken] for name, taken in samples.items()}
    figures = [Figure("start.bare", "ms", wall[_BARE]), Figure("start.bare.processor_time", "ms", work[_BARE])]
    noise = ratios(work[_AGAIN], work[_BARE])
    for name in COMMANDS:
        figures.append(Figure(f"start.{name}", "ms", wall[name], goal=GOAL))
        figures.append(Figure(f"start.{name}.processor_time", "ms", work[name]))
        figures.append(Figure(f"start.{name}_over_bare", "ratio", ratios(work[name], work[_BARE]), pair=noise))
    figures.append(Figure("start.demo.first_line", "ms", [line for line, _ in demo["demo"]]))
    figures.append(Figure("start.demo.first_page", "ms", [page for _, page in demo["demo"]]))
    return figures


def _long(plan: Plan) -> Plan:
    return Plan(min(plan.rounds, LONG_ROUNDS), plan.tiny, plan.progress)


async def _run(folder: str, *arguments: str) -> tuple[float, float]:
    """Milliseconds from the start of a Python process to its end: by the wall, and on a processor."""
    began, work = time.perf_counter(), _work()
    process = await _start(folder, *arguments)
    _, told = await process.communicate()
    taken = (time.perf_counter() - began) * 1000, (_work() - work) * 1000
    if process.returncode:
        raise HostEnvironmentError(f"`{' '.join(arguments)}` failed: {told.decode()}", rule="what is measured works")
    return taken


def _work() -> float:
    """Seconds that processes which this one started and that have ended spent on a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _demo(folder: str) -> tuple[float, float]:
    """Milliseconds from the start of the demo to its first line, and to the first line of its story."""
    began = time.perf_counter()
    process = await _start(folder, "-m", "agent", "demo", "--exit", output=PIPE)
    assert process.stdout is not None
    moments: list[float] = []
    async for line in process.stdout:
        if not moments or line.startswith(_DAY):
            moments.append((time.perf_counter() - began) * 1000)
        if len(moments) == 2:
            # As Ctrl-C does: the demo closes its browser.
            process.send_signal(signal.SIGINT)
            break
    _, told = await process.communicate()
    if len(moments) < 2:
        raise HostEnvironmentError(f"the demo ended early: {told.decode()}", rule="what is measured works")
    return moments[0], moments[1]


async def _start(folder: str, *arguments: str, output: int = DEVNULL) -> Process:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=folder, env=environment, stdout=output, stderr=PIPE, preexec_fn=_hear_ctrl_c
    )


def _hear_ctrl_c() -> None:
    """What runs in the background ignores Ctrl-C, and all that it starts does too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
