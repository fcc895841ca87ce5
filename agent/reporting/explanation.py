"""The tree of an explanation as text and as a document: what the command line, pages and failed tests show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from agent.model.clock import format_instant, parse_instant
from agent.model.events import Check
from agent.model.explanation import Explanation
from agent.reporting.terminal_text import harmless

__all__ = ["Explanation", "explanation_document", "explanation_lines", "explanation_of", "explanation_text"]
_INDENT = "  "
_FEW = 3
"""So many checks that passed are shown below another node; more are counted."""


def explanation_lines(node: Explanation) -> Iterator[tuple[str, str]]:
    """The lines of the tree, each with its rich style. They hold texts of pages and servers: print them escaped.

    Whatever is in such a text, it stays on its line: it cannot pass for a check of its own.
    """
    return ((harmless(line).replace("\n", r"\n"), style) for line, style in _lines(node, ""))


def explanation_text(node: Explanation) -> str:
    """The same as plain text."""
    return "\n".join(line for line, _ in explanation_lines(node))


def explanation_document(node: Explanation) -> dict[str, Any]:
    """The tree as plain JSON values, times as ISO 8601."""
    return {
        "title": node.title,
        "kind": node.kind,
        "verdict": node.verdict,
        "time": format_instant(node.time),
        "site": node.site,
        "summary": node.summary,
        "outcome": node.outcome,
        "checks": [asdict(check) for check in node.checks],
        "stopped_at": node.stopped_at,
        "children": [explanation_document(child) for child in node.children],
        "event_id": node.event_id,
        "report_id": node.report_id,
        "job_id": node.job_id,
        "data": dict(node.data),
    }


def explanation_of(document: Mapping[str, Any]) -> Explanation:
    """The tree of :func:`explanation_document`."""
    read = {
        "time": parse_instant(document["time"]),
        "checks": tuple(Check(**check) for check in document["checks"]),
        "children": tuple(explanation_of(child) for child in document["children"]),
    }
    return Explanation(**{**document, **read})


def _lines(node: Explanation, indent: str) -> Iterator[tuple[str, str]]:
    yield indent + "  ".join(part for part in _head(node) if part), "bold"
    indent += _INDENT
    yield indent + node.summary, ""
    yield from _check_lines(node.checks, node.stopped_at, indent)
    for child in node.children:
        yield from _child_lines(child, indent)


def _child_lines(node: Explanation, indent: str) -> Iterator[tuple[str, str]]:
    """The lines of what stands below another: where all is well, its checks are counted."""
    passed = len(node.checks)
    if passed <= _FEW or not all(check.passed for check in node.checks):
        yield from _lines(node, indent)
        return
    see = f"passed: tallyhost explain {node.event_id} shows them" if node.event_id else "passed"
    folded = Check(f"{passed} checks", passed=True, detail=see)
    yield from _lines(replace(node, checks=(folded,)), indent)


def _head(node: Explanation) -> tuple[str, ...]:
    """What it is, where, when and how it ended."""
    name = node.title
    if node.report_id:
        name += f" {node.report_id}"
    elif node.event_id:
        name += f" (event {node.event_id})"
    return name, node.site, format_instant(node.time), node.verdict, node.outcome


def _check_lines(checks: Sequence[Check], stopped_at: int | None, indent: str) -> Iterator[tuple[str, str]]:
    width = max((len(check.rule) for check in checks), default=0)
    for position, check in enumerate(checks):
        mark, style = ("ok  ", "green") if check.passed else ("FAIL", "bold red")
        yield f"{indent}{mark}  {check.rule:<{width}}  {check.detail}".rstrip(), style
        if position == stopped_at:
            yield f"{indent}      {'-' * 8} stops here", style
        if not check.passed and check.fix:
            yield f"{indent}fix   {check.fix}", "yellow"
