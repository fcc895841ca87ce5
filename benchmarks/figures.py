"""What a benchmark gives: figures with their spread, and the one JSON document that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of samples."""

    median: float
    p25: float
    p75: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """The spread of at least one sample."""
        p25, median, p75 = quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else (samples[0],) * 3
        return cls(median, p25, p75)

    def document(self) -> dict[str, Any]:
        """As it stands in the JSON document, to five significant digits."""
        return {name: _short(getattr(self, name)) for name in ("median", "p25", "p75")}


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median of a figure should be: at most, or at least, a value."""

    at_most: float | None = None
    at_least: float | None = None

    def document(self, median: float) -> dict[str, Any]:
        """As it stands in the JSON document, with whether ``median`` meets it."""
        below = self.at_most is None or median <= self.at_most
        above = self.at_least is None or median >= self.at_least
        bounds = {"atMost": self.at_most, "atLeast": self.at_least}
        return {**{name: bound for name, bound in bounds.items() if bound is not None}, "met": below and above}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number with its spread."""

    name: str
    """``benchmark.subject.quantity``."""
    unit: str
    samples: Sequence[float]
    """One for each round."""
    goal: Goal | None = None
    pair: Sequence[float] | None = None
    """The same quantity between two subjects that are the same, round by round: what noise alone gives."""
    details: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As it stands in the JSON document."""
        spread = Spread.of(self.samples)
        return {
            "name": self.name,
            "unit": self.unit,
            **spread.document(),
            "rounds": len(self.samples),
            "goal": None if self.goal is None else self.goal.document(spread.median),
            "pair": None if self.pair is None else Spread.of(self.pair).document(),
            **({"details": rounded(self.details)} if self.details else {}),
        }


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """``above / below`` of each round: both were measured in the same minute of the machine's life."""
    return [one / other for one, other in zip(above, below, strict=True)]


def ratio(name: str, above: Sequence[float], below: Sequence[float], again: Sequence[float], goal: Goal) -> Figure:
    """The figure of ``above / below``, beside ``again / below``, where ``again`` is a second subject like ``below``.

    Both ways to sum up are given: the median of the rounds' ratios, which the goal is for, and the ratio of medians.
    """
    medians = {"ratioOfMedians": Spread.of(above).median / Spread.of(below).median}
    medians["ratioOfMediansOfPair"] = Spread.of(again).median / Spread.of(below).median
    return Figure(name, "ratio", ratios(above, below), goal=goal, pair=ratios(again, below), details=medians)


def differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """``one - other`` of each round."""
    return [first - second for first, second in zip(one, other, strict=True)]


def rounded(value: Any) -> Any:
    """``value`` with every float in it cut to five significant digits."""
    if isinstance(value, float):
        return _short(value)
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return value


def _short(value: float) -> float:
    return float(f"{value:.5g}")
