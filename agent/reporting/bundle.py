"""What happened in an agent, as a folder for a failed test or a bug report: events, reasons, reports, pictures."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.browser.page_failures import PageError
from agent.model.clock import format_instant
from agent.model.errors import UsageError
from agent.model.events import Event
from agent.model.reports import Report
from agent.reporting.explanation import explanation_text
from agent.reporting.exports import write_exports

if TYPE_CHECKING:
    from playwright.async_api import Page

    from agent.runtime import Agent

SCREENSHOT_SECONDS = 5
EXPLAINED = 50
"""How many of the latest decisions ``explain.txt`` has."""
_EXPLAINED_KINDS = {"impression", "conversion", "trigger-registration", "source-registration", "private-aggregation"}


async def write_bundle(agent: Agent, folder: Path, *, why: str = "", trace: bool = False) -> Path:
    """Write what there is to know of ``agent`` into ``folder``, which is made where it is missing; gives the folder.

    ``events.jsonl`` has every event, ``explain.txt`` the latest decisions, the last one first, ``reports.json`` every
    report in clear text, ``screenshot-N.png`` each open page, ``failure.txt`` what ``why`` says, ``trace.zip``
    Playwright's trace: with ``trace`` it was started, and is ended here unless that was done. What lies there under
    these names is replaced. Raises OSError where it cannot be written.
    """
    events, reports = await agent.events.all(), await agent.reports.all()
    explained = await _explanations(agent, events)
    await asyncio.to_thread(_write, folder, events, reports, "\n\n\n".join(explained), why)
    pages = agent.context.pages if hasattr(agent, "context") else []
    await _take_pictures(pages, folder)
    if trace:
        await _end_trace(agent, folder)
    await write_exports(agent, folder)
    return folder


def event_document(event: Event) -> dict[str, Any]:
    """An event as plain JSON values."""
    return asdict(event) | {"time": format_instant(event.time)}


def report_document(report: Report) -> dict[str, Any]:
    """A report as plain JSON values, with its clear text and the body as it was sent."""
    document = asdict(report)
    times = {name: document[name] for name in ("created", "next_attempt")}
    return document | {
        **{name: None if time is None else format_instant(time) for name, time in times.items()},
        "body": report.body.decode(errors="backslashreplace"),
    }


async def _explanations(agent: Agent, events: Sequence[Event]) -> list[str]:
    """Why the latest decisions ended as they did, the last first."""
    decisions = [event for event in events if event.kind in _EXPLAINED_KINDS][-EXPLAINED:]
    texts = []
    for event in reversed(decisions):
        try:
            texts.append(explanation_text(await agent.explain(f"event:{event.id}")))
        except UsageError as gone:
            texts.append(str(gone))
    return texts


def _write(folder: Path, events: Sequence[Event], reports: Sequence[Report], explained: str, why: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("screenshot-*.png"), folder / "trace.zip", folder / "failure.txt"):
        old.unlink(missing_ok=True)
    if why:
        (folder / "failure.txt").write_text(why + "\n", encoding="utf-8", errors="backslashreplace")
    lines: Iterator[str] = (json.dumps(event_document(event), default=str) + "\n" for event in events)
    with (folder / "events.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(lines)
    documents = [report_document(report) for report in reports]
    text = json.dumps(
        documents, indent=2, default=lambda value: sorted(value) if isinstance(value, frozenset) else str(value)
    )
    (folder / "reports.json").write_text(text + "\n", encoding="utf-8")
    text = (explained or "no decision was made") + "\n"
    (folder / "explain.txt").write_text(text, encoding="utf-8", errors="backslashreplace")


async def _take_pictures(pages: Sequence[Page], folder: Path) -> None:
    """A picture of each page; one that hangs or has crashed has none, and fails nothing."""
    for number, page in enumerate(pages, 1):
        try:
            await page.screenshot(
                path=folder / f"screenshot-{number}.png", full_page=True, timeout=SCREENSHOT_SECONDS * 1000
            )
        except PageError as error:
            logging.getLogger("tallyhost").warning("no screenshot of %s: %s", page.url, error)


async def _end_trace(agent: Agent, folder: Path) -> None:
    """Playwright's trace; one that the test has ended itself, as by closing its context, is not there to be had."""
    try:
        await agent.context.tracing.stop(path=folder / "trace.zip")
    except PageError as error:
        logging.getLogger("tallyhost").warning("no trace in %s: %s", folder, error)
