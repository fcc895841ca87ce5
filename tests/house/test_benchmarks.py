"""The benchmarks run: in a tiny mode, where everything happens and no figure means anything."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import NAMES
from benchmarks.figures import Figure, Goal, ratio
from benchmarks.permutation import compare
from tests.conformance_data import REPOSITORY

ROUNDS = 1
_CALLS = [
    f"{dialect}.{method}"
    for dialect in ("current", "level1_2024")
    for method in ("saveImpression", "measureConversion")
]
FIGURES = {
    "calls": {f"calls.{call}" for call in _CALLS},
    "memory": {"memory.per_profile_over_bare"},
    "page_load": {
        f"page_load.{caching}.agent_over_bare.{quantity}"
        for caching in ("cold", "warm")
        for quantity in ("time", "processor_time")
    },
    "registrations": {
        "registrations.1e3.mixed",
        "registrations.1e4.headers",
        "registrations.1e4_over_1e3.mixed",
    },
    "story_throughput": {
        "story_throughput.1e3.halves",
        "story_throughput.1e4 single site.halves",
        "story_throughput.1e4_over_1e3.halves",
    },
    "sealing": {f"sealing.{report}_over_bare" for report in ("two", "twenty", "debug")},
    "aggregation": {
        "aggregation.job_over_bare",
        "aggregation.start_up",
        "aggregation.two_over_one",
        "aggregation.memory.1e6_less_1e5",
    },
    "worklets": {"worklets.create", "worklets.reach_call", "worklets.fifty.page_over_alone"},
    "shared_storage": {
        f"shared_storage.{subject}" for subject in ("set", "run", "add_module", "run_to_contribution_stored")
    },
    "dashboard": {"dashboard.first_paint.full", "dashboard.answer.rare", "dashboard.memory"},
    "start": {"start.version_over_bare", "start.help", "start.config", "start.check_header", "start.demo.first_page"},
    "opt_out": {f"opt_out.{state}.{call}.enabled_less_opted_out" for state in ("plain", "crowded") for call in _CALLS},
}
"""What each benchmark gives at least."""
WITHOUT_BROWSER = {"story_throughput", "registrations", "sealing", "aggregation"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def check(figure: dict[str, Any]) -> None:
    assert figure["rounds"] == ROUNDS
    assert figure["p25"] <= figure["median"] <= figure["p75"], figure
    assert all(math.isfinite(figure[key]) for key in ("p25", "p75")), figure


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.browser] if name not in WITHOUT_BROWSER else []) for name in NAMES],
)
def test_a_benchmark_prints_one_json_document(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = run(name, "--tiny", "--rounds", str(ROUNDS), "--out", str(out))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["schema"], document["tiny"]) == (1, True)
    assert json.loads(out.read_text(encoding="utf-8")) == document
    assert name in done.stderr  # progress
    figures = {figure["name"]: figure for figure in document["figures"]}
    assert figures.keys() >= FIGURES[name]
    for figure in figures.values():
        check(figure)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("nothing",), "no benchmark is called nothing"), (("calls", "--rounds", "0"), "--rounds must be at least 1")],
)
def test_a_wrong_command_is_refused_with_the_reason(arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_figure_is_judged_by_its_median_and_shows_its_quartiles() -> None:
    document = Figure("load", "ms", [5.0, 1.0, 2.0, 4.0, 3.0], goal=Goal(at_most=3)).document()
    assert {key: document[key] for key in ("p25", "median", "p75")} == {"p25": 2.0, "median": 3.0, "p75": 4.0}
    assert document["goal"] == {"atMost": 3, "met": True}
    assert Figure("load", "ms", [3.1], goal=Goal(at_most=3)).document()["goal"]["met"] is False


def test_a_ratio_is_taken_within_each_round() -> None:
    # A machine that is ten times slower in the second round changes neither ratio.
    document = ratio("over", [2.0, 20.0], [1.0, 10.0], [1.0, 10.0], Goal(at_most=1.05)).document()
    assert (document["median"], document["p75"], document["goal"]["met"]) == (2.0, 2.0, False)
    assert document["pair"] == {"median": 1.0, "p25": 1.0, "p75": 1.0}


def test_a_permutation_test_finds_a_difference_and_none_where_there_is_none() -> None:
    base = [[float(number + place) for place in range(3)] for number in range(20)]
    longer = [[sample + 100 for sample in samples] for samples in base]
    differ, same = compare(longer, base, resamples=200), compare(base, base, resamples=200)
    # Of 2^20 labellings two are as extreme as the one observed: 200 drawn ones hold none of them, but the observed.
    assert differ.difference == 100
    assert differ.p_value == pytest.approx(1 / 201)
    assert differ.interval[0] > 0
    assert (same.difference, same.p_value) == (0.0, 1.0)
    assert same.interval == (0.0, 0.0)
