"""How the registration of a source ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.model.attribution_reporting.eligibility import Eligibility
from agent.model.attribution_reporting.verdicts import SourceVerdict
from agent.model.events import Event
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import NEWS, NOON, SHOP
from tests.house.verdicts.scene import Scene, Scenes
from tests.verbs.reporting_world import OTHER, RIVAL, WWW, ReportingWorld

V = SourceVerdict
EVENT = {"eligibility": Eligibility.EVENT_SOURCE}


def source(
    first: dict[str, Any] | None = None, *, response: dict[str, Any] | None = None, **header: Any
) -> Callable[..., Callable[[Path], Event]]:
    """What a source comes to, after the source ``first`` where that is given, under some limits."""

    def under(*, made_up: bool = False, **limits: Any) -> Callable[[Path], Event]:
        def made(_: Path) -> Event:
            with Database.open(":memory:", now=NOON) as database:
                world = ReportingWorld(database)
                world.limit(**limits)
                if first is not None:
                    world.source(**first)
                world.chance.response = () if made_up else None
                world.source(response, **header)
                return world.event()

        return made

    return under


def scopes(states: int) -> dict[str, Any]:
    return {"attribution_scopes": {"limit": 2, "max_event_states": states, "values": ["a"]}}


SOURCES: Scenes = {
    V.SUCCESS: Scene(source()(), tells=("the truth",)),
    V.NOISED: Scene(source()(made_up=True), tells=("no event-level reports whatever happens",)),
    # 8 trigger data in 3 windows, 0 to 3 reports: (27 over 3) states.
    V.TRIGGER_STATE_CARDINALITY_LIMIT: Scene(
        source()(max_trigger_state_cardinality=2924), "trigger states", ("2925, at most 2924",)
    ),
    V.CHANNEL_CAPACITY_LIMIT: Scene(
        source()(max_event_level_channel_capacity_navigation=11),
        "channel capacity",
        ("11.461", "2925 states", "at most 11 bits"),
    ),
    V.MAX_EVENT_STATES_LIMIT: Scene(
        source(response=EVENT, **scopes(2))(), "max_event_states of scopes", ("3 states, at most 2",)
    ),
    V.SCOPES_CHANNEL_CAPACITY_LIMIT: Scene(
        source(**scopes(3))(max_event_level_channel_capacity_scopes_navigation=11),
        "channel capacity with scopes",
        ("2925 states and 3 for each of 1 more", "at most 11 bits"),
    ),
    V.STORAGE_LIMIT: Scene(
        source({})(max_sources_per_origin=1), "sources of the source origin", (f"1 active sources of {NEWS}", "for 1")
    ),
    V.REPORTING_ORIGIN_PER_SITE_LIMIT: Scene(
        source({}, response={"by": WWW})(),
        "reporting origins of source site and reporting site",
        (WWW, "where https://adtech.test registered within 1d", "at most 1"),
    ),
    V.DESTINATION_RATE_LIMIT: Scene(
        source({}, destination=OTHER)(max_destinations_per_rate_limit_window_reporting_site=1),
        "destinations in the rate limit's window",
        ("2 of", "within 1m", "at most 1: 1 too many"),
    ),
    V.DESTINATION_GLOBAL_RATE_LIMIT: Scene(
        source({}, response={"by": RIVAL}, destination=OTHER)(max_destinations_per_rate_limit_window=1),
        "destinations in the rate limit's window, any reporting site",
        ("2 of", "within 1m", "at most 1: 1 too many"),
    ),
    V.DESTINATION_PER_DAY_RATE_LIMIT: Scene(
        source({}, destination=OTHER)(max_destinations_per_reporting_site_per_day=1),
        "destinations of a day",
        ("2 of", "within 1d", "at most 1: 1 too many"),
    ),
    V.DESTINATION_LIMIT: Scene(
        source({"destination_limit_priority": "1"}, destination=OTHER)(
            max_destinations_per_source_site_reporting_site=1
        ),
        "destinations of unexpired sources",
        ("all 1 places", f"none for {OTHER}"),
    ),
    V.DESTINATION_LIMIT_REPLACED: Scene(
        source({}, destination=OTHER, destination_limit_priority="1")(
            max_destinations_per_source_site_reporting_site=1
        ),
        tells=("at most 1", f"the sources for {SHOP} are evicted"),
        verdict="evicted",
    ),
    V.REPORTING_ORIGIN_LIMIT: Scene(
        source({}, response={"by": RIVAL})(rate_limit_max_source_registration_reporting_origins=1),
        "reporting origins of source site and destination",
        (f"{RIVAL} is new beside 1", SHOP, "at most 1"),
    ),
}
