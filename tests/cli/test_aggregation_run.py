"""Where a job has its memory from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.cli import aggregation_run
from agent.cli.aggregation_run import open_home
from agent.cli.config import Config


async def test_jobs_that_begin_at_the_same_time_on_a_profile_that_is_new_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregation_run, "_is_new", lambda _profile: True)  # all looked before the first had made it
    config = Config(profile=str(tmp_path / "profile"))

    async def is_kept() -> bool:
        async with open_home(config, keys_file=None, clear_text=True) as home:
            return home.kept

    assert await asyncio.gather(*(is_kept() for _ in range(4))) == [True] * 4
