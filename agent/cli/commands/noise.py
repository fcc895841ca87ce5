"""``tallyhost noise``: what epsilon would do to the sums that somebody expects."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import rich_click as click

from agent.cli.session import SEED_FLAG, Session, with_session
from agent.engines.aggregation.parameters import LEAST_EPSILON
from agent.model.aggregation import L1_SENSITIVITY, MAX_EPSILON
from agent.model.errors import UsageError
from agent.reporting.numbers import significant

if TYPE_CHECKING:
    from agent.engines.aggregation.noise_preview import PreviewedSum

EPSILONS = (1.0, 10.0, 64.0)
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")


class _Epsilon(click.FloatRange):
    """The range of epsilon, which NaN is outside of."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.", param, ctx)
        return number


@click.command("noise")
@click.argument("amounts", metavar="AMOUNT...", nargs=-1, required=True)
@click.option(
    "--epsilon",
    "epsilons",
    type=_Epsilon(LEAST_EPSILON, MAX_EPSILON),
    multiple=True,
    default=EPSILONS,
    metavar="NUMBER",
    help="Privacy parameter; as often as there are to compare [1, 10 and 64].",
)
@click.option(
    "--scale",
    type=click.IntRange(1, L1_SENSITIVITY),
    default=L1_SENSITIVITY,
    metavar="N",
    help=f"What stands for an amount of 1, as in a key structure [{L1_SENSITIVITY}, a report's whole budget].",
)
@with_session(SEED_FLAG)
def noise(session: Session, amounts: tuple[str, ...], epsilons: tuple[float, ...], scale: int) -> None:
    """Show what noise makes of the sums that you expect, at one epsilon beside another.

    AMOUNT is what a bucket would count without noise, such as 120, or NAME=120.
    """
    from agent.engines.aggregation.noise_preview import preview  # noqa: PLC0415
    from agent.model.rng import rng_for  # noqa: PLC0415

    named = [_read(amount) for amount in amounts]
    told = preview([amount for _, amount in named], epsilons, scale=scale, rng=rng_for(session.config.seed))
    if session.output.as_json:
        session.output.document(
            {
                "contribution_budget": L1_SENSITIVITY,
                "scale": scale,
                "seed": session.config.seed,
                "amounts": [
                    {
                        "name": name,
                        "amount": float(amount),
                        "noised": [
                            {"epsilon": epsilon, "value": one.noised, "interval": one.interval, "share": one.share}
                            for epsilon, one in zip(epsilons, row, strict=True)
                        ],
                    }
                    for (name, amount), row in zip(named, told, strict=True)
                ],
            }
        )
        return
    rows = [
        (name, f"{float(amount):,g}", *map(_in_words, row)) for (name, amount), row in zip(named, told, strict=True)
    ]
    session.output.table(("Bucket", "True", *(f"epsilon {one:g}" for one in epsilons)), rows, "")
    session.output.note(
        f"± holds nine draws in ten, % is its share of the true amount; 1 is a sum of {scale:,}, "
        f"noise has the scale {L1_SENSITIVITY:,} / epsilon"
    )


def _read(text: str) -> tuple[str, Fraction]:
    name, _, amount = text.rpartition("=")
    if not _AMOUNT.fullmatch(amount):
        raise UsageError(
            f"{amount!r} is no amount",
            where=f"AMOUNT {text}",
            rule="a number from 0, with at most 15 digits before its point and 9 behind",
            fix="write 120, 52.5 or lamp=120",
        )
    return name or amount, Fraction(amount)


def _in_words(one: PreviewedSum) -> str:
    share = "" if one.share is None else f"  {significant(100 * one.share, 2)} %"
    return f"{significant(one.noised, 4)} ± {significant(one.interval, 2)}{share}"
