"""Sites, responses and a store for the tests of Attribution Reporting's verbs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent.model.attribution_reporting.eligibility import (
    INFO,
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.events import Check, Event
from agent.model.reports import Report, ReportKind
from agent.verbs import attribution_reporting as verbs
from agent.verbs.attribution import Outcome
from agent.verbs.attribution_reporting import RegistrationRules
from storage import events, reports
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import ADTECH, NEWS, NOON, SHOP, FedChance

OTHER = "https://other.test"
RIVAL = "https://rival.test"
WWW = "https://www.adtech.test"
"""Another origin of the ad tech's site."""
SUCCESS = "source-success"
WELL_KNOWN = f"{ADTECH}/.well-known/attribution-reporting/"
HISTOGRAM: dict[str, Any] = {
    "aggregatable_trigger_data": [{"key_piece": "0x400", "source_keys": ["a"]}],
    "aggregatable_values": {"a": 100},
}
"""The fields of a trigger that contributes 100 to the key ``a``."""
DEBUG_TYPES = [{"types": ["unspecified"], "key_piece": "0x2", "value": 10}]


@dataclass
class ReportingWorld:
    """One profile's store, its chance and its clock."""

    database: Database
    limits: AttributionReportingLimits = field(default_factory=AttributionReportingLimits)
    chance: FedChance = field(default_factory=FedChance)
    now: int = NOON
    rules: RegistrationRules | None = None

    def limit(self, **changes: Any) -> None:
        """Set limits to other values."""
        self.limits = replace(self.limits, **changes)

    def respond(
        self,
        fields: Mapping[str, bytes],
        *,
        on: str = NEWS,
        by: str = ADTECH,
        eligibility: Eligibility = Eligibility.NAVIGATION_SOURCE,
        **response: Any,
    ) -> Outcome:
        """A response of ``by`` to a request of a page of ``on``."""
        arrived = RegistrationResponse(
            on, f"{by}/register", eligibility, fields, **{"debug_permission": True} | response
        )
        rules = self.rules or RegistrationRules(self.limits, self.chance)
        return self.database.transact("register", lambda c: verbs.register(c, arrived, rules, now=self.now))

    def source(self, response: Mapping[str, Any] | None = None, **header: Any) -> str:
        """Register a source for the shop where nothing else is said; gives the verdict."""
        value = json.dumps({"destination": SHOP, **header}).encode()
        return self.respond({REGISTER_SOURCE: value}, **(response or {})).verdict

    def trigger(self, response: Mapping[str, Any] | None = None, **header: Any) -> str:
        """Register a trigger on the shop, an event-level one where nothing else is said; gives the verdict."""
        value = json.dumps(header or {"event_trigger_data": [{}]}).encode()
        asked = {"on": SHOP, "eligibility": Eligibility.UNSET} | dict(response or {})
        return self.respond({REGISTER_TRIGGER: value, INFO: b"report-header-errors"}, **asked).verdict

    def reports(self, kind: ReportKind | None = None) -> list[Report]:
        """The reports so far, of ``kind`` where it is given."""
        every = reports.read(self.database.connection, limit=100_000)
        return [report for report in every if kind is None or report.kind is kind]

    def event(self) -> Event:
        """The latest event."""
        event = events.last(self.database.connection)
        assert event is not None
        return event

    def stopped_at(self) -> Check:
        """The check at which the latest decision stopped."""
        check = self.event().trace.stopped_at
        assert check is not None
        return check

    def scalar(self, sql: str) -> Any:
        """One value of the store."""
        return self.database.connection.execute(sql).fetchone()[0]
