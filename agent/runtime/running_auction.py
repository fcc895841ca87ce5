"""One auction: bids, scores, the winner, and what its reporting functions say (protected-audience section 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace

from agent.engines.private_aggregation.contributions import merge
from agent.engines.protected_audience import arguments
from agent.engines.protected_audience.arguments import Scene, Signals
from agent.engines.protected_audience.auction import (
    AuctionResult,
    Bid,
    RejectReason,
    Score,
    ScoredBid,
    bid_of,
    bidding_timeout,
    result_of,
    score_of,
    timeout_of,
)
from agent.engines.protected_audience.explanation import Bidding
from agent.engines.protected_audience.signals import Contributed
from agent.model.protected_audience import AuctionConfig, AuctionFunction, FunctionResult, InterestGroup, JoinedGroup
from agent.model.rng import Draw, Rng
from agent.model.worklets import WorkletScript
from agent.runtime.auction_scripts import AuctionScripts

_KEPT_CALLS = 1000
"""Contributions of one function that are kept; a report has fewer."""


@dataclass(slots=True)
class _Bidder:
    """One group in the auction."""

    group: JoinedGroup
    bidding: FunctionResult | None = None
    bid: Bid | RejectReason | None = None
    bidding_signals: Signals = field(default_factory=Signals)
    scoring: FunctionResult | None = None
    score: Score | None = None
    scoring_signals: Signals = field(default_factory=Signals)
    problem: str = ""


class RunningAuction:
    """An auction from its bidders to its reports; :meth:`run` it, then :meth:`report` where there is a winner."""

    def __init__(
        self, scene: Scene, groups: Sequence[JoinedGroup], scripts: AuctionScripts, rng: Rng, started: int
    ) -> None:
        self.started = started
        """Milliseconds since 1970."""
        self.result = AuctionResult()
        self._scene, self._scripts, self._rng = scene, scripts, rng
        self._bidders = [_Bidder(group) for group in groups]
        self._reported: list[Contributed] = []

    @property
    def config(self) -> AuctionConfig:
        """What the auction was given."""
        return self._scene.config

    @property
    def groups_that_bid(self) -> list[JoinedGroup]:
        """Those whose bids stood."""
        return [one.group for one in self._bidders if isinstance(one.bid, Bid)]

    @property
    def biddings(self) -> list[Bidding]:
        """What became of each group."""
        return [Bidding(one.group, one.bid, one.score, one.problem) for one in self._bidders]

    # The auction.

    async def run(self) -> None:
        """Run it to its :attr:`result`."""
        if not self._bidders:
            return
        decision = self._scripts.script(self.config.decision_logic_url)  # under way from now on
        await asyncio.gather(*map(self._bid_and_score, self._bidders))
        await decision
        scored = [ScoredBid(one.bid, one.score) for one in self._bidders if isinstance(one.bid, Bid) and one.score]
        self.result = result_of(scored, self._rng)

    async def _bid_and_score(self, one: _Bidder) -> None:
        await self._generate_bid(one)
        if isinstance(one.bid, Bid):
            await self._score(one, one.bid)

    async def _generate_bid(self, one: _Bidder) -> None:
        group, limits = one.group.group, self._scene.limits
        assert group.bidding_logic_url is not None
        script, one.bidding_signals = await asyncio.gather(
            self._scripts.script(group.bidding_logic_url),
            self._scripts.bidding_signals(one.group, [bidder.group for bidder in self._bidders]),
        )
        if script is None:
            one.problem = "its script cannot be used"
            return
        timeout = bidding_timeout(self.config, group.owner, limits.bidding_timeout, limits.max_bidding_timeout)
        given = arguments.generate_bid(self._scene, one.group, one.bidding_signals, now=self.started)
        one.bidding = result = await self._scripts.call(script, AuctionFunction.GENERATE_BID, given, timeout)
        one.bid, one.problem = bid_of(one.group, result.value), result.failure or ""

    async def _score(self, one: _Bidder, bid: Bid) -> None:
        config, limits = self.config, self._scene.limits
        script, one.scoring_signals = await asyncio.gather(
            self._scripts.script(config.decision_logic_url),
            self._scripts.scoring_signals(config.trusted_scoring_signals_url, bid.render_url),
        )
        if script is None:
            one.problem = "the seller's script cannot be used"
            return
        timeout = timeout_of(config.seller_timeout, limits.scoring_timeout, limits.max_scoring_timeout)
        assert one.bidding is not None
        given = arguments.score_ad(self._scene, bid, one.scoring_signals, duration=one.bidding.duration)
        one.scoring = result = await self._scripts.call(script, AuctionFunction.SCORE_AD, given, timeout)
        one.score, one.problem = score_of(result.value), result.failure or ""

    # Its reports.

    async def report(self) -> list[str]:
        """Call the reporting functions for the winner; gives the URLs that they send reports to."""
        assert self.result.winner is not None
        winner = next(one for one in self._bidders if one.bid is self.result.winner.bid)
        decision = await self._scripts.script(self.config.decision_logic_url)
        urls, seller_signals = [], None
        if decision is not None:
            given = arguments.report_result(self._scene, self.result, winner.scoring_signals)
            result = await self._report(decision, AuctionFunction.REPORT_RESULT, given)
            seller_signals = result.value
            self._reported.append(self._of_seller(result))
            urls.append(result.report_url)
        group = winner.group.group
        assert group.bidding_logic_url is not None
        bidding = await self._scripts.script_again(group.bidding_logic_url)
        if bidding is not None:
            given = arguments.report_win(
                self._scene, self.result, winner.bidding_signals, seller_signals, now=self.started
            )
            result = await self._report(bidding, AuctionFunction.REPORT_WIN, given)
            self._reported.append(self._of_buyer(group, result))
            urls.append(result.report_url)
        return [url for url in urls if url is not None]

    def _report(self, script: WorkletScript, function: AuctionFunction, given: str) -> Awaitable[FunctionResult]:
        return self._scripts.call(script, function, given, self._scene.reporting_timeout)

    def contributed(self) -> list[Contributed]:
        """What every function has contributed; to be asked once, when all have run."""
        bids, scores = [], []
        for one in self._bidders:
            won = self.result.winner is not None and one.bid is self.result.winner.bid
            reason = (one.score or Score()).reason
            if one.bidding is not None:
                of_bid = one.bid if isinstance(one.bid, RejectReason) else reason
                fetch_time = one.bidding_signals.fetch_time
                said = self._of_buyer(one.group.group, one.bidding)
                bids.append(replace(said, won=won, reason=of_bid, fetch_time=fetch_time))
            if one.scoring is not None:
                fetch_time = one.scoring_signals.fetch_time
                scores.append(replace(self._of_seller(one.scoring), won=won, reason=reason, fetch_time=fetch_time))
        for calls in (bids, scores):
            if calls:
                chosen = self._rng.below(Draw.AUCTION_ORDER, len(calls))
                calls[chosen] = replace(calls[chosen], once=True)
        return [*bids, *scores, *(replace(said, won=True) for said in self._reported)]

    def _of_buyer(self, group: InterestGroup, result: FunctionResult) -> Contributed:
        return _contributed(group.owner, group.coordinator, result)

    def _of_seller(self, result: FunctionResult) -> Contributed:
        return _contributed(self.config.seller, self.config.coordinator, result)


def _contributed(origin: str, coordinator: str | None, result: FunctionResult) -> Contributed:
    contributions = result.contributions
    if len(contributions) > _KEPT_CALLS:
        contributions = merge(contributions, _KEPT_CALLS).contributions
    said = contributions, result.on_event[:_KEPT_CALLS], result.debug
    return Contributed(origin, coordinator, *said, run_time=result.duration)
