"""Memory per profile: an agent's BrowserContext with its store, front and pages over a bare BrowserContext.

Measured: the proportional set size of everything, that is Chromium's processes, Playwright's driver and Python, before
and after eight profiles with one page each are opened in one browser that already has one. Shared pages of memory count
once.

Against: eight bare contexts with the same page in a browser launched by Playwright alone. Each side of each round is a
fresh process that runs alone, for in a process that lives on later profiles would move into what earlier ones freed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from functools import partial

from benchmarks import memory_side
from benchmarks.figures import Figure, Goal, differences
from benchmarks.rounds import Plan, interleave
from benchmarks.server import Server, serving

PROFILES = 8
GOAL = Goal(at_most=5)
_SIDES = {"agent": "agent", "bare": "bare", "bare2": "bare"}


async def measure(plan: Plan) -> list[Figure]:
    """Open profiles by turns on each side."""
    profiles = 1 if plan.tiny else PROFILES
    async with serving() as server:
        subjects = {name: partial(_per_context, side, profiles, server) for name, side in _SIDES.items()}
        costs = await interleave("memory", plan, subjects)
    details = {"profiles": profiles}
    figures = [Figure(f"memory.{name}.per_context", "MB", samples, details=details) for name, samples in costs.items()]
    over = Figure(
        "memory.per_profile_over_bare",
        "MB",
        differences(costs["agent"], costs["bare"]),
        goal=GOAL,
        pair=differences(costs["bare2"], costs["bare"]),
        details=details,
    )
    return [*figures, over]


async def _per_context(side: str, count: int, server: Server) -> float:
    """MB that each of ``count`` contexts adds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", memory_side.__name__, side, str(count), json.dumps(asdict(server)),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the {side} side of the memory benchmark ended with {process.returncode}")
    sizes = json.loads(output)
    return float(sizes["after"] - sizes["before"]) / count
