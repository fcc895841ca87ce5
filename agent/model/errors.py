"""Errors that a person reads, and exceptions that a page sees.

TallyhostError            says what, where, which rule, what to do; carries the exit code
  UsageError              a bad flag, file, story or config            exit 2
  HostEnvironmentError    no Chromium, port taken, disk full, locked   exit 3
PageException (data)      what the specification makes the page see thrown
"""

from __future__ import annotations

from dataclasses import dataclass


class TallyhostError(Exception):
    """What happened, where, which rule, what to do next: every message a person sees has this form."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", rule: str = "", fix: str = "") -> None:
        self.what, self.where, self.rule, self.fix = what, where, rule, fix
        super().__init__(what)

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.rule:
            parts.append(f"  rule  {self.rule}")
        if self.fix:
            parts.append(f"  fix   {self.fix}")
        return "\n".join(parts)


class UsageError(TallyhostError):
    """The input was wrong; nothing was changed."""

    exit_code = 2


class HostEnvironmentError(TallyhostError):
    """The machine lacks something: Chromium, a free port, disk space, an unlocked profile."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class PageException:
    """An exception the page must see: a JavaScript error class, or a DOMException by its name."""

    name: str
    """``TypeError``, ``RangeError``, ``ReferenceError``, or a DOMException name such as ``SyntaxError``."""
    message: str
    is_dom_exception: bool = False
