"""Responses that register nothing, each for a reason of its own: nobody but the owner is told why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.model.attribution_reporting.eligibility import (
    INFO,
    REGISTER_OS_SOURCE,
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
)
from agent.model.events import Event
from agent.verbs.attribution_reporting import RegistrationRules
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import NOON, SHOP
from tests.house.verdicts.scene import Scene
from tests.verbs.reporting_world import ReportingWorld

SOURCE = b'{"destination": "https://shop.test"}'
SCOPED = b'{"destination": "https://shop.test", "attribution_scopes": {"limit": 1, "values": ["%s"]}}'


def response(
    fields: dict[str, bytes] | None = None,
    *,
    before: dict[str, bytes] | None = None,
    rules: dict[str, Any] | None = None,
    **of: Any,
) -> Callable[[Path], Event]:
    """What a response comes to, a source's where nothing else is said, behind the response ``before``."""

    def made(_: Path) -> Event:
        with Database.open(":memory:", now=NOON) as database:
            world = ReportingWorld(database)
            world.rules = RegistrationRules(world.limits, world.chance, **(rules or {}))
            if before is not None:
                world.respond(before, **of)
            world.respond({REGISTER_SOURCE: SOURCE} if fields is None else fields, **of)
            return world.event()

    return made


REFUSALS = {
    "no JSON": Scene(response({REGISTER_SOURCE: b"{"}), REGISTER_SOURCE, ("is not JSON",), "header-parsing-error"),
    "no destination": Scene(
        response({REGISTER_SOURCE: b"{}"}), f"{REGISTER_SOURCE} destination", ("is missing",), "header-parsing-error"
    ),
    "Info field": Scene(
        response({REGISTER_SOURCE: SOURCE, INFO: b"report-header-errors=1"}),
        f"{INFO} report-header-errors",
        ("is no boolean",),
        "header-parsing-error",
    ),
    "switched off": Scene(response(rules={"enabled": False}), "enabled", ("switched off",)),
    "page is no secure context": Scene(
        response(on="http://news.test"), "suitable context origin", ("http://news.test is not trustworthy",)
    ),
    "response is not by https": Scene(
        response(by="http://adtech.test"), "suitable reporting origin", ("http://adtech.test is not trustworthy",)
    ),
    "not enrolled": Scene(
        response(rules={"enrolled_sites": frozenset()}), "enrolled", ("https://adtech.test is not among",)
    ),
    "two kinds of fields": Scene(
        response({REGISTER_SOURCE: SOURCE, REGISTER_TRIGGER: b"{}"}, eligibility=Eligibility.EVENT_SOURCE_OR_TRIGGER),
        "one kind of field",
        ("a source and a trigger",),
    ),
    "not eligible": Scene(
        response(eligibility=Eligibility.TRIGGER), "eligibility", ("the request was eligible for trigger",)
    ),
    "plain request": Scene(
        response(eligibility=Eligibility.UNSET), "eligibility", ("a plain request is eligible for a trigger alone",)
    ),
    "no OS": Scene(response({REGISTER_OS_SOURCE: b'"https://os.test"'}), "platform", ("no OS to register with",)),
    "other scopes in one navigation": Scene(
        response({REGISTER_SOURCE: SCOPED % b"b"}, before={REGISTER_SOURCE: SCOPED % b"a"}, navigation="1"),
        "scopes of the navigation",
        ("https://adtech.test registered with other attribution_scopes before",),
    ),
    "empty trigger": Scene(
        response({REGISTER_TRIGGER: b"{}"}, on=SHOP, eligibility=Eligibility.TRIGGER),
        "registers anything",
        ("no data",),
        "nothing-registered",
    ),
}
"""By what is wrong."""
