"""The hidden page whose dedicated workers are the worklets' realms.

It stands in a BrowserContext of its own, which Playwright never hears of. Nothing it or its workers ask for reaches a
network: every request is answered here, and behind that the context is offline, its proxy is a port where nobody
listens, and a content security policy allows no more than ``eval``, WebAssembly and workers from its own blobs.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable
from typing import Any

from agent.browser.devtools_pipe import DevToolsPipe, Message
from agent.browser.worklet_process import WorkletProcess, renderers
from agent.model.errors import HostEnvironmentError

_log = logging.getLogger("tallyhost.worklets")
_URL = "https://worklets.invalid/"
_NOBODY = "http://127.0.0.1:1"
_OPEN_SECONDS = 30
_KEPT_SCRIPTS = 8
_STOP_SECONDS = 2
_END_SECONDS = 15
"""Chromium waits for two, then stops by force what runs in a worker that is to end."""
_POLICY = "default-src 'none'; script-src 'unsafe-eval' 'wasm-unsafe-eval' https: http:; worker-src blob:"
"""Module scripts of any host, because their requests have to get as far as here to be refused in the right words."""
_REFUSED_IMPORT = 'throw new TypeError("import() is disallowed on WorkletGlobalScope.");'
_HOLDER = "const workers = new Map(), urls = new Map(); 0"


class Worker:
    """A dedicated worker of the page, and its DevTools session; made by :meth:`WorkletPage.new_worker`."""

    def __init__(self, page: WorkletPage, number: int) -> None:
        self.number = number
        self.session = ""
        """Empty until the browser has attached it."""
        self._page = page
        self._attached: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def start(self, text: str, binding: str) -> None:
        """Run its main script ``text``, with the function ``binding`` on its global object.

        Raises HostEnvironmentError where it does not start.
        """
        url, name = self._page.script_url(text), f'{{name: "{self.number}"}}'
        self._page.evaluate(f"workers.set({self.number}, new Worker(urls.get({url}), {name}))")
        await asyncio.wait((self._attached,), timeout=_OPEN_SECONDS)
        if not self._attached.done() or not self._attached.result():
            raise _unopened("a worker did not start")
        self.post("Runtime.addBinding", {"name": binding})
        self.post("Runtime.enable", {})
        self.post("Runtime.runIfWaitingForDebugger", {})

    def attached(self, session: str) -> None:
        """It is there, and waits to run."""
        self.session = session
        self._settle(there=True)

    def gone(self) -> None:
        """Its process has ended."""
        self._settle(there=False)

    def _settle(self, *, there: bool) -> None:
        if not self._attached.done():
            self._attached.set_result(there)

    def post(self, method: str, params: dict[str, Any]) -> None:
        """Send a command to it; nobody awaits the answer."""
        self._page.pipe.post(method, params, self.session)

    async def call(self, method: str, params: dict[str, Any]) -> Message:
        """Send a command and wait for its answer as long as it takes; one that ends does not answer."""
        return await self._page.pipe.call(method, params, self.session, seconds=None)

    async def terminate(self) -> None:
        """End it at once, whatever it does."""
        if self.session and not self._page.closed:
            self._page.ending.add(self.session)
            # From within first: while it answers DevTools, which may take for ever, Chromium stops nothing by force.
            await self._page.pipe.call("Runtime.terminateExecution", {}, self.session, seconds=_STOP_SECONDS)
        self._page.evaluate(f"workers.get({self.number})?.terminate(); workers.delete({self.number})")
        await asyncio.sleep(_END_SECONDS)
        if self.session in self._page.ending and not self._page.closed:
            _log.warning("a worklet could not be ended but with its process")
            self._page.crash()


class WorkletPage:
    """One hidden page; ``ended`` is called once, when its process is gone."""

    def __init__(self, pipe: DevToolsPipe, ended: Callable[[WorkletPage], None]) -> None:
        self.pipe = pipe
        self.process = WorkletProcess()
        self.context_id = ""
        """The BrowserContext; empty until it is made."""
        self.session = ""
        self._ended: Callable[[WorkletPage], None] | None = ended
        self._renderers_before: set[int] = set()
        self.closed = False
        self.ending: set[str] = set()
        """Sessions of workers that were told to end and have not yet."""
        self._last = 0
        self._workers: dict[str, tuple[Worker, Callable[[Message], None]]] = {}
        """Those that the browser has not attached yet, by name."""
        self._sessions: set[bytes] = set()
        self._urls: dict[str, int] = {}
        self._last_url = 0
        self._attached: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        """Make the context and load the page; raises HostEnvironmentError."""
        self._renderers_before = await renderers(self.pipe)
        proxy = {"proxyServer": _NOBODY, "proxyBypassList": "<-loopback>", "disposeOnDetach": True}
        self.context_id = (await self._asked("Target.createBrowserContext", proxy))["browserContextId"]
        target = {"url": "about:blank", "browserContextId": self.context_id}
        # Hidden, or it would be a window of its own where the browser has windows; where it has none it refuses that.
        if "error" in await self.pipe.call("Target.createTarget", {**target, "hidden": True}, seconds=_OPEN_SECONDS):
            await self._asked("Target.createTarget", target)
        await asyncio.wait_for(self._attached, _OPEN_SECONDS)
        offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        for method, params in (
            ("Fetch.enable", {"patterns": [{"urlPattern": "*"}]}),
            ("Network.enable", {}),
            ("Network.emulateNetworkConditions", offline),
            ("Inspector.enable", {}),
            ("Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}),
            ("Runtime.runIfWaitingForDebugger", {}),
        ):
            self.pipe.post(method, params, self.session)
        await self._asked("Page.navigate", {"url": _URL}, self.session)
        await self._asked("Runtime.evaluate", {"expression": _HOLDER}, self.session)

    async def _asked(self, method: str, params: dict[str, Any], session: str | None = None) -> Message:
        answer = await self.pipe.call(method, params, session, seconds=_OPEN_SECONDS)
        if "error" in answer or "exceptionDetails" in answer or "errorText" in answer:
            raise _unopened(f"{method}: {answer}")
        return answer

    def attached(self, session: str) -> None:
        """The browser has attached the page's session, and the page waits to run."""
        self.session = session
        self._read(session, self._heard)
        if not self._attached.done():
            self._attached.set_result(None)

    async def find_process(self) -> None:
        """Find the process of the page, whose memory is watched."""
        await self.process.find(self.pipe, self._renderers_before, self.session)

    def new_worker(self, reader: Callable[[Message], None]) -> Worker:
        """A worker that is yet to be started; its events go to ``reader``."""
        self._last += 1
        worker = Worker(self, self._last)
        self._workers[str(self._last)] = worker, reader
        return worker

    def script_url(self, text: str) -> int:
        """The number of the blob URL that holds ``text``; of those, the latest few are kept."""
        if (number := self._urls.pop(text, None)) is None:
            self._last_url += 1
            number = self._last_url
            blob = f'new Blob([{json.dumps(text)}], {{type: "text/javascript"}})'
            self.evaluate(f"urls.set({number}, URL.createObjectURL({blob}))")
        self._urls[text] = number
        if len(self._urls) > _KEPT_SCRIPTS:
            dropped = self._urls.pop(next(iter(self._urls)))
            self.evaluate(f"URL.revokeObjectURL(urls.get({dropped})); urls.delete({dropped})")
        return number

    def evaluate(self, expression: str) -> None:
        """Run an expression in the page."""
        self.pipe.post("Runtime.evaluate", {"expression": f"{expression}; 0", "silent": True}, self.session)

    async def close(self) -> None:
        """Take the page and all its workers away; safe in any state."""
        self.closed = True
        for session in list(self._sessions):
            self._forget(session)
        if self.context_id:
            await self.pipe.call("Target.disposeBrowserContext", {"browserContextId": self.context_id})

    def crash(self) -> None:
        """End its process, and so all its worklets."""
        self.pipe.post("Page.crash", {}, self.session)

    def _heard(self, raw: bytes) -> None:
        message = json.loads(raw)
        method, params = message["method"], message["params"]
        if method == "Target.attachedToTarget":
            self._worker_attached(params)
        elif method == "Target.detachedFromTarget":
            self._forget(params["sessionId"].encode())
            self.ending.discard(params["sessionId"])
        elif method == "Fetch.requestPaused":
            self._answer(params)
        elif method in ("Inspector.targetCrashed", "Inspector.detached"):
            self._gone()

    def _gone(self) -> None:
        for worker, _ in self._workers.values():
            worker.gone()
        if (ended := self._ended) is not None:
            self._ended = None
            ended(self)

    def _worker_attached(self, params: Message) -> None:
        session, name = params["sessionId"], params["targetInfo"]["title"]
        worker, reader = self._workers.pop(name)
        self._read(session, lambda raw: reader(json.loads(raw)))
        worker.attached(session)

    def _read(self, session: str, reader: Callable[[bytes], None]) -> None:
        self.pipe.on_session[session.encode()] = reader
        self._sessions.add(session.encode())

    def _forget(self, session: bytes) -> None:
        self.pipe.on_session.pop(session, None)
        self._sessions.discard(session)

    def _answer(self, params: Message) -> None:
        """Answer a request: the page itself, or the module script of an ``import()``."""
        is_page = params["resourceType"] == "Document"
        headers = {
            "content-type": "text/html" if is_page else "text/javascript",
            "content-security-policy": _POLICY,
            "access-control-allow-origin": "*",
        }
        body = "<!doctype html>" if is_page else _REFUSED_IMPORT
        answer = {
            "requestId": params["requestId"],
            "responseCode": 200,
            "responseHeaders": [{"name": name, "value": value} for name, value in headers.items()],
            "body": base64.b64encode(body.encode()).decode(),
        }
        self.pipe.post("Fetch.fulfillRequest", answer, self.session)


def _unopened(what: str) -> HostEnvironmentError:
    return HostEnvironmentError(f"the page of the worklets did not open: {what}", fix="close other programs, try again")
