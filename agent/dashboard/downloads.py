"""Answers that are files: what an operation writes, sent to the browser."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from agent.dashboard.keys import AGENT, OPERATIONS
from agent.dashboard.routes import FILE_TYPES, Route


async def download(request: web.Request, route: Route) -> web.Response:
    """The file of ``route``; nothing of it stays on this machine. Raises TallyhostError as its operation does."""
    with TemporaryDirectory(prefix="tallyhost-export-") as folder:
        path = Path(folder) / route.file
        await request.app[OPERATIONS][route.operation](request.app[AGENT], {"file": str(path)})
        content = await asyncio.to_thread(path.read_bytes)
    named = {"Content-Disposition": f'attachment; filename="{route.file}"'}
    return web.Response(body=content, content_type=FILE_TYPES[path.suffix], headers=named)
