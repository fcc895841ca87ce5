"""docs/events.toml names every kind of event and every member of their data, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.model.events import Event
from agent.model.explanation import ATTEMPTS, DECISIONS
from tests.conformance_data import REPOSITORY
from tests.house.reference.event_kinds import documented, kinds_in_code
from tests.house.test_explained_verdicts import GROUPS
from tests.house.verdicts.scene import Scene, happened

SCENES = [(verdict, scene) for group in GROUPS for verdict, scene in group.items()]
CODE = "\n".join(
    path.read_text("utf-8") for folder in ("agent", "storage") for path in sorted((REPOSITORY / folder).rglob("*.py"))
)


def test_every_kind_that_the_code_names_is_documented() -> None:
    named = kinds_in_code()
    assert len(named) > 15
    assert named | {str(kind) for kind in (*DECISIONS, *ATTEMPTS)} <= set(documented())


def test_every_documented_kind_exists() -> None:
    texts = set(re.findall(r'"([a-z.-]+)"', CODE))
    assert set(documented()) <= texts


def test_every_documented_member_is_one_that_the_code_writes() -> None:
    texts = set(re.findall(r'"(\w+)"', CODE))
    assert {member for members in documented().values() for member in members} <= texts


@pytest.mark.parametrize(("verdict", "scene"), SCENES, ids=[str(verdict) for verdict, _ in SCENES])
async def test_what_a_decision_leaves_is_documented(verdict: object, scene: Scene, tmp_path: Path) -> None:
    del verdict
    made = await happened(scene, tmp_path)
    if isinstance(made, Event):
        assert set(made.data) <= set(documented()[made.kind])
