"""The chaos in force: which rule a request meets, and whether it strikes."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

from agent.model.chaos import EVERY_HOST, ChaosRule, Strike, Trouble
from agent.model.rng import Draw, Rng

_DRAWS = 1 << 64
_MOST_ASKED = 1 << 18
"""Different requests whose turns are counted; behind so many, which a page can ask for, all counts begin anew."""


class ChaosRules:
    """The rules in force, one for each pattern. In memory: they end with their agent.

    Which requests a share strikes depends on the seed, on what is asked and on how often it was asked before, not on
    the order in which requests happen to come.
    """

    def __init__(self, rng: Rng) -> None:
        self._key = rng.bytes(Draw.CHAOS, 16)
        self._rules: dict[str, ChaosRule] = {}
        self._asked: Counter[bytes] = Counter()

    @property
    def all(self) -> tuple[ChaosRule, ...]:
        """The rules, in the order in which their patterns were first named."""
        return tuple(self._rules.values())

    def set(self, rule: ChaosRule) -> None:
        """Put ``rule`` in force, in the place of the one for its pattern."""
        self._rules[rule.host] = rule

    def remove(self, pattern: str) -> bool:
        """End the rule for ``pattern``; tells whether there was one."""
        found = self._rules.pop(pattern, None) is not None
        if not self._rules:
            self._asked.clear()
        return found

    def strike(self, host: str, asked: str, *, page: bool) -> Trouble | None:
        """What happens to a request to ``host``, None where nothing does; a rule with ``times`` has one less then.

        ``asked``: what makes requests the same one again, such as method and URL, or a report. ``page``: whether a
        page asks. The rule with the most specific pattern decides alone.
        """
        rule = self._rule_of(host)
        if rule is None or (page and not rule.pages):
            return None
        trouble = _trouble(rule, self._drawn(asked))
        if trouble is None:
            return None
        if rule.times == 1:
            self.remove(rule.host)
        elif rule.times is not None:
            self._rules[rule.host] = replace(rule, times=rule.times - 1)
        return trouble

    def _rule_of(self, host: str) -> ChaosRule | None:
        if not self._rules:
            return None
        name = host.lower().rstrip(".")
        labels = name.split(".")
        patterns = (name, *("*." + ".".join(labels[start:]) for start in range(1, len(labels))), EVERY_HOST)
        return next((self._rules[pattern] for pattern in patterns if pattern in self._rules), None)

    def _drawn(self, asked: str) -> float:
        """A draw in [0, 1), the same for the same request at the same turn."""
        name = hashlib.blake2b(asked.encode(), key=self._key, digest_size=16).digest()
        if len(self._asked) >= _MOST_ASKED:
            self._asked.clear()
        turn = self._asked[name]
        self._asked[name] += 1
        drawn = hashlib.blake2b(name + turn.to_bytes(8), key=self._key, digest_size=8).digest()
        return int.from_bytes(drawn) / _DRAWS


def _trouble(rule: ChaosRule, drawn: float) -> Trouble | None:
    if drawn < rule.fail:
        return Trouble(Strike.FAILED, rule, rule.slow)
    if drawn < rule.fail + rule.reset:
        return Trouble(Strike.RESET, rule, rule.slow)
    if rule.stall:
        return Trouble(Strike.STALLED, rule, rule.stall)
    return Trouble(Strike.SLOWED, rule, rule.slow) if rule.slow else None
