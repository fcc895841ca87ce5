"""The relay between Playwright and Chromium, with two pipes of our own at its ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.browser import devtools_pipe
from agent.browser.devtools_pipe import DevToolsPipe, _BrowserMessages


@dataclass
class Ends:
    """What Playwright and Chromium would hold."""

    pipe: DevToolsPipe
    client_writes: int
    client_reads: int
    browser_writes: int
    browser_reads: int

    @staticmethod
    def send(descriptor: int, *messages: dict[str, Any] | bytes) -> None:
        texts = (m if isinstance(m, bytes) else json.dumps(m, separators=(",", ":")).encode() for m in messages)
        os.write(descriptor, b"".join(text + b"\0" for text in texts))

    @staticmethod
    async def receive(descriptor: int) -> list[dict[str, Any]]:
        """The messages that are there within a moment."""
        await asyncio.sleep(0.05)
        os.set_blocking(descriptor, False)
        try:
            data = os.read(descriptor, 1 << 20)
        except BlockingIOError:
            return []
        return [json.loads(text) for text in data.split(b"\0") if text]


def _hand_over(folder: Path) -> Ends:
    """What the launcher does: the pipe's own ends are given away, and wait to be taken."""
    pipe = DevToolsPipe()
    pipe.write_launcher(folder, "/bin/true", {})
    client_read, client_writes = os.pipe()
    client_reads, client_write = os.pipe()
    browser_reads, to_browser = os.pipe()
    from_browser, browser_writes = os.pipe()
    seat = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    seat.connect(str(folder / "seat"))
    socket.send_fds(seat, [b"x"], [client_read, client_write, to_browser, from_browser])
    seat.close()
    for given in (client_read, client_write, to_browser, from_browser):
        os.close(given)
    return Ends(pipe, client_writes, client_reads, browser_writes, browser_reads)


@pytest.fixture
async def ends(tmp_path: Path) -> AsyncIterator[Ends]:
    ends = _hand_over(tmp_path)
    await ends.pipe.connected()
    yield ends
    ends.pipe.close()
    for kept in (ends.client_writes, ends.client_reads, ends.browser_writes, ends.browser_reads):
        os.close(kept)


async def test_no_end_stays_open_where_the_browser_ended_while_its_pipe_was_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = _hand_over(tmp_path)
    os.close(ends.browser_writes)
    connect = asyncio.get_running_loop().connect_read_pipe

    async def slowly(*given: Any) -> Any:
        # The end of the first direction is noticed before the second one is connected.
        connected = await connect(*given)
        await asyncio.sleep(0.05)
        return connected

    monkeypatch.setattr(asyncio.get_running_loop(), "connect_read_pipe", slowly)
    await ends.pipe.connected()
    await asyncio.sleep(0.05)
    assert os.read(ends.client_reads, 1) == b""
    with pytest.raises(BrokenPipeError):
        os.write(ends.client_writes, b"x")
    for kept in (ends.client_writes, ends.client_reads, ends.browser_reads):
        os.close(kept)


async def test_messages_pass_in_both_directions_and_in_order(ends: Ends) -> None:
    commands = [{"id": number, "method": "Page.enable"} for number in range(1, 4)]
    ends.send(ends.client_writes, *commands)
    assert await ends.receive(ends.browser_reads) == commands
    answers = [{"id": number, "result": {}} for number in range(1, 4)]
    ends.send(ends.browser_writes, *answers)
    assert await ends.receive(ends.client_reads) == answers


async def test_a_message_may_come_in_pieces(ends: Ends) -> None:
    text = json.dumps({"id": 1, "method": "Page.navigate", "params": {"url": "x" * 1000}}).encode() + b"\0"
    for start in range(0, len(text), 100):
        os.write(ends.client_writes, text[start : start + 100])
        await asyncio.sleep(0)
    [received] = await ends.receive(ends.browser_reads)
    assert received["params"]["url"] == "x" * 1000


async def test_events_of_a_session_that_is_ours_alone_go_to_its_reader_and_not_to_the_client(ends: Ends) -> None:
    ours, others = "A" * 32, "B" * 32
    read: list[bytes] = []
    ends.pipe.on_session[ours.encode()] = read.append
    events = [{"method": "Runtime.bindingCalled", "params": {}, "sessionId": session} for session in (ours, others)]
    ends.send(ends.browser_writes, *events)
    assert await ends.receive(ends.client_reads) == [events[1]]
    assert [json.loads(raw) for raw in read] == [events[0]]


async def test_a_command_may_wait_longer_or_shorter_than_others(ends: Ends) -> None:
    assert "not answered in 0.01 s" in str(await ends.pipe.call("Runtime.evaluate", {}, seconds=0.01))
    asked = asyncio.ensure_future(ends.pipe.call("Runtime.evaluate", {}, seconds=None))  # noqa: TID251
    commands = await ends.receive(ends.browser_reads)
    ends.send(ends.browser_writes, {"id": commands[-1]["id"], "result": {"value": 1}})
    assert await asked == {"value": 1}


async def test_answers_to_our_commands_are_kept_from_the_client(ends: Ends) -> None:
    asked = asyncio.ensure_future(ends.pipe.call("DOM.getDocument", {}, "S"))  # noqa: TID251
    [command] = await ends.receive(ends.browser_reads)
    assert (command["method"], command["sessionId"]) == ("DOM.getDocument", "S")
    ends.send(ends.browser_writes, {"id": command["id"], "result": {"root": 1}}, {"id": 1, "result": {}})
    assert await ends.receive(ends.client_reads) == [{"id": 1, "result": {}}]
    assert await asked == {"root": 1}


async def test_what_a_listener_posts_goes_ahead_of_the_command_that_it_heard(ends: Ends) -> None:
    def arm(_raw: bytes) -> None:
        ends.pipe.post("Arm.now", {})

    ends.pipe.on_client[b"Runtime.run"] = arm
    ends.send(ends.client_writes, {"id": 5, "method": "Runtime.run"})
    assert [one["method"] for one in await ends.receive(ends.browser_reads)] == ["Arm.now", "Runtime.run"]


async def test_a_listener_can_swallow_an_event(ends: Ends) -> None:
    ends.pipe.on_browser[b"Secret.event"] = lambda raw: b"ours" in raw
    ends.send(
        ends.browser_writes, {"method": "Secret.event", "params": "ours"}, {"method": "Secret.event", "params": 1}
    )
    assert await ends.receive(ends.client_reads) == [{"method": "Secret.event", "params": 1}]


async def test_a_listener_that_fails_and_a_message_that_is_none_do_not_stop_the_relay(ends: Ends) -> None:
    def fail(_raw: bytes) -> bool:
        raise KeyError("params")

    def fail_too(_raw: bytes) -> None:
        raise ValueError("no JSON")

    ends.pipe.on_browser[b"Bad.event"] = fail
    ends.pipe.on_client[b"Bad.command"] = fail_too
    ends.send(ends.browser_writes, {"method": "Bad.event"}, b'{"id":', b"", {"method": "Good.event"})
    await asyncio.sleep(0.05)
    received = os.read(ends.client_reads, 1 << 16)
    assert received.split(b"\0")[:4] == [b'{"method":"Bad.event"}', b'{"id":', b"", b'{"method":"Good.event"}']
    ends.send(ends.client_writes, {"id": 1, "method": "Bad.command"}, {"id": 2, "method": "Good.command"})
    assert [one["id"] for one in await ends.receive(ends.browser_reads)] == [1, 2]


async def test_the_listener_for_an_answer_hears_it_once(ends: Ends) -> None:
    heard: list[Any] = []
    ends.pipe.on_client_answer[7] = heard.append
    ends.send(ends.browser_writes, {"id": 7, "result": {"a": 1}}, {"id": 7, "result": {"a": 2}})
    assert len(await ends.receive(ends.client_reads)) == 2
    assert heard == [{"id": 7, "result": {"a": 1}}]


async def test_a_command_that_nobody_answers_is_an_error_in_time(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devtools_pipe, "_ANSWER_SECONDS", 0.05)
    assert "was not answered" in (await ends.pipe.call("Page.enable", {}))["error"]["message"]


async def test_nobody_waits_for_a_session_that_has_ended(ends: Ends) -> None:
    async with asyncio.timeout(1), asyncio.TaskGroup() as asking:
        ended, other = (asking.create_task(ends.pipe.call("DOM.describeNode", {}, session)) for session in ("A", "B"))
        sent = await ends.receive(ends.browser_reads)
        ends.pipe.session_ended("A")
        assert await ended == {"error": {"message": "the session has ended"}}
        ends.send(ends.browser_writes, *({"id": message["id"], "result": {"node": 1}} for message in sent))
        assert await other == {"node": 1}


async def test_nobody_waits_for_a_browser_that_is_gone(ends: Ends) -> None:
    waiting = asyncio.ensure_future(ends.pipe.call("Page.enable", {}))  # noqa: TID251
    await asyncio.sleep(0)
    ends.pipe.close()
    gone = {"error": {"message": "the browser is gone"}}
    assert await waiting == gone
    assert await ends.pipe.call("Page.enable", {}) == gone


class Onward(asyncio.WriteTransport):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return False


class Source(asyncio.ReadTransport):
    """The browser's end of the pipe: whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


BURST = b'{"method":"Network.a"}\0' * devtools_pipe._BURST


def messages_of(source: Source, onward: Onward, awaited: Collection[int] = ()) -> _BrowserMessages:
    messages = _BrowserMessages(lambda raw: b"swallow" in raw, onward, lambda: None, awaited)
    messages.connection_made(source)
    return messages


async def test_what_one_read_gave_goes_on_in_one_write_and_in_order() -> None:
    onward = Onward()
    messages = messages_of(Source(), onward)
    messages.data_received(b'{"method":"Network.a"}\0{"method":"swallow"}\0{"method":"Page.b"}\0{"meth')
    messages.data_received(b'od":"Network.c"}\0')
    assert onward.writes == [b'{"method":"Network.a"}\0{"method":"Page.b"}\0', b'{"method":"Network.c"}\0']


async def test_reading_rests_a_moment_after_many_messages_about_the_network() -> None:
    source, onward = Source(), Onward()
    messages_of(source, onward).data_received(BURST)
    assert (source.reading, onward.writes) == (False, [BURST])
    async with asyncio.timeout(5):
        while not source.reading:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("last", [b'{"method":"Page.b"}\0', b'{"id":1}\0', b'{"method":"Network.unfinis'])
async def test_reading_does_not_rest_when_something_else_came_or_is_still_coming(last: bytes) -> None:
    source = Source()
    messages_of(source, Onward()).data_received(BURST + last)
    assert source.reading


async def test_few_messages_about_the_network_bring_no_rest() -> None:
    source = Source()
    messages = messages_of(source, Onward())
    for _ in range(devtools_pipe._BURST):
        messages.data_received(b'{"method":"Network.a"}\0')
        assert source.reading
        messages.data_received(b'{"method":"Page.b"}\0')
    assert source.reading


async def test_reading_does_not_rest_while_an_answer_is_awaited() -> None:
    source = Source()
    messages_of(source, Onward(), awaited=[1 << 30]).data_received(BURST)
    assert source.reading


async def test_a_command_of_ours_ends_the_rest(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devtools_pipe, "_REST_SECONDS", 60)
    os.write(ends.browser_writes, BURST)
    assert len(await ends.receive(ends.client_reads)) == devtools_pipe._BURST
    ends.send(ends.browser_writes, {"id": 1, "result": {}})
    assert await ends.receive(ends.client_reads) == []
    asked = asyncio.ensure_future(ends.pipe.call("Browser.getVersion", {}))  # noqa: TID251
    assert await ends.receive(ends.client_reads) == [{"id": 1, "result": {}}]
    ends.pipe.close()
    await asked
