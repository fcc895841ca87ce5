"""The random choices of the engine, drawn from an Rng."""

from __future__ import annotations

from agent.engines.attribution_reporting.randomized_response import reports_of_state, states_of
from agent.model.attribution_reporting.facts import FakeReport
from agent.model.attribution_reporting.registrations import SourceRegistration
from agent.model.rng import Draw, Rng


class RngChance:
    """See :class:`agent.model.attribution_reporting.facts.Chance`; every choice has its own named draw."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng

    def randomized_response(self, registration: SourceRegistration, rate: float) -> tuple[FakeReport, ...] | None:
        """None for the truth, with probability 1 - ``rate``; else a state drawn uniformly."""
        if self._rng.fraction(Draw.RANDOMIZED_RESPONSE) >= rate:
            return None
        index = self._rng.below(Draw.RANDOMIZED_RESPONSE, states_of(registration))
        return reports_of_state(registration, index)

    def null_report(self, rate: float, day: int) -> bool:
        """Whether there is a null report, with probability ``rate`` whichever the day."""
        del day
        return self._rng.fraction(Draw.NULL_REPORT) < rate

    def aggregatable_delay(self, minimum: int, span: int) -> int:
        """Milliseconds, uniform in [minimum, minimum + span); ``minimum`` where the span is 0."""
        return minimum + (self._rng.below(Draw.AGGREGATABLE_DELAY, span) if span else 0)

    def report_id(self) -> str:
        """A lower-case UUID of version 4."""
        digits = self._rng.bytes(Draw.REPORT_ID, 16).hex()
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
