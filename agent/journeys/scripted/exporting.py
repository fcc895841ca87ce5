"""A journey as a test for pytest: the same steps in Python, for whoever needs more than a journey can say."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from agent.journeys.scripted.expected import ExpectationWords
from agent.journeys.scripted.limits import limits_given
from agent.journeys.scripted.locating import milliseconds, patience_of
from agent.journeys.scripted.playing import seed_of, settings_of
from agent.journeys.scripted.reading import Journey
from agent.journeys.scripted.steps import ALL, ANY_PAGE, cookies_of
from agent.journeys.scripted.targets import demo_host
from agent.journeys.scripted.vocabulary import (
    AgentOptions,
    Chaos,
    Filling,
    Opening,
    Pressing,
    Selecting,
    Summary,
    Waiting,
    argument_of,
    number_of,
    word_of,
)
from agent.journeys.scripted.words import Locator, Words
from agent.model.clock import parse_duration
from agent.model.limit_tables import TABLES, Limits
from agent.model.settings import Settings

_OPENING = {"click", "press"}
"""Words of what may open a tab, or close one."""
_SWITCHES = ("minimum_batch", "attribution_reporting", "shared_storage", "private_aggregation", "protected_audience")
_MARKS = {"opt_out": "opted_out"}
_NAMED = (Settings, *TABLES.values())
"""What the marker may have to import."""


def pytest_module(journey: Journey, origin: str = "") -> str:
    """The test that does what ``journey`` does, as the text of a module; ``origin`` says where it is from."""
    body = list(_body(journey))
    demo = {host: target for host, target in journey.sites.items() if demo_host(host, target) is not None}
    folders = {host: target for host, target in journey.sites.items() if host not in demo}
    code = "\n".join(body)
    fixtures = ["agent", *(["sites"] if folders else []), *(["clock"] if "clock." in code else [])]
    lines = [
        f'"""{_docstring(journey.name)}. {_docstring(origin or f"Exported from {Path(journey.file).name}")}."""',
        "",
        *_imports(journey, code, demo=bool(demo)),
        "",
        "",
        "@pytest.mark.asyncio",
        *_marker(journey),
        f"async def {_function_name(journey.name)}({', '.join(fixtures)}):",
        *(f"    sites.serve({_text(host)}, {_site(journey, target)})" for host, target in folders.items()),
    ]
    if demo:
        lines += [f"    async with standing(agent, {literal(demo)}, Path()):"]
    indent = "        " if demo else "    "
    lines += [f"{indent}page = await agent.new_page()", *(f"{indent}{line}" if line else "" for line in body)]
    return "\n".join(lines) + "\n"


def _body(journey: Journey) -> Iterator[str]:
    """The lines of the steps; the tab that they are about is looked for where one may have opened, or closed."""
    followed = True
    for step in journey.steps:
        word = word_of(step.words)
        lines = list(_step(word, _said(step.words, journey.agent)))
        if not followed and any("page." in line for line in lines if not line.startswith("#")):
            followed = True
            yield "page = await newest_tab(agent)"
        yield from lines
        followed = followed and word not in _OPENING


def _imports(journey: Journey, code: str, *, demo: bool) -> Iterator[str]:
    if "re.compile(" in code:
        yield "import re"
    if demo:
        yield "from pathlib import Path"
    if demo or "re.compile(" in code:
        yield ""
    yield "import pytest"
    yield ""
    if "expect(" in code:
        yield "from agent.expectations import expect"
    if helpers := [name for name in ("newest_tab", "pass_time") if f"await {name}(" in code]:
        yield f"from agent.journeys.scripted.exported import {', '.join(helpers)}"
    if "sums(" in code:
        yield "from agent.journeys.scripted.summing import sums"
    if demo:
        yield "from agent.journeys.scripted.targets import standing"
    marker = "".join(_marker(journey))
    yield from sorted(f"from {one.__module__} import {one.__name__}" for one in _NAMED if f"{one.__name__}(" in marker)


def _marker(journey: Journey) -> Iterator[str]:
    options = journey.agent
    # Of a preset and what it says too, pytest's marker has the preset win: they are written out together.
    together = bool(limits_given(options)) or {"params", "minimum_batch"} <= options.model_fields_set
    left_out = {*_SWITCHES, *TABLES, *(["params"] if together else [])}
    given = {
        _MARKS.get(name, name): getattr(options, name)
        for name in AgentOptions.model_fields
        if name in options.model_fields_set and name not in left_out
    }
    # Without one, a test draws by its own name.
    given["seed"] = seed_of(journey.name, options)
    arguments = [f"{name}={literal(value)}" for name, value in given.items()]
    settings = [f"{name}={literal(getattr(options, name))}" for name in _SWITCHES if name in options.model_fields_set]
    if together:
        settings += _written_out(options)
    if settings:
        arguments.append(f"settings=Settings({', '.join(settings)})")
    yield f"@pytest.mark.agent({', '.join(arguments)})"


def _written_out(options: AgentOptions) -> Iterator[str]:
    """Every limit of the journey's agent that is not the default one, and its smallest batch."""
    settings, usual = settings_of(options), Settings()
    if "minimum_batch" not in options.model_fields_set and settings.minimum_batch != usual.minimum_batch:
        yield f"minimum_batch={settings.minimum_batch}"
    for table in TABLES:
        changed = _changed(getattr(settings, table), getattr(usual, table))
        if changed:
            yield f"{table}={type(getattr(usual, table)).__name__}({', '.join(changed)})"


def _changed(limits: Limits, usual: Limits) -> list[str]:
    pairs = ((field.name, getattr(limits, field.name), getattr(usual, field.name)) for field in fields(limits))
    return [f"{name}={literal(value)}" for name, value, default in pairs if value != default]


def _said(words: Words, options: AgentOptions) -> Any:
    """What a step takes, with what it has from the journey's head."""
    argument = argument_of(words)
    if isinstance(argument, Summary) and argument.noise is None and options.noise:
        return argument.model_copy(update={"noise": True})
    return argument


def _step(word: str, argument: Any) -> Iterator[str]:
    yield from _STEPS[word](argument)


def _open(opening: Opening) -> Iterator[str]:
    yield f"response = await page.goto({_text(opening.url)})"
    if opening.status == ANY_PAGE:
        yield "assert response is None or response.status < 400"
    else:
        yield f"assert response is not None and response.status == {opening.status}"


def _press(pressing: Pressing) -> Iterator[str]:
    if pressing.inside is None:
        yield f"await page.keyboard.press({_text(pressing.key)})"
    else:
        yield f"await {_locator(pressing.inside)}.press({_arguments(_text(pressing.key), *_timeout(pressing.inside))})"


def _wait_for(waiting: Waiting) -> Iterator[str]:
    state = [] if waiting.state == "visible" else [f"state={_text(waiting.state)}"]
    yield f"await {_locator(waiting)}.wait_for({_arguments(*state, *_timeout(waiting))})"


def _expect(wanted: ExpectationWords) -> Iterator[str]:
    found = wanted.subject()
    timeout = [] if wanted.timeout is None else [f"timeout={milliseconds(wanted.timeout)}"]
    if found is None and wanted.url is not None:
        yield f"await page.wait_for_url({_arguments(_text(wanted.url), *timeout, _WAIT_UNTIL)})"
    elif found is None and wanted.inside is not None:
        arguments = _arguments(_text(wanted.text or ""), *timeout)
        yield f"await expect({_locator(wanted.inside)}).to_contain_text({arguments})"
    elif found is None:
        shown = f"page.get_by_text({_text(wanted.text or '')}).filter(visible=True).first"
        yield f"await expect({shown}).to_be_visible({_arguments(*timeout)})"
    else:
        name, members, count = found
        options = [] if count is None else [f"count={count}"]
        options += [] if wanted.within is None else [f"advance={_text(wanted.within)}"]
        options += [] if wanted.timeout is None else [f"timeout={parse_duration(wanted.timeout) / 1000:g}"]
        if all(key.isidentifier() and not keyword.iskeyword(key) for key in members):
            given = [f"{key}={literal(value)}" for key, value in members.items()]
            yield f"await expect(agent).to_have_{name}({_arguments(*given, *options)})"
        else:
            yield f"await expect(agent).to_have({_arguments(_text(name), literal(members), *options)})"


_WAIT_UNTIL = 'wait_until="commit"'


def _clear_site_data(site: str) -> Iterator[str]:
    if site == ALL:
        yield "await agent.state.clear_history()"
        yield "await agent.context.clear_cookies()"
    else:
        yield f"await agent.state.clear(site={_text(site)}, keep_history=True)"
        yield f"await agent.context.clear_cookies(domain=re.compile({_text(cookies_of(site))}))"


def _chaos(chaos: Chaos | None) -> Iterator[str]:
    if chaos is None:
        yield "agent.chaos.clear()"
        return
    given = {name: getattr(chaos, name) for name in Chaos.model_fields if name in chaos.model_fields_set}
    host = given.pop("host")
    yield f"agent.chaos.set({_arguments(_text(host), *(f'{name}={literal(one)}' for name, one in given.items()))})"


def _summary(wanted: Summary) -> Iterator[str]:
    options = [
        f"{name}={literal(getattr(wanted, name))}"
        for name in ("reports", "service", "to", "epsilon", "filtering_ids", "noise")
        if name in wanted.model_fields_set
    ]
    numbers = {number_of(name, wanted.buckets): (name, value) for name, value in wanted.expect.items()}
    buckets = ", ".join(hex(number) for number in numbers)
    yield f"found = await sums({_arguments('agent', f'buckets=[{buckets}]', *options)})"
    for number, (name, value) in numbers.items():
        remark = f"  # {' '.join(name.split())}" if name in wanted.buckets else ""
        if wanted.tolerance:
            yield f"assert abs(found[{number:#x}] - {value}) <= {wanted.tolerance}{remark}"
        else:
            yield f"assert found[{number:#x}] == {value}{remark}"


def _note(text: str) -> Iterator[str]:
    yield ""
    yield from (f"# {line}" for line in text.splitlines())


_STEPS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "open": _open,
    "click": lambda target: iter([f"await {_locator(target)}.click({_arguments(*_timeout(target))})"]),
    "fill": lambda one: iter([f"await {_locator(one)}.fill({_arguments(_value_of(one), *_timeout(one))})"]),
    "press": _press,
    "select": lambda one: iter([f"await {_locator(one)}.select_option({_arguments(_value_of(one), *_timeout(one))})"]),
    "wait_for": _wait_for,
    "expect": _expect,
    "advance": lambda duration: iter([f"await pass_time(agent, {_text(duration)})"]),
    "next_report": lambda _: iter(["await clock.to_next_report()"]),
    "clear_site_data": _clear_site_data,
    "chaos": _chaos,
    "offline": lambda offline: iter([f"await agent.set_offline({offline})"]),
    "summary": _summary,
    "screenshot": lambda name: iter([f"await page.screenshot(path={_text(_file_name(name))})"]),
    "note": _note,
}


def _value_of(step: Filling | Selecting) -> str:
    return _text(step.value if isinstance(step, Filling) else step.option)


def _locator(locator: Locator) -> str:
    exact = ["exact=True"] if locator.exact else []
    match locator:
        case Locator(role=str(role), name=name):
            named = [] if name is None else [f"name={_text(name)}"]
            found = f"get_by_role({_arguments(_text(role), *named, *exact)})"
        case Locator(text=str(text)):
            found = f"get_by_text({_arguments(_text(text), *exact)})"
        case Locator(label=str(label)):
            found = f"get_by_label({_arguments(_text(label), *exact)})"
        case Locator(testid=str(testid)):
            found = f"get_by_test_id({_text(testid)})"
        case _:
            found = f"locator({_text(f'css={locator.css}')})"
    if locator.nth is not None:
        found += f".nth({locator.nth - 1})"
    return f"{_frame(locator.frame)}.{found}"


def _frame(frame: Locator | None) -> str:
    if frame is None:
        return "page"
    if frame.text is None:
        return f"{_locator(frame)}.content_frame"
    selector = f"iframe[title*={json.dumps(frame.text, ensure_ascii=False)} i]"
    return f"{_frame(frame.frame)}.frame_locator({_text(selector)})"


def _timeout(locator: Locator) -> list[str]:
    return [] if locator.timeout is None else [f"timeout={patience_of(locator)}"]


def _arguments(*arguments: str) -> str:
    return ", ".join(arguments)


def _site(journey: Journey, target: str) -> str:
    return _text(target if target.startswith(("http://", "https://")) else str(journey.folder / target))


def literal(value: Any) -> str:
    """A value as Python writes it, texts in double quotes."""
    match value:
        case str():
            return _text(value)
        case dict():
            return "{" + ", ".join(f"{literal(key)}: {literal(one)}" for key, one in value.items()) + "}"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case tuple():
            return f"({''.join(f'{literal(one)}, ' for one in value).rstrip()})"
    return repr(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _docstring(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', "'").rstrip(".")


def _function_name(name: str) -> str:
    return "test_" + (re.sub(r"\W+", "_", name.lower()).strip("_") or "journey")


def _file_name(name: str) -> str:
    return (re.sub(r"[^\w.-]+", "-", name).strip("-.") or "screenshot") + ".png"
