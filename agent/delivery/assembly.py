"""The body of a report, made just before it is sent (payload section 1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.crypto.public_keys import CoordinatorKey
from agent.delivery.public_keys import NoKeys, PublicKeys
from agent.delivery.sender import NOT_MAPPED, Attempt, Outcome
from agent.engines.attribution_reporting.report_bodies import (
    aggregatable_json,
    event_level_json,
    in_debug_mode,
    shared_info,
    verbose_json,
)
from agent.engines.private_aggregation import report_bodies as private_aggregation
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.reports import AggregatableContent, EventLevelContent, VerboseContent
from agent.model.private_aggregation import PrivateAggregationContent
from agent.model.reports import Report
from agent.model.rng import Draw, Rng

_DEBUG_ID_BYTES = 1


@dataclass(frozen=True, slots=True)
class Assembler:
    """Makes bodies; those with a payload are sealed to a key of their coordinator, drawn anew for each."""

    keys: PublicKeys
    limits: AttributionReportingLimits
    rng: Rng

    async def assemble(self, report: Report) -> bytes | Attempt:
        """The body of ``report``, or the failed attempt that it comes to without its coordinator's keys."""
        match report.content:
            case EventLevelContent() as content:
                return event_level_json(content)
            case VerboseContent() as content:
                return verbose_json(content)
            case AggregatableContent() | PrivateAggregationContent() as content:
                return await self._sealed(content)
            case _:
                return report.body

    async def _sealed(self, content: AggregatableContent | PrivateAggregationContent) -> bytes | Attempt:
        keys = await self.keys.of(content.coordinator)
        if isinstance(keys, NoKeys):
            return _failed(keys)
        key = keys[self.rng.below(Draw.KEY_CHOICE, len(keys))]
        try:
            if isinstance(content, PrivateAggregationContent):
                return sealed_private_aggregation_body(content, key, self.rng)
            return sealed_body(content, key, self.limits, self.rng)
        except ValueError as error:
            return _not_assembled(f"key {key.id!r} of {content.coordinator}: {error}")


def sealed_body(
    content: AggregatableContent, key: CoordinatorKey, limits: AttributionReportingLimits, rng: Rng
) -> bytes:
    """The body of an aggregatable report whose payload is sealed to ``key``. Raises ValueError for a key that is none.

    Payload sections 2 to 6.
    """
    info = shared_info(content)
    if content.aggregatable_debug:
        id_bytes, length = _DEBUG_ID_BYTES, limits.max_contributions_per_debug_report
    else:
        id_bytes, length = content.filtering_id_max_bytes, limits.max_contributions_per_report
    plaintext = encode_payload(content.contributions, id_bytes=id_bytes, length=length)
    return aggregatable_json(
        content,
        info,
        payload=seal_payload(plaintext, info, key.public_key, rng),
        key_id=key.id,
        cleartext=plaintext if in_debug_mode(content) else None,
    )


def sealed_private_aggregation_body(content: PrivateAggregationContent, key: CoordinatorKey, rng: Rng) -> bytes:
    """The body of a report of Private Aggregation, sealed to ``key``. Raises ValueError for a key that is none.

    private-aggregation section 5.
    """
    info = private_aggregation.shared_info(content)
    plaintext = encode_payload(
        content.contributions, id_bytes=content.filtering_id_max_bytes, length=content.max_contributions
    )
    return private_aggregation.report_json(
        content,
        info,
        payload=seal_payload(plaintext, info, key.public_key, rng),
        key_id=key.id,
        cleartext=plaintext,
    )


def _failed(keys: NoKeys) -> Attempt:
    if keys.not_mapped is not None:
        return Attempt(Outcome.NOT_MAPPED, f"{NOT_MAPPED} ({keys.not_mapped})", waits_for=keys.not_mapped)
    return replace(_not_assembled(keys.detail), chaos=keys.chaos)


def _not_assembled(detail: str) -> Attempt:
    return Attempt(Outcome.FAILED, f"not assembled: {detail}", transient=True, rule="a key of the coordinator")
