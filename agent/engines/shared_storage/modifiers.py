"""What writes do to the entries of one origin (shared-storage section 2): all of them, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.engines.shared_storage.validation import method_problem
from agent.model.events import Check
from agent.model.shared_storage import (
    AppendMethod,
    ClearMethod,
    DeleteMethod,
    Entry,
    ModifierMethod,
    SetMethod,
    StorageVerdict,
    storage_bytes,
)
from agent.model.shared_storage_limits import SharedStorageLimits

OPERATIONS: Final[Mapping[type[ModifierMethod], str]] = {
    SetMethod: "set",
    AppendMethod: "append",
    DeleteMethod: "delete",
    ClearMethod: "clear",
}
"""The name of each method, as scripts call it."""
BATCH: Final = "batchUpdate"


@dataclass(frozen=True, slots=True)
class OriginFacts:
    """What a decision needs of an origin's unexpired entries."""

    now: int
    bytes_used: int
    entries: Mapping[str, Entry]
    """Those that the methods name, by key."""


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one method."""

    method: ModifierMethod
    verdict: StorageVerdict
    check: Check


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an origin's entries."""

    steps: tuple[Step, ...]
    """One for each method, up to the one that failed."""
    failure: str | None
    """What a worklet's code sees rejected, as the message of an OperationError; nothing is changed then."""
    cleared: bool
    """Whether every entry that is stored goes first."""
    writes: Mapping[str, Entry | None]
    """By key, what is stored then; None where the entry goes."""
    bytes_used: int
    """Of all unexpired entries afterwards."""

    @property
    def verdict(self) -> StorageVerdict:
        """That of the last method that failed or changed something, else of the last one."""
        verdicts = [step.verdict for step in self.steps] or [StorageVerdict.IGNORED]
        return ([verdict for verdict in verdicts if verdict not in _NO_CHANGE] or verdicts)[-1]


_NO_CHANGE = frozenset({StorageVerdict.IGNORED, StorageVerdict.ABSENT})


def keys_of(methods: Sequence[ModifierMethod]) -> list[str]:
    """The keys that methods name, each once: those whose entries a decision needs."""
    return list(dict.fromkeys(method.key for method in methods if not isinstance(method, ClearMethod)))


def apply(
    methods: Sequence[ModifierMethod], facts: OriginFacts, limits: SharedStorageLimits, *, batch: bool
) -> Decision:
    """Apply ``methods`` in their order; where one fails, none is applied.

    ``batch`` is how they were called: one by its own name, or any number through ``batchUpdate``.
    """
    course = _Course(facts, limits)
    steps: list[Step] = []
    for method in methods:
        verdict, check = course.apply(method)
        steps.append(Step(method, verdict, check))
        if not check.passed:
            operation = BATCH if batch else OPERATIONS[type(method)]
            return Decision(tuple(steps), f"sharedStorage.{operation}() failed", False, {}, facts.bytes_used)
    return Decision(tuple(steps), None, course.cleared, course.writes(), course.bytes_used)


@dataclass(slots=True)
class _Draft:
    """An entry that is being made; its value stays in parts, for a batch may append to it very often."""

    parts: list[str]
    value_bytes: int

    @classmethod
    def of(cls, value: str) -> _Draft:
        return cls([value], storage_bytes(value))


class _Course:
    """The state of one decision between its methods."""

    def __init__(self, facts: OriginFacts, limits: SharedStorageLimits) -> None:
        self._facts, self._limits = facts, limits
        self._drafts: dict[str, _Draft | None] = {}
        self.bytes_used = facts.bytes_used
        self.cleared = False

    def writes(self) -> dict[str, Entry | None]:
        """What is stored afterwards, by key."""
        now = self._facts.now
        return {
            key: None if draft is None else Entry(key, "".join(draft.parts), now) for key, draft in self._drafts.items()
        }

    def apply(self, method: ModifierMethod) -> tuple[StorageVerdict, Check]:
        """Apply one method; nothing is changed where the check has not passed."""
        if problem := method_problem(method, self._limits):
            detail = f"{problem}: {_lengths(method)}; a key has 1 to {self._limits.max_string_length}, a value no more"
            return StorageVerdict.INVALID_LENGTH, Check("length", False, detail, "use a key and a value so long")
        match method:
            case SetMethod():
                return self._set(method)
            case AppendMethod():
                return self._append(method)
            case DeleteMethod():
                return self._delete(method)
            case ClearMethod():
                return self._clear()

    def _present(self, key: str) -> _Draft | None:
        if key in self._drafts:
            return self._drafts[key]
        entry = None if self.cleared else self._facts.entries.get(key)
        return None if entry is None else _Draft.of(entry.value)

    def _set(self, method: SetMethod) -> tuple[StorageVerdict, Check]:
        present = self._present(method.key)
        if method.ignore_if_present and present is not None:
            return StorageVerdict.IGNORED, Check("ignore if present", True, "there is an entry, which stays as it is")
        return self._write(method.key, present, _Draft.of(method.value))

    def _append(self, method: AppendMethod) -> tuple[StorageVerdict, Check]:
        present = self._present(method.key)
        if present is None:
            return self._write(method.key, None, _Draft.of(method.value))
        value_bytes = present.value_bytes + storage_bytes(method.value)
        units, most = value_bytes // 2, self._limits.max_string_length
        if units > most:
            detail = f"the value would have {units} code units, the limit is {most}: {units - most} too many"
            return StorageVerdict.TOO_LONG, Check(
                "length of the value", False, detail, "delete the key, or set it anew"
            )
        outcome = self._fits(value_bytes - present.value_bytes)
        if outcome[1].passed:
            present.parts.append(method.value)
            present.value_bytes = value_bytes
            self._drafts[method.key] = present
        return outcome

    def _write(self, key: str, present: _Draft | None, draft: _Draft) -> tuple[StorageVerdict, Check]:
        grows = draft.value_bytes - present.value_bytes if present else draft.value_bytes + storage_bytes(key)
        outcome = self._fits(grows)
        if outcome[1].passed:
            self._drafts[key] = draft
        return outcome

    def _fits(self, grows: int) -> tuple[StorageVerdict, Check]:
        """Count ``grows`` more bytes, where there is room or what is stored only shrinks."""
        would, most = self.bytes_used + grows, self._limits.max_bytes_per_origin
        if grows > 0 and would > most:
            detail = f"the origin would use {would} bytes, the limit is {most}: {would - most} too many"
            return StorageVerdict.QUOTA_EXCEEDED, Check("quota", False, detail, "delete keys, or store less")
        self.bytes_used = would
        return StorageVerdict.STORED, Check("quota", True, f"the origin uses {would} of {most} bytes")

    def _delete(self, method: DeleteMethod) -> tuple[StorageVerdict, Check]:
        present = self._present(method.key)
        if present is None:
            return StorageVerdict.ABSENT, Check("entry", True, "there is none with this key")
        freed = present.value_bytes + storage_bytes(method.key)
        self._drafts[method.key] = None
        self.bytes_used -= freed
        return StorageVerdict.DELETED, Check("entry", True, f"{freed} bytes freed")

    def _clear(self) -> tuple[StorageVerdict, Check]:
        freed, self.bytes_used = self.bytes_used, 0
        self.cleared, self._drafts = True, {}
        return StorageVerdict.CLEARED, Check("entries", True, f"{freed} bytes freed")


def _lengths(method: ModifierMethod) -> str:
    """How many code units key and value have."""
    if isinstance(method, ClearMethod):
        return ""
    key = f"the key has {storage_bytes(method.key) // 2} code units"
    if isinstance(method, DeleteMethod):
        return key
    return f"{key}, the value {storage_bytes(method.value) // 2}"
