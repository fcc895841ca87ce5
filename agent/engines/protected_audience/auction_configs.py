"""What ``runAdAuction`` is given, checked after WebIDL's conversion (section 1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from agent.engines.protected_audience.checks import Refused, coordinator, has_credentials, https_origin, resolved
from agent.model.errors import PageException
from agent.model.protected_audience import AuctionConfig

RUN: Final = "runAdAuction"
_EVERY_BUYER: Final = "*"
_HTTPS: Final = "must be a valid https origin."
_BAD_PROMISE: Final = "Promise argument rejected or resolved to invalid value."


def checked_auction(options: Mapping[str, Any], coordinators: Collection[str]) -> AuctionConfig | PageException:
    """The auction of a ``runAdAuction`` call, as the page's script tells it; or what the page sees rejected."""
    config = options["config"]
    try:
        return _Checks(config, options["baseURL"]).auction(coordinators)
    except Refused as refused:
        return refused.exception(RUN)


class _Checks:
    """The checks of one auction in their order; raises :class:`Refused`."""

    def __init__(self, config: Mapping[str, Any], base_url: str) -> None:
        self._config, self._base_url = config, base_url
        self._seller = config["seller"]
        origin = https_origin(self._seller)
        if origin is None:
            raise Refused(f"seller '{self._seller}' for AuctionAdConfig {_HTTPS}")
        self._origin = origin

    def auction(self, coordinators: Collection[str]) -> AuctionConfig:
        config = self._config
        decision_logic_url = self._seller_url("decisionLogicURL")
        if decision_logic_url is None:
            raise Refused("Missing required field decisionLogicURL")
        return AuctionConfig(
            seller=self._origin,
            decision_logic_url=decision_logic_url,
            trusted_scoring_signals_url=self._seller_url("trustedScoringSignalsURL"),
            buyers=tuple(self._buyer("interestGroupBuyers", one) for one in config["interestGroupBuyers"] or ()),
            auction_signals=config["auctionSignals"],
            seller_signals=config["sellerSignals"],
            per_buyer_signals=self._promised_by_buyer("perBuyerSignals"),
            seller_timeout=config["sellerTimeout"],
            reporting_timeout=config["reportingTimeout"],
            per_buyer_timeouts=self._promised_by_buyer("perBuyerTimeouts"),
            per_buyer_group_limits=self._by_buyer("perBuyerGroupLimits"),
            coordinator=coordinator(config["privateAggregationConfig"], coordinators),
        )

    def _refused(self, what: str, value: str, rule: str) -> Refused:
        return Refused(f"{what} '{value}' for AuctionAdConfig with seller '{self._seller}' {rule}")

    def _seller_url(self, member: str) -> str | None:
        text = self._config[member]
        if text is None:
            return None
        url = resolved(text, self._base_url)
        if url is None:
            raise self._refused(member, text, "cannot be resolved to a valid URL.")
        if str(url.origin) != self._origin or has_credentials(url):
            raise self._refused(member, text, "must match seller origin.")
        return str(url.href)

    def _buyer(self, member: str, text: str) -> str:
        origin = https_origin(text)
        if origin is None:
            raise self._refused(f"{member} buyer", text, _HTTPS)
        return origin

    def _promised_by_buyer(self, member: str) -> dict[str, Any]:
        try:
            return self._by_buyer(member)
        except Refused:
            raise Refused(_BAD_PROMISE, of_promise=True) from None

    def _by_buyer(self, member: str) -> dict[str, Any]:
        given: Mapping[str, Any] = self._config[member] or {}
        return {one if one == _EVERY_BUYER else self._buyer(member, one): value for one, value in given.items()}
