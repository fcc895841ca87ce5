"""``tallyhost doctor``: what was found on this machine, every path in use, and how to mend what is wrong."""

from __future__ import annotations

from dataclasses import asdict

import rich_click as click

from agent.cli.session import AGENT_FLAGS, Session, with_session
from agent.model.errors import HostEnvironmentError


@click.command("doctor")
@with_session(*AGENT_FLAGS)
def doctor(session: Session) -> int:
    """Say what was found on this machine and how to mend what is wrong."""
    from agent.cli.machine import Health, examine  # noqa: PLC0415

    findings = list(examine(session.config, session.effective.file))
    failed = any(finding.health is Health.FAIL for finding in findings)
    if session.output.as_json:
        session.output.document({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    styles = {Health.OK: "green", Health.NOTE: "yellow", Health.FAIL: "bold red"}
    for finding in findings:
        fix = f"  ->  {finding.fix}" if finding.fix else ""
        session.output.line(f"{finding.health:<5} {finding.name:<12} {finding.found}{fix}", styles[finding.health])
    return HostEnvironmentError.exit_code if failed else 0
