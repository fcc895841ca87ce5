"""Every verdict of every engine has an explanation: the check that failed, what it compared, and what to change."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Iterator
from enum import Enum, StrEnum
from pathlib import Path

import pytest

import agent.model
from agent.aggregation.outcome import AggregationErrorCode
from agent.delivery.sender import Outcome
from agent.engines.attribution.matching import Mismatch
from agent.engines.protected_audience.auction import RejectReason
from agent.model.aggregation import ErrorCounter, JobStatus, ReturnCode
from agent.model.attribution import AttributionVerdict
from agent.model.attribution_reporting.verdicts import SourceVerdict, TriggerVerdict
from agent.model.conversion_report import ReportRefusalCode
from agent.model.events import Event
from agent.model.explanation import explained
from agent.model.interfaces import NetworkError
from agent.model.private_aggregation import BatchVerdict, ErrorEvent
from agent.model.reports import ReportState
from agent.model.shared_storage import StorageVerdict
from tests.conformance_data import REPOSITORY
from tests.house.verdicts import aggregation, attribution, private_aggregation, reports, shared_storage
from tests.house.verdicts.refusals import REFUSALS
from tests.house.verdicts.scene import Scenes, happened
from tests.house.verdicts.sources import SOURCES
from tests.house.verdicts.triggers import TRIGGERS

GROUPS: tuple[Scenes, ...] = (
    attribution.CONVERSIONS,
    attribution.MISMATCHES,
    SOURCES,
    TRIGGERS,
    private_aggregation.BATCHES,
    private_aggregation.EVENTS,
    shared_storage.WRITES,
    shared_storage.REJECTIONS,
    aggregation.JOBS,
    aggregation.COUNTERS,
    aggregation.STATUSES,
    aggregation.BATCHES,
    aggregation.REFUSALS,
    reports.STATES,
    reports.OUTCOMES,
    reports.NETWORK,
)
VERDICTS: tuple[type[Enum], ...] = (
    AttributionVerdict,
    Mismatch,
    SourceVerdict,
    TriggerVerdict,
    BatchVerdict,
    ErrorEvent,
    StorageVerdict,
    RejectReason,
    ReturnCode,
    ErrorCounter,
    JobStatus,
    AggregationErrorCode,
    ReportRefusalCode,
    ReportState,
    Outcome,
    NetworkError,
)
NO_VERDICTS = {
    "AuctionFunction": "whose turn it is in an auction",
    "AttributionLogic": "what the draw of a source was: its verdict tells",
    "AudienceEvent": "kinds of events",
    "BudgetKind": "which budget",
    "Dialect": "which API",
    "Draw": "names of draws",
    "Eligibility": "what a request may register",
    "PrivateAggregationApi": "which API",
    "ReportKind": "which report",
    "Severity": "what a problem of a header costs",
    "SourceRegistrationTime": "part of a registration",
    "SourceType": "part of a registration",
    "StorageEvent": "kinds of events",
    "Strike": "what chaos does to a request: the attempt's own event says how it ended",
    "TriggerDataMatching": "part of a registration",
    "WrittenBy": "who wrote",
}
"""The model's enumerations that say nothing of how anything ended."""
NEVER = {
    SourceVerdict.UNKNOWN_ERROR: "Chromium's database failed; ours raises an error for the owner instead",
    TriggerVerdict.UNKNOWN_ERROR: "Chromium's database failed; ours raises an error for the owner instead",
    ReturnCode.PERMISSION_ERROR: "of a cloud's access rights; the local service reads files, or cannot read them",
    ErrorCounter.DECRYPTION_KEY_FETCH_ERROR: "of a coordinator that is asked; the local service has its keys",
}
"""Verdicts that the specifications name and nothing here ends in."""


def enumerations() -> Iterator[type[StrEnum]]:
    """Every StrEnum that the model defines."""
    for module in pkgutil.walk_packages(agent.model.__path__, "agent.model."):
        for value in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(value) and issubclass(value, StrEnum) and value.__module__ == module.name:
                yield value


def test_every_enumeration_of_the_model_is_walked_or_no_verdict() -> None:
    found = {one.__name__ for one in enumerations()}
    walked = {one.__name__ for one in VERDICTS}
    assert found - walked == set(NO_VERDICTS)


def named(member: Enum) -> str:
    return f"{type(member).__name__}.{member.name}"


# By name: members of several enumerations have one value, and would be one key.
SCENES = {named(member): (member, scene) for group in GROUPS for member, scene in group.items()}


def test_a_verdict_has_a_scene_or_never_happens() -> None:
    every = [named(member) for enumeration in VERDICTS for member in enumeration]
    assert sorted([*SCENES, *map(named, NEVER)]) == sorted(every)


@pytest.mark.parametrize("name", SCENES)
async def test_its_explanation_names_the_check_that_failed_what_it_compared_and_what_to_change(
    name: str, tmp_path: Path
) -> None:
    member, scene = SCENES[name]
    decided = await happened(scene, tmp_path / "scene")
    checks = decided.trace.checks if isinstance(decided, Event) else decided.checks
    failed = [check for check in checks if not check.passed]
    if isinstance(decided, Event):
        assert (scene.verdict or str(member.value)) in said(decided), "the scene comes to another verdict"
        assert explained(decided).checks == checks
    if not scene.rule:
        assert failed == []
        assert all(any(told in check.detail for check in checks) for told in scene.tells)
        return
    of_rule = [check for check in failed if check.rule == scene.rule]
    assert of_rule, [check.rule for check in failed]
    assert all(check.detail for check in failed), "every check says what it compared"
    assert of_rule[-1].fix
    for told in scene.tells:
        assert any(told in check.detail for check in of_rule), (told, [check.detail for check in of_rule])


@pytest.mark.parametrize("name", SCENES)
async def test_no_check_fails_without_a_way_out_behind_it(name: str, tmp_path: Path) -> None:
    decided = await happened(SCENES[name][1], tmp_path / "scene")
    checks = decided.trace.checks if isinstance(decided, Event) else decided.checks
    for rule in {check.rule for check in checks if not check.passed}:
        assert [check for check in checks if check.rule == rule and not check.passed][-1].fix, rule


WITHOUT_EFFECT = {**REFUSALS, **shared_storage.WITHOUT_EFFECT}


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
async def test_what_comes_to_nothing_without_an_enumeration_says_why_and_what_to_change(
    name: str, tmp_path: Path
) -> None:
    scene = WITHOUT_EFFECT[name]
    event = await happened(scene, tmp_path)
    assert isinstance(event, Event)
    assert event.verdict == (scene.verdict or "ignored")
    node = explained(event)
    assert node.stopped_at is not None
    check = node.checks[node.stopped_at]
    assert (check.rule, bool(check.detail), bool(check.fix)) == (scene.rule, True, True)
    assert [told for told in scene.tells if told not in check.detail] == []


def said(event: Event) -> str:
    """Everything in which an event tells how something ended."""
    checks = " ".join(f"{check.rule} {check.detail}" for check in event.trace.checks)
    return f"{event.verdict} {event.data.get('event_level')} {event.data.get('aggregatable')} {checks}"


TOLD_TOGETHER = {"agent/engines/aggregation/explained_units.py": 1}
"""Failed checks without a fix, by file: each budget unit that is spent is named, and the check behind them has it."""


def test_no_check_is_written_that_may_fail_without_a_fix() -> None:
    without = Counter(
        str(path.relative_to(REPOSITORY))
        for path in sorted((REPOSITORY / "agent").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Check"
        if may_fail_without_a_fix(call)
    )
    assert without == TOLD_TOGETHER


def may_fail_without_a_fix(call: ast.Call) -> bool:
    """Whether a call of Check(rule, passed, detail, fix) names no fix, and need not have passed."""
    named = {one.arg: one.value for one in call.keywords}
    unpacked = None in named or any(isinstance(one, ast.Starred) for one in call.args)
    if unpacked or len(call.args) > 3 or "fix" in named:
        return False
    passed = named.get("passed") or call.args[1]
    return not (isinstance(passed, ast.Constant) and passed.value is True)
