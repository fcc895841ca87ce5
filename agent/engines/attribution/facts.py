"""What the store knows that a conversion depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent.model.attribution import BudgetKey, Candidate


@dataclass(frozen=True, slots=True)
class ConversionFacts:
    """What the store knows that a conversion depends on."""

    now: int
    epoch_start: int
    first_epoch: int
    """The oldest epoch that still counts (:func:`epochs.first_usable`)."""
    candidates: Sequence[Candidate]
    """In the order saved."""
    charged: Mapping[BudgetKey, int] = field(default_factory=dict)
    """What is left of the site's and the global budgets that were ever charged, in micro-epsilon."""
    recent: Sequence[Candidate] = ()
    """The impressions saved last, whether they match or not; the trace tells why each does not."""
