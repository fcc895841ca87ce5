"""Attribution Reporting in a running agent: registrations come in, reports wait for their time."""

from __future__ import annotations

from dataclasses import replace

from agent.engines.attribution_reporting.chance import RngChance
from agent.model.attribution_reporting.eligibility import RegistrationResponse
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import Clock
from agent.model.rng import Rng
from agent.model.settings import Settings
from agent.verbs import attribution_reporting as verbs
from agent.verbs.attribution import Outcome
from agent.verbs.attribution_reporting import RegistrationRules
from storage.database import AsyncDatabase


class AttributionReporting:
    """The verbs of one profile."""

    def __init__(
        self,
        database: AsyncDatabase,
        settings: Settings,
        clock: Clock,
        rng: Rng,
        *,
        enabled: bool,
    ) -> None:
        self._database, self._clock = database, clock
        self._rules = RegistrationRules(
            settings.attribution_reporting_limits,
            RngChance(rng),
            enabled=enabled and settings.attribution_reporting,
            enrolled_sites=settings.enrolled_sites,
        )

    def use(self, limits: AttributionReportingLimits) -> None:
        """Register under other numbers from now on."""
        self._rules = replace(self._rules, limits=limits)

    async def register(self, response: RegistrationResponse) -> Outcome:
        """Register what a response asks for, in one transaction."""
        now = self._clock.now() if response.arrived_at is None else response.arrived_at
        return await self._database.transact("register", lambda c: verbs.register(c, response, self._rules, now=now))
