"""Plays one journey in a fresh agent, step by step."""

from __future__ import annotations

import asyncio
import time
import traceback
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from agent.browser.launch import Browser
from agent.browser.page_failures import PageError
from agent.expectations import ExpectationError
from agent.journeys.scripted.limits import limited
from agent.journeys.scripted.python_journeys import line_in
from agent.journeys.scripted.reading import Journey, PlacedStep
from agent.journeys.scripted.steps import Scene, perform, told
from agent.journeys.scripted.targets import SiteError, standing
from agent.journeys.scripted.vocabulary import AgentOptions
from agent.model.clock import DEFAULT_FROZEN_START, Clock, parse_instant
from agent.model.errors import HostEnvironmentError, TallyhostError, UsageError
from agent.model.presets import settings_for
from agent.model.settings import Settings
from agent.reporting.bundle import write_bundle
from agent.reporting.journey_results import Failure, JourneyResult, Outcome, StepResult
from agent.runtime import Agent


@dataclass(frozen=True, slots=True)
class Playing:
    """How journeys are played."""

    browser: Browser
    pictures: bool = False
    """Whether each step leaves a picture of its page."""


KNOWN = (TallyhostError, AssertionError, PageError, ValueError)
"""What a step fails with; all else is a fault of ours."""
Told = Callable[[StepResult], None]
"""Is told of each step when it has ended."""


def seed_of(name: str, options: AgentOptions) -> int:
    """The seed of a journey: its own, else one that its name always gives."""
    return zlib.crc32(name.encode()) if options.seed is None else options.seed


def settings_of(options: AgentOptions) -> Settings:
    """The agent's settings that a journey asks for."""
    settings = limited(settings_for(options.params, noise=options.noise, delays=options.delays), options)
    return replace(
        settings,
        page_clock=options.page_clock,
        attribution_reporting=options.attribution_reporting,
        shared_storage=options.shared_storage,
        private_aggregation=options.private_aggregation,
        protected_audience=options.protected_audience,
        minimum_batch=options.minimum_batch or settings.minimum_batch,
    )


@asynccontextmanager
async def stage(journey: Journey, browser: Browser) -> AsyncIterator[Scene]:
    """The agent and the sites of a journey."""
    options = journey.agent
    seed, settings = seed_of(journey.name, options), settings_of(options)
    clock = Clock.frozen(DEFAULT_FROZEN_START if options.now is None else parse_instant(options.now))
    async with (
        Agent.launch(
            settings=settings,
            seed=seed,
            clock=clock,
            browser=browser,
            private=options.private,
            opted_out=options.opt_out,
        ) as agent,
        standing(agent, journey.sites, journey.folder),
    ):
        yield Scene(agent, journey.sites, options.noise)


async def play(
    journey: Journey, how: Playing, tell: Told = lambda _step: None, bundle: Path | None = None
) -> JourneyResult:
    """Play ``journey``; what fails is in the result, never raised, unless it is a fault of ours.

    ``bundle``: the folder that it leaves a bundle in where it fails.
    """
    begun = time.monotonic()
    seed = seed_of(journey.name, journey.agent)
    result = JourneyResult(journey.name, journey.file, Outcome.PASSED, seed=seed)
    try:
        async with stage(journey, how.browser) as scene:
            if journey.function is not None:
                result = await _played_function(scene, journey, result, how)
            else:
                result = _concluded(result, await _played(scene, journey.steps, how, tell))
            if result.failure is not None and bundle is not None:
                why = f"{result.where}: {result.failure.text}"
                result = replace(result, bundle=await write_bundle(scene.agent, bundle, why=why))
    except (TallyhostError, PageError) as error:
        failure = failure_of(error)
        line = journey.site_lines.get(error.host, 0) if isinstance(error, SiteError) else 0
        result = replace(result, outcome=outcome_of(failure), failure=failure, line=line)
    if result.failure is not None and not how.browser.connected:
        headline, text = (f"Chromium is gone: {one}" for one in (result.failure.headline, result.failure.text))
        failure = Failure(headline, text, HostEnvironmentError.exit_code)
        result = replace(result, outcome=outcome_of(failure), failure=failure)
    return replace(result, seconds=time.monotonic() - begun)


async def _played(scene: Scene, steps: tuple[PlacedStep, ...], how: Playing, tell: Told) -> tuple[StepResult, ...]:
    results: list[StepResult] = []
    failed = False
    for step in steps:
        if failed:
            result = StepResult(step.line, told(step.words), Outcome.SKIPPED)
        else:
            result = await played_step(scene, step.line, told(step.words), partial(perform, scene, step.words), how)
        failed = failed or result.failure is not None
        results.append(result)
        tell(result)
    return tuple(results)


async def played_step(
    scene: Scene, line: int, text: str, act: Callable[[], Awaitable[None]], how: Playing
) -> StepResult:
    """Do one step, and give what came of it: its failure, what the agent did, a picture where wanted."""
    agent = scene.agent
    last = await agent.events.last()
    begun = time.monotonic()
    failure: Failure | None = None
    scene.sums = None
    scene.pictures.clear()
    try:
        await act()
    except KNOWN as error:
        failure = failure_of(error)
    seconds = time.monotonic() - begun
    if how.pictures:
        await _take_picture(scene)
    name, picture = scene.pictures[0] if scene.pictures else ("", b"")
    return StepResult(
        line,
        text,
        Outcome.PASSED if failure is None else outcome_of(failure),
        seconds,
        agent.clock.now(),
        failure,
        tuple(await agent.events.read(after=0 if last is None else last.id, limit=1000)),
        picture,
        name,
        scene.sums,
    )


async def _take_picture(scene: Scene) -> None:
    """A picture of the page after the step, unless it looks as it did after the one before."""
    with suppress(PageError):
        page = await scene.page()
        picture = await page.screenshot(timeout=5000, type="jpeg", quality=60)
        if picture != scene.last_picture:
            scene.pictures.append(("", picture))
        scene.last_picture = picture


async def _played_function(scene: Scene, journey: Journey, result: JourneyResult, how: Playing) -> JourneyResult:
    """Run a journey that is written in Python, as one step."""
    function = journey.function
    assert function is not None
    line = 0

    async def act() -> None:
        nonlocal line
        try:
            await function.run(scene.agent)
        except BaseException as error:
            if _ends_the_run(error):
                raise
            # Whatever else it is, sys.exit() and pytest.fail() among them, it ends this journey alone.
            line = line_in(error, Path(journey.file))
            if isinstance(error, KNOWN):
                raise
            raise AssertionError(f"{type(error).__name__}: {error}") from error

    step = await played_step(scene, function.line, "journey(agent)", act, how)
    return replace(_concluded(result, (step,)), line=line if step.failure is not None else 0)


def _ends_the_run(error: BaseException) -> bool:
    """Whether it is Ctrl-C, or the end of the run that follows from it; a cancellation of the journey's own is not."""
    task = asyncio.current_task()
    cancelled = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
    return cancelled or isinstance(error, KeyboardInterrupt | GeneratorExit)


def _concluded(result: JourneyResult, steps: tuple[StepResult, ...]) -> JourneyResult:
    failed = next((step for step in steps if step.failure is not None), None)
    if failed is None:
        return replace(result, steps=steps)
    return replace(result, steps=steps, outcome=failed.outcome, failure=failed.failure, line=failed.line)


def failure_of(error: Exception) -> Failure:
    """What a person is told of ``error``; halves of surrogate pairs, which pages may write, are escaped."""
    failure = _failure_of(error)
    headline, text = (one.encode(errors="backslashreplace").decode() for one in (failure.headline, failure.text))
    return replace(failure, headline=headline, text=text)


def _failure_of(error: Exception) -> Failure:
    match error:
        case ExpectationError():
            return Failure(error.headline, str(error))
        case TallyhostError():
            headline = f"{error.where}: {error.what}" if error.where else error.what
            return Failure(headline, str(error), error.exit_code)
        case PageError():
            return Failure(error.message.splitlines()[0], error.message)
        case ValueError():
            return Failure(str(error), str(error), UsageError.exit_code)
    text = str(error) or type(error).__name__
    return Failure(text.splitlines()[0], text)


def fault(error: Exception) -> Failure:
    """What a person is told of a fault of ours, in full: nobody foresaw it."""
    text = "".join(traceback.format_exception(error)).rstrip()
    headline = f"inside tallyhost: {type(error).__name__}: {error}".splitlines()[0]
    return Failure(headline, f"{headline}\n{text}", HostEnvironmentError.exit_code)


def outcome_of(failure: Failure) -> Outcome:
    """Whether something was not as expected, or could not be tried."""
    return Outcome.FAILED if failure.exit_code == TallyhostError.exit_code else Outcome.ERROR
