"""The failure of an expectation: what was wanted, the nearest there was, and why it is not that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.expectations.matching import Difference, shown
from agent.reporting.explanation import explanation_text

if TYPE_CHECKING:
    from agent.model.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Miss:
    """What is known of an expectation that did not come true."""

    expected: str
    """Such as ``a source with destination https://shop.test``."""
    found: str = ""
    """What there was where none comes near, or too many or few are right: ``there is no report at all``."""
    nearest: str = ""
    """The nearest candidate; empty where there was none."""
    differences: tuple[Difference, ...] = ()
    hints: tuple[str, ...] = ()
    waited: str = ""
    """How long, and where the clock stands."""
    explanation: Explanation | None = None


class ExpectationError(AssertionError):
    """An expectation that did not come true. Its text is for people; its attributes say the same in parts."""

    def __init__(self, miss: Miss) -> None:
        self.nearest, self.differences, self.explanation = miss.nearest, miss.differences, miss.explanation
        self.headline = _headline(miss)
        """One line: what was expected, what was nearest, and which members differ."""
        super().__init__("\n".join(_lines(self.headline, miss)))


def _headline(miss: Miss) -> str:
    text = f"expected {miss.expected}"
    if miss.nearest:
        names = [difference.member for difference in miss.differences]
        which = f" ({', '.join(names)} differ{'s' if len(names) == 1 else ''})" if names else ""
        text += f", nearest was {miss.nearest}{which}"
    return text + (f", {miss.found}" if miss.found else "")


def _lines(headline: str, miss: Miss) -> list[str]:
    width = max((len(difference.member) for difference in miss.differences), default=0)
    lines = [headline]
    for difference in miss.differences:
        told = str(difference).removeprefix(f"{difference.member}: ")
        lines.append(f"  {difference.member:{width}}  {told}")
    lines += [f"  hint: {hint}" for hint in miss.hints]
    if miss.waited:
        lines.append(f"  {miss.waited}")
    if miss.explanation is not None:
        lines += ["", explanation_text(miss.explanation)]
    return lines


def described(noun: str, wanted: dict[str, object], count: int | None) -> str:
    """``a source with event_id 123 and destination https://shop.test``; with a ``count``, ``2 sources with ...``."""
    if count is None:
        article = "an" if noun[0] in "aeiou" else "a"
        text = f"{article} {noun}"
    else:
        text = f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
    parts = [f"{name} {shown(value)}" for name, value in wanted.items()]
    if not parts:
        return text
    return f"{text} with {', '.join(parts[:-1])}{' and ' if parts[:-1] else ''}{parts[-1]}"
