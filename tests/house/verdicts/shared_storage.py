"""What becomes of writes to Shared Storage, of a choice of URLs, and of auctions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.engines.protected_audience.auction import AuctionResult, Bid, RejectReason, Score
from agent.engines.protected_audience.explanation import Bidding, auction_event
from agent.engines.shared_storage.explanation import selection_event
from agent.engines.shared_storage.select_url import Budgets, choose
from agent.model.events import Event
from agent.model.shared_storage import StorageVerdict
from agent.verbs.protected_audience import leave
from agent.verbs.shared_storage import StorageOutcome
from storage.database import Database
from tests.engines.protected_audience.groups import AD, BUYER, CONFIG, NOON, group
from tests.house.verdicts.scene import Scene, Scenes
from tests.verbs.storage_world import A, StorageWorld, the_event

V, R = StorageVerdict, RejectReason


def wrote(work: Callable[[StorageWorld], StorageOutcome], **limits: Any) -> Callable[[Path], Event]:
    """The event of a write to a store that has the entry ``a``, of 2 bytes for its key and 2 for its value."""

    def made(_: Path) -> Event:
        world = StorageWorld(**limits)
        world.set("a", "1")
        return the_event(work(world).events)

    return made


WRITES: Scenes = {
    V.STORED: Scene(wrote(lambda world: world.set("b", "1"), max_bytes_per_origin=8), tells=("8 of 8 bytes",)),
    V.DELETED: Scene(wrote(lambda world: world.delete("a")), tells=("4 bytes freed",)),
    V.CLEARED: Scene(wrote(lambda world: world.clear()), tells=("4 bytes freed",)),
    V.IGNORED: Scene(
        wrote(lambda world: world.set("a", "2", ignore_if_present=True)), tells=("an entry, which stays as it is",)
    ),
    V.ABSENT: Scene(wrote(lambda world: world.delete("b")), tells=("none with this key",)),
    V.QUOTA_EXCEEDED: Scene(
        wrote(lambda world: world.set("b", "12"), max_bytes_per_origin=8),
        "quota",
        ("would use 10 bytes, the limit is 8: 2 too many",),
    ),
    V.TOO_LONG: Scene(
        wrote(lambda world: world.append("a", "234"), max_string_length=3),
        "length of the value",
        ("4 code units, the limit is 3: 1 too many",),
    ),
    V.INVALID_LENGTH: Scene(
        wrote(lambda world: world.set("", "1")),
        "length",
        ("the key has 0 code units, the value 1; a key has 1 to 2621440",),
    ),
}


def bid_of(bid: Bid | RejectReason | None, score: Score | None = None) -> Callable[[Path], Event]:
    """The event of an auction of one group that does not win."""

    def made(_: Path) -> Event:
        return auction_event(CONFIG, [Bidding(group(), bid, score)], AuctionResult(), "publisher.test", now=NOON)

    return made


def chosen(budgets: Budgets) -> Callable[[Path], Event]:
    """The event of a choice among two URLs, which costs a bit."""

    def made(_: Path) -> Event:
        return selection_event(
            A, choose(1, 2, budgets), ["https://a.test/0", "https://a.test/1"], site="pub.test", now=1
        )

    return made


def without_groups(_: Path) -> Event:
    return auction_event(CONFIG, [], AuctionResult(), "publisher.test", now=NOON)


def left(_: Path) -> Event:
    with Database.open(":memory:", now=NOON) as database:
        return the_event(leave(database.connection, BUYER, "a", BUYER, now=NOON).events)


def ignored_field(_: Path) -> Event:
    return the_event(StorageWorld().header("unknown").events)


WITHOUT_EFFECT = {
    "choice that the site has no bits for": Scene(
        chosen(Budgets(0.5, 6, 6)), "navigation budget of the site", ("1 bits needed, 0.5 left",), "insufficient-budget"
    ),
    "choice that the page has no bits for": Scene(
        chosen(Budgets(6, 0.25, 6)), "budget of the page", ("1 bits needed, 0.25 left",), "insufficient-budget"
    ),
    "choice that the site has no bits for on the page": Scene(
        chosen(Budgets(6, 6, 0)), "budget of the site on the page", ("1 bits needed, 0 left",), "insufficient-budget"
    ),
    "Shared-Storage-Write without a method": Scene(
        ignored_field, "Shared-Storage-Write", ("no member is a method",), "ignored"
    ),
    "auction without groups": Scene(without_groups, "interest groups", (f"0 of {BUYER}",), "no-bidders"),
    "group that is not there": Scene(left, "interest group", ("none of that owner and name",), "absent"),
}
"""By what is wrong."""
BID, SCORE = "bid of 'a' of https://buyer.test", "score of 'a' of https://buyer.test"
REJECTIONS: Scenes = {
    R.NOT_AVAILABLE: Scene(
        bid_of(Bid(group(), 1, AD), Score(0)), SCORE, ("desirability 0", "not-available"), "no-winner"
    ),
    R.INVALID_BID: Scene(bid_of(R.INVALID_BID), BID, ("invalid-bid",), "no-winner"),
    **{
        reason: Scene(
            bid_of(Bid(group(), 1, AD), Score(0, reason)),
            SCORE,
            ("desirability 0", reason.name.lower().replace("_", "-")),
            "no-winner",
        )
        for reason in RejectReason
        if reason not in {R.NOT_AVAILABLE, R.INVALID_BID}
    },
}
