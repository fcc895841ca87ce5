"""Answers leave on a slot of time: what a call cost must not show in how long it took."""

from __future__ import annotations

import asyncio

import pytest

from agent.runtime import attribution_pages


@pytest.mark.parametrize("worked", [0.0, 0.4, 0.95, 1.3, 2.7], ids="{} slots of work".format)
async def test_an_answer_never_leaves_before_the_slot_that_its_work_ended_in_is_over(worked: float) -> None:
    time = asyncio.get_running_loop().time
    began = time() - worked * attribution_pages._SLOT
    await attribution_pages._next_slot(began)
    passed = (time() - began) / attribution_pages._SLOT
    assert passed >= int(worked) + 1
