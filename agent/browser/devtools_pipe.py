"""A seat on Playwright's own DevTools pipe.

Playwright launches Chromium itself, with its own flags, and talks to it over a pipe. Its ``executable_path`` is a
small launcher that hands both ends of that pipe to this process and starts the real browser on a new one. Every
message then passes here: what the agent needs to know is read in passing, what it needs to say is slipped into
Playwright's own sessions. So there is one DevTools client (a second auto-attaching one crashes openers in bursts of
popups), no debugging port that another process could reach, and no command of ours that comes too late.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import socket
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, cast

Message = dict[str, Any]
ClientListener = Callable[[bytes], None]
BrowserListener = Callable[[bytes], bool]
"""Takes one raw message of the browser; True swallows it, so that Playwright never sees it."""

_log = logging.getLogger("tallyhost.devtools")
_OWN_IDS = 1 << 30
"""Playwright counts its commands from 1; ours start far above, and their answers are kept from it."""
_ANSWER_SECONDS = 5
_UNHURRIED = b'{"method":"Network.'
_BURST = 8
"""Messages in a row about the network alone, after which reading takes rests."""
_REST_SECONDS = 0.004
_NO_BROWSER: Message = {"error": {"message": "the browser is gone"}}
_NO_SESSION: Message = {"error": {"message": "the session has ended"}}

TURNED_OFF = ",IsolateSandboxedIframes,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup"
"""Features that the launcher adds to those that Playwright turns off.

A sandboxed srcdoc frame with a process of its own runs before DevTools attaches, and so before our script. The address
bar's popups, which nobody sees here, cost each BrowserContext two renderers: half the time of opening a page.
"""

_LAUNCHER = """\
import json, os, socket, sys
seat = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
seat.connect({address!r})
to_browser_read, to_browser_write = os.pipe()
from_browser_read, from_browser_write = os.pipe()
socket.send_fds(seat, [b"x"], [3, 4, to_browser_write, from_browser_read])
seat.close()
os.dup2(to_browser_read, 3)
os.dup2(from_browser_write, 4)
for end in (to_browser_read, to_browser_write, from_browser_read, from_browser_write):
    os.close(end)
folder = next((a.split("=", 1)[1] for a in sys.argv if a.startswith("--user-data-dir=")), None)
if folder and not os.path.exists(os.path.join(folder, "Default", "Preferences")):
    os.makedirs(os.path.join(folder, "Default"), exist_ok=True)
    with open(os.path.join(folder, "Default", "Preferences"), "w") as preferences:
        preferences.write({preferences!r})
off = "--disable-features="
arguments = [a + {off!r} if a.startswith(off) else a for a in sys.argv[1:]]
os.execv({executable!r}, [{executable!r}, *arguments])
"""


class DevToolsPipe:
    """Relays the DevTools messages between Playwright and one Chromium, and lets the agent read and add its own.

    ``on_client`` maps a command's name to a listener called before the command goes on to the browser;
    ``on_browser`` maps an event's name to a listener; both take the raw message. A listener that raises is logged and
    its message goes on.
    """

    def __init__(self) -> None:
        self.on_client: dict[bytes, ClientListener] = {}
        self.on_browser: dict[bytes, BrowserListener] = {}
        self.on_client_answer: dict[int, Callable[[Message], None]] = {}
        """Listeners for the browser's answer to one command of Playwright, by that command's id; called once."""
        self.on_session: dict[bytes, ClientListener] = {}
        """Who reads the events of a session that is the agent's alone, by the session's id: Playwright sees none."""
        self._next_id = _OWN_IDS
        self._waiting: dict[int, tuple[str | None, asyncio.Future[Message]]] = {}
        """The session that was asked, and what comes of it, by the command's id."""
        self._to_browser: asyncio.WriteTransport | None = None
        self._to_client: asyncio.WriteTransport | None = None
        self._transports: list[asyncio.BaseTransport] = []
        self._listener: socket.socket | None = None
        self._closed = False
        self._hurry: Callable[[], None] = lambda: None

    def write_launcher(self, folder: Path, executable: str, preferences: Mapping[str, Any]) -> Path:
        """Write the launcher for ``executable`` into ``folder`` and listen for it; gives its path.

        ``preferences`` are Chromium's for each fresh user data folder. Call :meth:`connected` beside the launch.
        """
        address = folder / "seat"
        self._listener = listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(address))
        listener.listen(1)
        listener.setblocking(False)
        program = folder / "launcher.py"
        settled = json.dumps(preferences)
        program.write_text(
            _LAUNCHER.format(address=str(address), preferences=settled, executable=executable, off=TURNED_OFF)
        )
        launcher = folder / "chromium"
        launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S -E {shlex.quote(str(program))} "$@"\n')
        launcher.chmod(0o700)
        return launcher

    async def connected(self) -> None:
        """Wait for the launcher, then relay in both directions."""
        assert self._listener is not None
        seat, _ = await asyncio.get_running_loop().sock_accept(self._listener)
        seat.setblocking(True)
        _, descriptors, _, _ = socket.recv_fds(seat, 1, 4)
        seat.close()
        self._listener.close()
        client_read, client_write, browser_write, browser_read = descriptors
        self._to_browser = await self._writer(browser_write)
        self._to_client = await self._writer(client_write)
        from_browser = _BrowserMessages(self._from_browser, self._to_client, self.close, self._waiting)
        self._hurry = from_browser.hurry
        from_client = _Messages(self._from_client, self._to_browser, self.close)
        await self._reader(browser_read, from_browser)
        await self._reader(client_read, from_client)

    async def _writer(self, descriptor: int) -> asyncio.WriteTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(descriptor, "wb", 0))
        self._keep(transport)
        return transport

    async def _reader(self, descriptor: int, protocol: _Messages) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb", 0))
        self._keep(transport)

    def _keep(self, transport: asyncio.BaseTransport) -> None:
        self._transports.append(transport)
        if self._closed:
            # A browser that ended at once: an end that stays open would have Playwright wait for ever.
            transport.close()

    def _from_client(self, raw: bytes) -> bool:
        # Playwright writes {"id":7,"method":"Page.navigate",...}: the name stands within the first bytes.
        head = raw[:120].partition(b'"method":"')[2]
        listener = self.on_client.get(head[: head.find(b'"')])
        if listener is not None:
            listener(raw)
        return False

    def _from_browser(self, raw: bytes) -> bool:
        if raw.startswith(b'{"method":"'):
            # A session's id ends its messages: ...,"sessionId":"0123456789ABCDEF0123456789ABCDEF"}
            if self.on_session and (reader := self.on_session.get(raw[-34:-2])) is not None:
                reader(raw)
                return True
            listener = self.on_browser.get(raw[11 : raw.index(b'"', 11)])
            return listener is not None and listener(raw)
        if raw.startswith(b'{"id":'):
            # Playwright's own Browser.close has a negative id.
            number = int(raw[6 : min(end for end in (raw.find(b",", 6), raw.find(b"}", 6)) if end > 0)])
            if number >= _OWN_IDS:
                _, future = self._waiting.pop(number, (None, None))
                if future is not None and not future.done():
                    future.set_result(json.loads(raw))
                return True
            if (answered := self.on_client_answer.pop(number, None)) is not None:
                answered(json.loads(raw))
        return False

    def post(self, method: str, params: Mapping[str, Any], session: str | None = None) -> int:
        """Send a command whose answer nobody awaits; commands of one session keep their order. Gives its id."""
        self._next_id += 1
        message: Message = {"id": self._next_id, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        if self._to_browser is not None and not self._to_browser.is_closing():
            self._to_browser.write(json.dumps(message, separators=(",", ":")).encode() + b"\0")
        return self._next_id

    async def call(
        self,
        method: str,
        params: Mapping[str, Any],
        session: str | None = None,
        *,
        seconds: float | None = _ANSWER_SECONDS,
    ) -> Message:
        """Send a command and wait for its answer: the ``result``, or ``{"error": ...}`` where it failed.

        A target that is busy does not answer: after ``seconds`` that is an ``error`` too, and where it goes away one at
        once; None waits for ever.
        """
        if self._closed:
            return _NO_BROWSER
        number = self.post(method, params, session)
        self._hurry()
        future = asyncio.get_running_loop().create_future()
        # Who waits for ever hears from others that a target went away.
        self._waiting[number] = (None if seconds is None else session), future
        try:
            answer = await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return {"error": {"message": f"{method} was not answered in {seconds} s"}}
        finally:
            self._waiting.pop(number, None)
        result: Message = answer.get("result", {"error": answer.get("error")})
        return result

    def session_ended(self, session: str) -> None:
        """What ``session`` was asked has no answer any more."""
        for asked, future in self._waiting.values():
            if asked == session and not future.done():
                future.set_result(_NO_SESSION)

    async def caught_up(self, session: str | None = None) -> None:
        """Wait until every message has passed that the browser had for us when this was called.

        With ``session``, until also that has passed which the page behind it had sent by then: its requests go to the
        network past the browser's own process, which may be slower to hand on what the page told before them.
        """
        if session is None:
            # The browser writes all its messages in the order of one thread, that which answers this.
            await self.call("Browser.getVersion", {})
        else:
            # A page answers behind all that it has told before; this it answers in the midst of a script, too.
            await self.call("Performance.getMetrics", {}, session)

    def close(self) -> None:
        """Stop relaying; both ends see their pipe closed, and nobody waits for an answer any more."""
        self._closed = True
        for transport in self._transports:
            transport.close()
        if self._listener is not None:
            self._listener.close()
        for _, future in self._waiting.values():
            if not future.done():
                future.set_result(_NO_BROWSER)


class _Messages(asyncio.Protocol):
    """Cuts one direction of the pipe into NUL-terminated messages and forwards what the agent does not swallow."""

    def __init__(
        self, receive: Callable[[bytes], bool], onward: asyncio.WriteTransport, ended: Callable[[], None]
    ) -> None:
        self._receive, self._onward, self._ended = receive, onward, ended
        self._partial: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        head, nul, tail = data.rpartition(b"\0")
        if not nul:
            self._partial.append(data)
            return
        messages = b"".join((*self._partial, head)).split(b"\0")
        self._partial = [tail] if tail else []
        self._forward(messages)

    def _forward(self, messages: list[bytes]) -> None:
        # One by one: a listener may post a command that belongs before the message it listens to, and behind those
        # before it.
        for message in messages:
            if not self._swallows(message):
                self._onward.write(message + b"\0")

    def _swallows(self, message: bytes) -> bool:
        try:
            return self._receive(message)
        except Exception:  # noqa: BLE001 - the pipe is the browser's life: one odd message must not end it
            _log.exception("a DevTools message was not understood: %.200r", message)
            return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        # Playwright waits until every end of its pipe is closed before it takes Chromium for gone.
        self._ended()


class _BrowserMessages(_Messages):
    """The browser's direction, in which a page load sends hundreds of messages that nobody waits for.

    What one read gave goes on in one write. Once many messages in a row told of the network alone, a rest follows each
    such read, so that they wake neither this process nor Playwright's one by one. There is no rest while an answer is
    ``awaited``, and :meth:`hurry` ends it.
    """

    def __init__(
        self,
        receive: Callable[[bytes], bool],
        onward: asyncio.WriteTransport,
        ended: Callable[[], None],
        awaited: Collection[int],
    ) -> None:
        super().__init__(receive, onward, ended)
        self._awaited = awaited
        self._in_a_row = 0
        self._resting: asyncio.TimerHandle | None = None
        self._transport: asyncio.ReadTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.ReadTransport", transport)

    def _forward(self, messages: list[bytes]) -> None:
        if forwarded := [message for message in messages if not self._swallows(message)]:
            self._onward.write(b"\0".join((*forwarded, b"")))
        if not all(message.startswith(_UNHURRIED) for message in messages):
            self._in_a_row = 0
            return
        self._in_a_row += len(messages)
        if self._in_a_row >= _BURST and not self._partial and not self._awaited:
            self._transport.pause_reading()
            self._resting = asyncio.get_running_loop().call_later(_REST_SECONDS, self.hurry)

    def hurry(self) -> None:
        """Read on at once."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
            self._transport.resume_reading()
