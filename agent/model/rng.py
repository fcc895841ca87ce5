"""Chance as a parameter: one named draw for each random choice of the specifications."""

from __future__ import annotations

import random  # this module is the one owner of chance
import secrets  # noqa: TID251
from enum import StrEnum
from typing import Protocol


class Draw(StrEnum):
    """The random choices, each with its own stream, so that a new one never shifts the others of a seed."""

    EPOCH_PHASE = "epoch_phase"
    CREDIT_FRACTION = "credit_fraction"
    REPORT_ID = "report_id"
    HPKE_KEY = "hpke_key"
    HPKE_EPHEMERAL = "hpke_ephemeral"
    NOISE = "noise"
    VISITOR = "visitor"
    RANDOMIZED_RESPONSE = "randomized_response"
    NULL_REPORT = "null_report"
    AGGREGATABLE_DELAY = "aggregatable_delay"
    KEY_CHOICE = "key_choice"
    GREASE = "grease"
    START_UP_DELAY = "start_up_delay"
    SENDING_ORDER = "sending_order"
    PRIVATE_AGGREGATION_DELAY = "private_aggregation_delay"
    AUCTION_ORDER = "auction_order"
    CHAOS = "chaos"


class Rng(Protocol):
    """A source of chance."""

    def fraction(self, draw: Draw) -> float:
        """A double, uniform in [0, 1)."""
        ...

    def below(self, draw: Draw, bound: int) -> int:
        """An integer, uniform in 0 .. bound-1; bound >= 1 and of any size."""
        ...

    def bytes(self, draw: Draw, count: int) -> bytes:
        """``count`` uniform bytes."""
        ...


class SystemRng:
    """Draws from the operating system; what runs without a seed use."""

    def __init__(self) -> None:
        self._source = random.SystemRandom()

    def fraction(self, draw: Draw) -> float:
        """See :class:`Rng`."""
        del draw
        return self._source.random()

    def below(self, draw: Draw, bound: int) -> int:
        """See :class:`Rng`."""
        del draw
        return self._source.randrange(bound)

    def bytes(self, draw: Draw, count: int) -> bytes:
        """See :class:`Rng`."""
        del draw
        return secrets.token_bytes(count)


class SeededRng:
    """Repeatable draws: one independent stream for each (seed, chapter, draw)."""

    def __init__(self, seed: int, chapter: int = 0) -> None:
        self.seed = seed
        self.begin(chapter)

    def begin(self, chapter: int) -> None:
        """Draw from now on what one that is made for ``chapter`` draws."""
        name = f"{self.seed}:{chapter}" if chapter else f"{self.seed}"
        self._streams = {draw: random.Random(f"{name}:{draw}") for draw in Draw}  # noqa: S311, TID251

    def fraction(self, draw: Draw) -> float:
        """See :class:`Rng`."""
        return self._streams[draw].random()

    def below(self, draw: Draw, bound: int) -> int:
        """See :class:`Rng`."""
        return self._streams[draw].randrange(bound)

    def bytes(self, draw: Draw, count: int) -> bytes:
        """See :class:`Rng`."""
        return self._streams[draw].randbytes(count)


class RecordedRng:
    """Draws from another source, and remembers the fractions that it gave."""

    def __init__(self, source: Rng) -> None:
        self._source = source
        self.fractions: dict[str, list[float]] = {}
        """By the name of the draw, in their order."""

    def fraction(self, draw: Draw) -> float:
        """See :class:`Rng`."""
        drawn = self._source.fraction(draw)
        self.fractions.setdefault(draw.value, []).append(drawn)
        return drawn

    def below(self, draw: Draw, bound: int) -> int:
        """See :class:`Rng`."""
        return self._source.below(draw, bound)

    def bytes(self, draw: Draw, count: int) -> bytes:
        """See :class:`Rng`."""
        return self._source.bytes(draw, count)


def rng_for(seed: int | None, chapter: int = 0) -> Rng:
    """A seeded source, or the operating system's when ``seed`` is None; each ``chapter`` of a seed draws anew."""
    return SystemRng() if seed is None else SeededRng(seed, chapter)


def begin_chapter(rng: Rng, chapter: int) -> None:
    """Let ``rng`` draw on as :func:`rng_for` has it for ``chapter``, where it draws by a seed."""
    if isinstance(rng, SeededRng):
        rng.begin(chapter)


def token(size: int = 16) -> str:
    """An unguessable name of ``size`` random bytes in hex. It names, it decides nothing, so no seed applies."""
    return secrets.token_hex(size)
