"""What an attempt keeps of its requests."""

from __future__ import annotations

import asyncio

import pytest

from agent.delivery.hops import Hops
from agent.model.interfaces import Answer, NetworkError, NoAnswer

URL = "https://collector.test/"


async def gives(answer: Answer | NoAnswer) -> Answer | NoAnswer:
    return answer


async def test_an_answer_is_given_on_and_kept() -> None:
    hops, answer = Hops(), Answer(200, headers=(("Server", "a"),))
    assert await hops.told("POST", URL, [("Accept", "*/*")], gives(answer)) is answer
    (record,) = hops.records
    assert (record["method"], record["url"], record["status"]) == ("POST", URL, 200)
    assert (record["request"], record["response"]) == ([["Accept", "*/*"]], [["Server", "a"]])


async def test_a_request_without_an_answer_says_why() -> None:
    hops = Hops()
    await hops.told("POST", URL, [], gives(NoAnswer(True, "connection reset", NetworkError.CONNECTION_RESET)))
    assert [(record["status"], record["error"]) for record in hops.records] == [(0, "connection reset")]


async def test_what_never_left_is_not_kept() -> None:
    hops = Hops()
    await hops.told("POST", URL, [], gives(NoAnswer(False, "not mapped")))
    assert hops.records == []


async def test_one_that_is_cut_off_is_kept_too() -> None:
    hops = Hops()

    async def never() -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await hops.told("POST", URL, [], never())
    assert [record["error"] for record in hops.records] == ["no response in time"]
