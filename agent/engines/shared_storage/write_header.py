"""``Shared-Storage-Write``: the writes of a response (shared-storage section 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import http_sf

from agent.engines.shared_storage.validation import lock_problem, method_problem
from agent.model.shared_storage import AppendMethod, ClearMethod, DeleteMethod, ModifierMethod, SetMethod
from agent.model.shared_storage_limits import SharedStorageLimits

FIELD: Final = "shared-storage-write"
_METHODS: Final = ("set", "append", "delete", "clear")
_OPTIONS: Final = "options"
EXAMPLE: Final = 'write for example set;key="a";value="b", append;key="a";value="c"'


@dataclass(frozen=True, slots=True)
class Dropped:
    """One member of the field that comes to nothing, or a part of it."""

    position: int
    """From 1."""
    reason: str


@dataclass(frozen=True, slots=True)
class WriteHeader:
    """What a field says: one batch of methods."""

    methods: tuple[ModifierMethod, ...] = ()
    """Empty where :attr:`problem` is set."""
    lock: str | None = None
    """Of the whole batch, from ``options``."""
    dropped: tuple[Dropped, ...] = ()
    problem: str | None = None
    """Why nothing at all is applied, in plain words."""
    fix: str = ""
    http: Mapping[str, Any] | None = field(default=None, compare=False)
    """The exchange that it came with, as :func:`agent.model.http_record.http_record` keeps it."""


def parse_write_header(field: bytes, limits: SharedStorageLimits) -> WriteHeader:
    """The methods of a field (several of one response are joined by commas), and what was left out of it."""
    try:
        members: Any = http_sf.parse(field, tltype="list")
    except (http_sf.StructuredFieldError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0][:200]
        return WriteHeader(problem=f"is no list of structured fields: {reason}", fix=EXAMPLE)
    if any(isinstance(value, _NEWER) for value in _bare_items(members)):
        return WriteHeader(problem="has a date or a display string, which RFC 8941 does not know", fix=EXAMPLE)
    return _Reader(limits).read(members)


_NEWER = (datetime, http_sf.DisplayString)
"""Types of RFC 9651; to Chromium they are no structured fields."""


def _bare_items(members: list[Any]) -> Iterator[object]:
    for value, parameters in members:
        yield from parameters.values()
        if isinstance(value, list):
            yield from _bare_items(value)
        else:
            yield value


class _MemberError(Exception):
    """A member is dropped; says why."""


class _Reader:
    def __init__(self, limits: SharedStorageLimits) -> None:
        self._limits = limits
        self._methods: list[ModifierMethod] = []
        self._lock: str | None = None
        self._dropped: list[Dropped] = []
        self._own_lock = 0

    def read(self, members: list[Any]) -> WriteHeader:
        for position, (value, parameters) in enumerate(members, start=1):
            try:
                self._member(position, value, parameters)
            except _MemberError as error:
                self._dropped.append(Dropped(position, str(error)))
        if self._own_lock:
            problem = f"member {self._own_lock} has a lock of its own, which no method of a batch can have"
            fix = 'give the lock to the whole field: options;with_lock="name"'
            return WriteHeader(dropped=tuple(self._dropped), problem=problem, fix=fix)
        return WriteHeader(tuple(self._methods), self._lock, tuple(self._dropped))

    def _member(self, position: int, value: object, parameters: Mapping[str, object]) -> None:
        name = self._name(value)
        if name == _OPTIONS:
            lock = self._usable_lock(position, parameters)
            self._lock = self._lock if lock is None else lock
            return
        method = _method(name, parameters)
        if problem := method_problem(method, self._limits):
            raise _MemberError(problem)
        if self._usable_lock(position, parameters) is not None:
            self._own_lock = self._own_lock or position
        self._methods.append(method)

    def _name(self, value: object) -> str:
        name = None if isinstance(value, list) else _text("the member", value)
        if name is None:
            raise _MemberError("is neither token, string nor byte sequence")
        if name.lower() not in (*_METHODS, _OPTIONS):
            raise _MemberError(f"names no method: {name[:64]!r}")
        return name.lower()

    def _usable_lock(self, position: int, parameters: Mapping[str, object]) -> str | None:
        lock = _text("with_lock", parameters.get("with_lock"))
        if lock is not None and (problem := lock_problem(lock)):
            self._dropped.append(Dropped(position, f"the lock alone: {problem}"))
            return None
        return lock


def _method(name: str, parameters: Mapping[str, object]) -> ModifierMethod:
    key, value = (_text(part, parameters.get(part)) for part in ("key", "value"))
    if name == "clear":
        return ClearMethod()
    if key is None:
        raise _MemberError(f"{name} without a key that is token, string or byte sequence")
    if name == "delete":
        return DeleteMethod(key)
    if value is None:
        raise _MemberError(f"{name} without a value that is token, string or byte sequence")
    if name == "append":
        return AppendMethod(key, value)
    return SetMethod(key, value, ignore_if_present=parameters.get("ignore_if_present") is True)


def _text(part: str, value: object) -> str | None:
    """The text of a token, string or byte sequence; None for another type. Raises _MemberError for no UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise _MemberError(f"{part} is not UTF-8") from None
    return str(value) if isinstance(value, str | http_sf.Token) else None
