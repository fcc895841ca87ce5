"""What adtech.test counts with Shared Storage and Private Aggregation: browsers that saw a campaign, each once.

The names, numbers and buckets are on the pages that count, in the worklet that contributes, and here, where the sums
are read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sites import story

VALUE = 16_384
"""What a browser adds to a bucket; four buckets, all that one can add to here, make up the budget of 65,536."""
BUDGET = 65_536
"""Most that one browser adds in ten minutes: what the noise must hide."""
EPSILON = 2.0
"""With which the sums are asked for: noise of scale 32,768, which is two browsers.

Among twenty people that can be seen and does no harm; with the service's default of 10 it would be 0.4 of one.
"""
OFTEN = 3
"""From this many times on the poster was seen often."""
_OFTEN_BITS = 16
"""The number of times stands beyond the 16 bits of the campaign's number."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One bucket, and what its sum stands for."""

    bucket: int
    label: str
    sites: tuple[str, ...]
    """Hosts of the sites that show the campaign."""
    number: int
    """The campaign's, as adtech.test knows it."""
    times: int = 1
    """How often a browser must have seen it to be counted."""


def counted() -> tuple[Counted, ...]:
    """Everything that is counted: the reach of each campaign in a frame of adtech.test, and the poster's frequency."""
    framed = [campaign for campaign in story.CAMPAIGNS if campaign.framed]
    poster = story.POSTER
    on = tuple(f"{site}.test" for site in poster.sites)
    return (
        *(Counted(one.number, one.label, (story.HOSTS[1].name,), one.number) for one in framed),
        Counted(poster.number, poster.label, on, poster.number),
        Counted(
            poster.number | OFTEN << _OFTEN_BITS, f"{poster.label}, {OFTEN} times or more", on, poster.number, OFTEN
        ),
    )


def bucket_meanings() -> dict[str, dict[str, Any]]:
    """What each bucket of an opened report stands for: ``{"0x4d2": {"text", "scale", "unit"}}``.

    A value divided by ``scale`` is a number of ``unit``.
    """
    return {hex(one.bucket): {"text": one.label, "scale": VALUE, "unit": "browser"} for one in counted()}
