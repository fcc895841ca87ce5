"""What checking a header came to, as JSON values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from agent.engines.attribution_reporting.header_check import HeaderCheck, HeaderKind, check_header, limits_when_stored
from agent.engines.attribution_reporting.source_limits import Finding
from agent.model.attribution_reporting.registrations import Issue, SourceType
from agent.model.settings import Settings
from agent.reporting.documents.write_header import WRITE_HEADER, check_write_header

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


def checked_header(kind: str, value: bytes, source_type: SourceType, settings: Settings) -> dict[str, Any]:
    """What comes of the field ``value``, and which limits of storage such a source meets whatever else is stored.

    ``kind``: a ``HeaderKind``, or :data:`WRITE_HEADER`.
    """
    limits = settings.attribution_reporting_limits
    if kind == WRITE_HEADER:
        checked = check_write_header(value, settings.shared_storage_limits)
    else:
        checked = check_header(HeaderKind(kind), value, source_type, limits)
    met = () if checked.source is None else limits_when_stored(checked.source, source_type, limits)
    return {"kind": str(kind), **header_document(checked), "when_stored": [finding_document(one) for one in met]}


def header_document(checked: HeaderCheck) -> dict[str, Any]:
    """Whether a header is accepted, every problem with its path, and what it means in full."""
    return {
        "accept": checked.accept,
        "errors": list(_issues(checked.errors)),
        "warnings": list(_issues(checked.warnings)),
        "normalized": checked.normalized,
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """A limit that a source meets, or not, whatever else is stored."""
    check = finding.check
    return {"passed": check.passed, "rule": check.rule, "detail": check.detail, "verdict": finding.verdict.value}


def place(path: tuple[str | int, ...] | None) -> str:
    """A path as people write it, such as ``event_trigger_data[0].priority``."""
    if not path:
        return "the header"
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}"
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text.removeprefix(".")


def _issues(issues: Iterable[Issue]) -> Iterator[dict[str, Any]]:
    for issue in issues:
        path = None if issue.path is None else list(issue.path)
        yield {"path": path, "message": issue.message, "rule": issue.rule, "fix": issue.fix}
