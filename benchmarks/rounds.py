"""Interleaved rounds: every round measures every subject once, in a new random order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from rich.progress import Progress

from agent.model.rng import Draw, SeededRng

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
_SEED = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: int
    tiny: bool
    """Whether the sizes are those of a smoke test: everything runs and no figure means anything."""
    progress: Progress

    def track(self, name: str, steps: Collection[T]) -> Iterator[T]:
        """The steps, each counted on the bar called ``name`` when it is done."""
        yield from self.progress.track(steps, description=name)


async def interleave(name: str, plan: Plan, subjects: Mapping[K, Callable[[], Awaitable[V]]]) -> dict[K, list[V]]:
    """One sample of each subject for each round; a first round warms up and is not kept."""
    rng = SeededRng(_SEED)
    samples: dict[K, list[V]] = {subject: [] for subject in subjects}
    for number in plan.track(name, range(plan.rounds + 1)):
        for subject in shuffled(subjects, rng):
            sample = await subjects[subject]()
            if number:
                samples[subject].append(sample)
    return samples


def shuffled(items: Iterable[T], rng: SeededRng) -> list[T]:
    """The items in random order (Fisher and Yates)."""
    order = list(items)
    for last in range(len(order) - 1, 0, -1):
        chosen = rng.below(Draw.VISITOR, last + 1)
        order[last], order[chosen] = order[chosen], order[last]
    return order
