"""Pages that do what a test says without Playwright running a script in them, which would count as a user's gesture."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

_PAGE = """<!doctype html><style>* { margin: 0 } body, iframe { width: 100vw; height: 90vh }</style><body><script>
(async () => {
    const name = new URL(location).searchParams.get("name") ?? location.hostname;
    for (;;) {
        const { id, script } = await (await fetch(`/command?${name}`, { cache: "no-store" })).json();
        if (script) {
            let result;
            try { result = String(await (0, eval)(script)); } catch (error) { result = error.name; }
            await fetch(`/result?${id}`, { method: "POST", body: result });
        }
        await new Promise((done) => setTimeout(done, 20));
    }
})();
</script>"""
SAVE = "navigator.attribution.saveImpression({ histogramIndex: 1 }).then(() => 'stored')"


@dataclass
class Puppets:
    """The strings of all puppets; a puppet goes by its ``name=`` in the query, else by its host."""

    commands: dict[str, tuple[int, str]] = field(default_factory=dict)
    results: dict[int, str] = field(default_factory=dict)
    count: int = 0

    def app(self) -> web.Application:
        """Every path is a puppet's page."""
        app = web.Application()
        app.router.add_get("/command", self._command)
        app.router.add_post("/result", self._result)
        app.router.add_get("/{path:.*}", self._page)
        return app

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    async def _command(self, request: web.Request) -> web.Response:
        number, script = self.commands.pop(request.query_string, (0, ""))
        return web.json_response({"id": number, "script": script})

    async def _result(self, request: web.Request) -> web.Response:
        self.results[int(request.query_string)] = await request.text()
        return web.Response()

    def tell(self, name: str, script: str) -> int:
        """Have the puppet evaluate ``script``; gives the number of its result."""
        self.count += 1
        self.commands[name] = self.count, script
        return self.count

    async def run(self, name: str, script: str) -> str:
        """What ``script`` came to: its value as text, or the name of its exception."""
        number = self.tell(name, script)
        async with asyncio.timeout(10):
            while number not in self.results:
                await asyncio.sleep(0.01)
        return self.results[number]
