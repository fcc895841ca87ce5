"""Trusted signals: what sellers' and buyers' servers are asked, and what functions get of their answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from agent.model.protected_audience import InterestGroup, JoinedGroup
from agent.model.site import serialized_origin

NEW_FORMAT: Final = 2
"""The version of bidding signals from which on keys have a member of their own."""
OUTDATED: Final = (
    "Bidding signals URL {} is using outdated bidding signals format."
    " Consumers should be updated to use bidding signals format version 2"
)


def bidding_signals_url(group: InterestGroup) -> str | None:
    """Where the signals of a group are; those of another origin than its owner's are not asked for."""
    url = group.trusted_bidding_signals_url
    return url if url is not None and serialized_origin(url) == group.owner else None


def bidding_request(url: str, hostname: str, groups: Iterable[JoinedGroup]) -> str:
    """What is asked for at ``url``, once for all ``groups`` of the auction whose signals are there."""
    together = [one.group for one in groups if bidding_signals_url(one.group) == url]
    keys = sorted({key for one in together for key in one.trusted_bidding_signals_keys})
    names = sorted(one.name for one in together)
    asked = f"&keys={_listed(keys)}" if keys else ""
    return f"{url}?hostname={_listed([hostname])}{asked}&interestGroupNames={_listed(names)}"


def scoring_request(url: str, hostname: str, render_url: str) -> str:
    """What is asked for at ``url`` about an ad."""
    return f"{url}?hostname={_listed([hostname])}&renderUrls={_listed([render_url])}"


def bidding_value(answer: Mapping[str, Any], format_version: int, keys: Sequence[str]) -> Any:
    """``trustedBiddingSignals`` of a group with ``keys``; None where it has none."""
    values = answer.get("keys") if format_version >= NEW_FORMAT else answer
    told = values if isinstance(values, dict) else {}
    return {key: told.get(key) for key in keys} or None


def scoring_value(answer: Mapping[str, Any], render_url: str) -> Any:
    """``trustedScoringSignals`` of an ad."""
    ads = answer.get("renderURLs", answer.get("renderUrls"))
    of_ad = {render_url: ads.get(render_url) if isinstance(ads, dict) else None}
    return {"renderURL": of_ad, "renderUrl": of_ad}


def _listed(texts: Iterable[str]) -> str:
    return ",".join(quote(text, safe="") for text in texts)
