"""The pages a front itself answers with: plain, and with the way out."""

from __future__ import annotations

import html
from http import HTTPStatus

from agent.browser.network.headers import Headers
from agent.browser.network.hosts import Refusal, RefusalKind

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:1rem/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}}code{{font-size:.9rem}}</style>
<h1>{title}</h1><p>{what}</p><p>{fix}</p><p><small>This page comes from tallyhost, not from the site.</small></p></html>
"""


def reason(status: int) -> bytes:
    """The reason phrase of a status that a front gives itself; empty where there is none."""
    return next((known.phrase.encode("ascii") for known in HTTPStatus if known == status), b"")


def page(status: int, what: str, fix: str = "") -> tuple[Headers, bytes]:
    """Header fields and body of an HTML page that says what happened and what to do."""
    title = f"{status} {reason(status).decode('ascii')}"
    body = _PAGE.format(title=title, what=html.escape(what), fix=html.escape(fix)).encode()
    headers = Headers(
        [
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Content-Length", b"%d" % len(body)),
            (b"Cache-Control", b"no-store"),
        ]
    )
    return headers, body


def status_of(refusal: Refusal) -> int:
    """403 where the host is not mapped, 502 where its server cannot be reached."""
    return 403 if refusal.kind is RefusalKind.NOT_MAPPED else 502
