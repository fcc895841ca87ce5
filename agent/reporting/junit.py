"""What became of journeys as JUnit XML, which every CI reads: a test case for each journey."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from xml.etree import ElementTree as ET

from agent.model.clock import format_instant
from agent.reporting.journey_results import JourneyResult, Outcome, StepResult

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped; sites choose some of the texts."""


def write_junit(results: Sequence[JourneyResult], path: Path) -> Path:
    """Write the results to ``path`` and give it; folders are made. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(junit_xml(results))
    return path


def junit_xml(results: Sequence[JourneyResult]) -> bytes:
    """The results as one document; seconds are real time."""
    failures = sum(result.outcome is Outcome.FAILED for result in results)
    errors = sum(result.outcome is Outcome.ERROR for result in results)
    counts = {
        "name": "tallyhost",
        "tests": str(len(results)),
        "failures": str(failures),
        "errors": str(errors),
        "skipped": "0",
        "time": _seconds(sum(result.seconds for result in results)),
    }
    root = ET.Element("testsuites", {name: counts[name] for name in ("name", "tests", "failures", "errors", "time")})
    suite = ET.SubElement(root, "testsuite", counts)
    for result in results:
        _add_case(suite, result)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add_case(suite: ET.Element, result: JourneyResult) -> None:
    names = {
        "classname": _text(_class_name(result.file)),
        "name": _text(result.name),
        "time": _seconds(result.seconds),
        "file": _text(result.file),
    }
    if result.line:
        names["line"] = str(result.line)
    case = ET.SubElement(suite, "testcase", names)
    if result.failure is not None:
        kind = "failure" if result.outcome is Outcome.FAILED else "error"
        about = {"message": _text(f"{result.where}: {result.failure.headline}"), "type": kind}
        ET.SubElement(case, kind, about).text = _text(result.failure.text)
    ET.SubElement(case, "system-out").text = _text("\n".join(_told(result)))


def _class_name(file: str) -> str:
    """What a CI groups by: ``journeys.sale`` of ``journeys/sale.yaml``; a folder's own name where there is no other."""
    path = PurePath(file)
    return ".".join((path.with_suffix("") if path.name.strip(".") else path).parts).strip("./\\") or "tallyhost"


def _told(result: JourneyResult) -> list[str]:
    lines = [f"seed {result.seed}"] if result.seed is not None else []
    lines += [f"note {note}" for note in result.notes]
    lines += [_step(result.file, step) for step in result.steps]
    if result.bundle is not None:
        lines.append(f"bundle {result.bundle}")
    return lines


def _step(file: str, step: StepResult) -> str:
    time = f"  {format_instant(step.time)}" if step.time else ""
    return f"{step.outcome:<8}{file}:{step.line}  {step.told}{time}"


def _text(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
