"""``tallyhost config``: the settings in force and where each came from."""

from __future__ import annotations

import json

import rich_click as click

from agent.cli.session import AGENT_FLAGS, Session, with_session


@click.command("config")
@with_session(*AGENT_FLAGS)
def show_config(session: Session) -> None:
    """Show the settings in force and where each came from."""
    from agent.cli.config import TABLES, printable  # noqa: PLC0415

    effective = session.effective
    values = printable(session.config)
    rows = [
        *((name, value) for name, value in values.items() if name not in TABLES),
        *((f"{table}.{name}", value) for table in TABLES for name, value in values[table].items()),
    ]
    settings = {name: {"value": value, "from": effective.origins.get(name, "default")} for name, value in rows}
    if session.output.as_json:
        session.output.document({"file": str(effective.file) if effective.file else None, "settings": settings})
        return
    shown = ((name, _text(entry["value"]), entry["from"]) for name, entry in settings.items())
    session.output.table(("setting", "value", "from"), shown, empty="")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={target}" for key, target in value.items())
    if isinstance(value, list):
        return ", ".join(json.dumps(item) if isinstance(item, dict) else str(item) for item in value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
