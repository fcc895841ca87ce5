"""Interest groups as pages join them: checked after WebIDL's conversion, and overwritten (section 1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, Final

from agent.engines.protected_audience.checks import Refused, coordinator, has_credentials, https_origin, resolved
from agent.model.clock import SECOND
from agent.model.errors import PageException
from agent.model.protected_audience import Ad, InterestGroup, JoinedGroup
from agent.model.protected_audience_limits import ProtectedAudienceLimits

JOIN: Final = "joinAdInterestGroup"
PERMISSIONS_PATH: Final = "/.well-known/interest-group/permissions/"
_OWN: Final = (
    "must have the same origin as the InterestGroup owner and have no fragment identifier or embedded credentials."
)
_SIGNALS: Final = "must have https schema and have no query string, fragment identifier or embedded credentials."
_ADS: Final = "renderURLs must be HTTPS and have no embedded credentials."
_DEFAULT_MODE: Final = "compatibility"
_MODES: Final = frozenset({_DEFAULT_MODE, "group-by-origin", "frozen-context"})
_DEFAULT_SLOT_SIZE: Final = "none"
_SLOT_SIZES: Final = frozenset({_DEFAULT_SLOT_SIZE, "slot-size", "all-slots-requested-sizes"})


def checked_group(
    options: Mapping[str, Any], limits: ProtectedAudienceLimits, coordinators: Collection[str]
) -> InterestGroup | PageException:
    """The group of a ``joinAdInterestGroup`` call, as the page's script tells it; or what the page sees rejected."""
    group = options["group"]
    try:
        return _Checks(group, options["baseURL"]).group(_lifetime(options, limits), limits, coordinators)
    except Refused as refused:
        return refused.exception(JOIN)


def joined(group: InterestGroup, before: JoinedGroup | None, joining_origin: str, *, now: int) -> JoinedGroup:
    """``group`` as it is stored at ``now``: in the place of ``before``, whose counts go on."""
    if before is None:
        return JoinedGroup(group, joining_origin, now)
    return JoinedGroup(group, joining_origin, now, before.join_count + 1, before.bid_count, before.wins)


def size_of(group: InterestGroup) -> int:
    """Bytes that a group counts: of all its texts, and eight for each number."""
    return sum(_size(getattr(group, one.name)) for one in fields(group))


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Ad):
        return sum(_size(one) for one in (value.render_url, value.metadata, value.ad_render_id))
    if isinstance(value, tuple):
        return sum(map(_size, value))
    return 0 if value is None else 8


def _lifetime(options: Mapping[str, Any], limits: ProtectedAudienceLimits) -> int:
    lifetime, seconds = options["group"]["lifetimeMs"], options["durationSeconds"]
    if lifetime is None:
        if seconds is None:
            raise Refused("Missing required field lifetimeMs")
        lifetime = seconds * SECOND
    return int(min(lifetime, limits.max_lifetime))


class _Checks:
    """The checks of one group in their order; raises :class:`Refused`."""

    def __init__(self, group: Mapping[str, Any], base_url: str) -> None:
        self._group, self._base_url = group, base_url
        self._owner, self._name = group["owner"], group["name"]
        origin = https_origin(self._owner)
        if origin is None:
            what = f"owner '{self._owner}' for AuctionAdInterestGroup with name '{self._name}'"
            raise Refused(f"{what} must be a valid https origin.")
        self._origin = origin

    def group(self, lifetime: int, limits: ProtectedAudienceLimits, coordinators: Collection[str]) -> InterestGroup:
        group = self._group
        mode = group["executionMode"]
        slot_size = group["trustedBiddingSignalsSlotSizeMode"]
        checked = InterestGroup(
            owner=self._origin,
            name=self._name,
            lifetime=lifetime,
            priority=group["priority"] or 0.0,
            execution_mode=mode if mode in _MODES else _DEFAULT_MODE,
            bidding_logic_url=self._own_url("biddingLogicURL"),
            trusted_bidding_signals_url=self._signals_url(),
            trusted_bidding_signals_keys=tuple(group["trustedBiddingSignalsKeys"] or ()),
            user_bidding_signals=group["userBiddingSignals"],
            ads=self._ads("ads"),
            ad_components=self._ads("adComponents"),
            enable_bidding_signals_prioritization=group["enableBiddingSignalsPrioritization"],
            trusted_bidding_signals_slot_size_mode=slot_size if slot_size in _SLOT_SIZES else _DEFAULT_SLOT_SIZE,
            coordinator=coordinator(group["privateAggregationConfig"], coordinators),
        )
        for unused in ("biddingWasmHelperURL", "updateURL"):
            self._own_url(unused)
        size = size_of(checked)
        if size >= limits.max_group_bytes:
            raise self._refused("size", str(size), f"interest groups must be less than {limits.max_group_bytes} bytes")
        return checked

    def _refused(self, member: str, value: str, rule: str) -> Refused:
        whose = f"with owner '{self._owner}' and name '{self._name}'"
        return Refused(f"{member} '{value}' for AuctionAdInterestGroup {whose} {rule}")

    def _own_url(self, member: str) -> str | None:
        text = self._group[member]
        if text is None:
            return None
        url = resolved(text, self._base_url)
        if url is None:
            raise self._refused(member, text, "cannot be resolved to a valid URL.")
        if str(url.origin) != self._origin or url.hash or has_credentials(url):
            raise self._refused(member, str(url.href), f"{member} {_OWN}")
        return str(url.href)

    def _signals_url(self) -> str | None:
        member = "trustedBiddingSignalsURL"
        text = self._group[member]
        if text is None:
            return None
        url = resolved(text, self._base_url)
        if url is None:
            raise self._refused(member, text, "cannot be resolved to a valid URL.")
        if url.protocol != "https:" or url.search or url.hash or has_credentials(url):
            raise self._refused(member, str(url.href), f"{member} {_SIGNALS}")
        return str(url.href)

    def _ads(self, member: str) -> tuple[Ad, ...]:
        checked = []
        for index, ad in enumerate(self._group[member] or ()):
            name, text = f"{member}[{index}].renderURL", ad["renderURL"]
            if text is None:
                raise Refused(f"Missing required field {name}")
            url = resolved(text, self._base_url)
            if url is None:
                raise self._refused(name, text, "cannot be resolved to a valid URL.")
            if url.protocol != "https:" or has_credentials(url):
                raise self._refused(name, str(url.href), _ADS)
            checked.append(Ad(str(url.href), ad["metadata"], ad["adRenderId"]))
        return tuple(checked)
