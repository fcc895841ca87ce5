"""The little Markdown that the reference is made of."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

MADE = "Made by `python -m tests.house.reference`; tests hold it to the code."


def page(title: str, introduction: str, lines: Iterable[str], *, made: str = MADE) -> str:
    """A whole page."""
    return "\n".join([f"# {title}", "", introduction, "", made, "", *lines]).rstrip("\n") + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table and the empty line after it."""
    yield _row(head)
    yield "|" + "---|" * len(head)
    yield from (_row([cell(text) for text in row]) for row in rows)
    yield ""


def cell(text: str) -> str:
    """A text that stays in its cell."""
    return " ".join(text.replace("|", "\\|").split())


def code(text: str) -> str:
    """As code; nothing for an empty text."""
    return f"`{text}`" if text else ""


def sentence(docstring: str) -> str:
    """A docstring as a cell has it: reStructuredText's code marks as Markdown's, roles as what they name."""
    text = docstring.replace("``", "`")
    for role in (":class:", ":func:", ":meth:", ":mod:", ":data:", ":attr:"):
        text = text.replace(role, "")
    return " ".join(text.split())


def first_line(docstring: str | None) -> str:
    """The first paragraph of a docstring."""
    return sentence(inspect.cleandoc(docstring or "").partition("\n\n")[0])


def member_docs(cls: type) -> dict[str, str]:
    """The docstrings below the members of a class, by name; a member without one has an empty text."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    last = ""
    for statement in definition.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = ""
                last = name
            case ast.Expr(value=ast.Constant(value=str(text))) if last:
                found[last] = sentence(text)
                last = ""
            case _:
                last = ""
    return found


def enum_rows(enum: type[Enum]) -> Iterator[tuple[str, str]]:
    """Each member's value and docstring."""
    docs = member_docs(enum)
    yield from ((code(str(member.value)), docs.get(member.name, "")) for member in enum)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
