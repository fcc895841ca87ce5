"""docs/reference/python.md: the agent and what hangs on it, as scripts use them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Container, Iterator, Mapping

from agent.runtime import Agent, agent, open_collector
from agent.runtime.agent_clock import AgentClock
from agent.runtime.chaos import Chaos
from agent.runtime.collecting import OpenCollector
from agent.runtime.explaining import Explaining
from agent.runtime.inspection import EventStream
from agent.runtime.stored_interest_groups import StoredInterestGroups
from agent.runtime.stored_shared_storage import StoredSharedStorage
from tests.house.reference.markdown import code, first_line, page, table
from tests.house.reference.signatures import methods, parameters

_INTRODUCTION = """`from agent.runtime import Agent, open_collector`. Instants are milliseconds since 1970; a
duration is milliseconds, or text such as `"2d"`."""
_OF_THE_RUNTIME: Mapping[type, Container[str]] = {
    Agent: {"open_pages", "prepare_delivery", "deliver", "navigated", "expire", "note", "show_time"},
    AgentClock: {"close", "keep"},
    Chaos: {"meet"},
    EventStream: {"announce"},
    StoredInterestGroups: {"bidding", "join", "leave", "clear", "count_bids"},
    StoredSharedStorage: {"update", "update_by_header", "select_url", "navigated", "expire"},
}
"""Methods that other parts of the agent call, by class."""
_WHOLLY_OF_THE_RUNTIME = {"hosts", "attribution_reporting"}


def facades() -> Iterator[tuple[str, type]]:
    """The public attributes that every agent has and that are classes of ours, with their classes."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(Agent.__init__))).body
    for node in ast.walk(definition):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=ast.Call(func=ast.Name(id=made))
            ) if not name.startswith("_") and name not in _WHOLLY_OF_THE_RUNTIME:
                cls = vars(agent)[made]
                if inspect.isclass(cls):
                    yield name, cls


def python_page() -> str:
    """The text of the page."""
    return page("In Python", _INTRODUCTION, _lines())


def _lines() -> Iterator[str]:
    yield "## `Agent`"
    yield ""
    yield first_line(Agent.__doc__)
    yield ""
    yield from _methods(Agent)
    yield f"{code('await explain(wanted)')}: {first_line(Explaining.explain.__doc__)}"
    yield ""
    for name, cls in facades():
        yield f"## `agent.{name}`"
        yield ""
        yield first_line(cls.__doc__)
        yield ""
        yield from _methods(cls)
    yield "## `open_collector`"
    yield ""
    opened = f"async with open_collector({parameters(open_collector)}) as collector"
    yield f"{code(opened)}: {first_line(open_collector.__doc__)}"
    yield ""
    yield from _methods(OpenCollector)


def _methods(cls: type) -> Iterator[str]:
    told = methods(cls, without=_OF_THE_RUNTIME.get(cls, ()))
    yield from table(("", ""), ((code(signature), words) for signature, words in told))
