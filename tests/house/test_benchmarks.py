"""The benchmarks run: in a tiny mode, where everything happens and no figure means anything."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance_data import REPOSITORY

pytestmark = pytest.mark.slow
ROUNDS = 2
FIGURES = {
    "calls": {
        f"calls.{dialect}.{method}"
        for dialect in ("current", "level1_2024")
        for method in ("saveImpression", "measureConversion")
    },
    "memory": {"memory.per_profile_over_bare"},
    "page_load": {
        f"page_load.{caching}.agent_over_bare.{quantity}"
        for caching in ("cold", "warm")
        for quantity in ("time", "processor_time")
    },
    "story_throughput": {
        "story_throughput.1e3.halves",
        "story_throughput.1e4 single site.halves",
        "story_throughput.1e4_over_1e3.halves",
    },
    "opt_out": {
        f"opt_out.{state}.{dialect}.{method}.enabled_less_opted_out"
        for state in ("plain", "crowded")
        for dialect in ("current", "level1_2024")
        for method in ("saveImpression", "measureConversion")
    },
}
"""What each benchmark gives at least."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.browser] if name != "story_throughput" else []) for name in FIGURES],
)
def test_a_benchmark_prints_one_json_document(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = run(name, "--tiny", "--rounds", str(ROUNDS), "--out", str(out))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    assert document["tiny"] is True
    assert json.loads(out.read_text(encoding="utf-8")) == document
    figures = {figure["name"]: figure for figure in document["figures"]}
    assert figures.keys() >= FIGURES[name]
    for figure in figures.values():
        check(figure)


def check(figure: dict[str, Any]) -> None:
    assert figure["rounds"] == ROUNDS
    assert figure["p25"] <= figure["median"] <= figure["p75"], figure
    assert math.isfinite(figure["median"]), figure
    if figure["unit"] in {"ms", "events/s"} and "_less_" not in figure["name"]:
        assert figure["median"] >= 0, figure


def test_an_unknown_benchmark_or_no_round_is_refused() -> None:
    unknown = run("nothing")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no benchmark is called nothing" in unknown.stderr
    assert run("calls", "--rounds", "0").returncode == 2
