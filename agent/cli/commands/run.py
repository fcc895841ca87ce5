"""``tallyhost run``: journeys from files and folders, several at once; stories, which need no browser, among them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from agent.cli.output import error_document, print_error
from agent.cli.session import CHROMIUM_FLAG, HEADED_FLAG, PRESET_FLAGS, SEED_FLAG, Session, with_session
from agent.model.errors import UsageError
from agent.reporting.documents.events import event_document

if TYPE_CHECKING:
    from agent.journeys.scripted.reading import Journey
    from agent.journeys.scripted.running import RunOptions, Watching
    from agent.reporting.journey_results import JourneyResult

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("run")
@click.argument("journeys", nargs=-1, metavar="JOURNEY...")
@click.option("-n", "--at-once", default=1, type=click.IntRange(1, 64), show_default=True, help="Journeys at once.")
@click.option("--var", "given", multiple=True, metavar="NAME=VALUE", help="What ${NAME} stands for.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write JUnit XML, for a CI.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a page with pictures, timeline and sums.")
@click.option("--bundle", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Keep what failed.")
@click.option("--example", is_flag=True, help="Run the example over all APIs that comes with tallyhost.")
@with_session(*PRESET_FLAGS, SEED_FLAG, HEADED_FLAG, CHROMIUM_FLAG)
def run(
    session: Session,
    journeys: tuple[str, ...],
    at_once: int,
    given: tuple[str, ...],
    junit: Path | None,
    html: Path | None,
    bundle: Path | None,
    example: bool,
) -> int:
    """Run journeys: files of YAML or Python, or folders of them.

    JSON stories, JSONL and bundles are played too, without a browser, as `tallyhost story` plays them.

    --params, --noise, --delays and --seed, as flags or variables, win over what a journey says of its agent.

    Exit codes: 0 all passed, 1 an expectation failed, 2 a journey cannot be read, 3 the machine lacks something, such
    as a site that does not answer, 130 Ctrl-C; of several the highest. Reports are written after Ctrl-C too.
    """
    from agent.journeys.scripted.finding import example_file, journey_files  # noqa: PLC0415
    from agent.journeys.scripted.running import RunOptions, exit_code_of  # noqa: PLC0415
    from agent.reporting.journey_page import write_journeys  # noqa: PLC0415
    from agent.reporting.journey_results import Outcome  # noqa: PLC0415
    from agent.reporting.junit import write_junit  # noqa: PLC0415

    files = [*journey_files(journeys), *([example_file()] if example else [])]
    if not files:
        raise UsageError("no journey was named", where="tallyhost run", fix="name files or folders, or --example")
    chosen = _chosen(session, files)
    variables = _variables(given)
    read, stories, code = _read(session, files, variables)
    if code:
        return code
    _refuse_unnamed(variables, read)
    read = [replace(journey, agent=journey.agent.model_copy(update=chosen)) for journey in read]
    config = session.config
    options = RunOptions(at_once, config.headed, config.chromium, pictures=html is not None, bundles=bundle)
    results = _run(session, read, stories, options)
    for path in [write(results, to) for write, to in ((write_junit, junit), (write_journeys, html)) if to is not None]:
        session.output.note(f"written: {path}")
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    session.output.line(f"{passed} passed, {len(results) - passed} failed")
    if session.output.as_json:
        session.output.document({"passed": passed, "journeys": [_document(result) for result in results]})
    return exit_code_of(results)


def _run(
    session: Session, journeys: Sequence[Journey], stories: Sequence[JourneyResult], options: RunOptions
) -> tuple[JourneyResult, ...]:
    """The results of the stories, which were played as they were read, and of ``journeys``."""
    import asyncio  # noqa: PLC0415

    from agent.journeys.scripted.progress import Bars, Lines, console_line  # noqa: PLC0415
    from agent.journeys.scripted.running import Keeping, run_journeys  # noqa: PLC0415

    output = session.output
    lines = Lines(output.line, verbose=session.config.verbosity > 0)
    for story in stories:
        lines.told(story)
    if not journeys:
        return tuple(stories)
    console = output.console()
    bars: AbstractContextManager[Watching] = nullcontext(lines)
    if not (output.as_json or output.quiet) and console.is_terminal and sys.stdout.isatty():
        bars = Bars(console, len(journeys), Lines(console_line(console), verbose=session.config.verbosity > 0))
    with bars as watching:
        keeping = Keeping(watching)
        try:
            return (*stories, *asyncio.run(run_journeys(journeys, options, keeping)))
        except KeyboardInterrupt:
            return (*stories, *keeping.interrupted(journeys))


def _chosen(session: Session, files: Sequence[str]) -> dict[str, Any]:
    """What the flags and variables of this run say of the journeys' agents."""
    from agent.cli.config import PREFIX  # noqa: PLC0415
    from agent.journeys.scripted.finding import is_story  # noqa: PLC0415

    origins = {name: session.effective.origins.get(name, "") for name in ("params", "noise", "delays", "seed")}
    flag = next((origin for origin in origins.values() if origin.startswith("--")), None)
    if flag is not None and (story := next(filter(is_story, files), None)) is not None:
        raise UsageError(
            f"{flag} does not apply to a story",
            where=story,
            rule="a story has a configuration of its own, and nothing in it is left to chance",
            fix=f"run stories apart from journeys, without {flag}",
        )
    return {name: getattr(session.config, name) for name, at in origins.items() if at.startswith(("--", PREFIX))}


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    from agent.journeys.scripted.variables import NAME  # noqa: PLC0415

    pairs = [text.partition("=") for text in given]
    for name, found, _ in pairs:
        if not found or not NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no NAME=VALUE", where="flag --var", fix="--var shop=https://shop.test")
    return {name: value for name, _, value in pairs}


def _refuse_unnamed(variables: dict[str, str], journeys: Sequence[Journey]) -> None:
    """Raise UsageError for a variable that no journey names: it would be played with another value than was meant."""
    named = sorted(frozenset().union(*(journey.variables for journey in journeys)))
    for name, value in variables.items():
        if name not in named:
            close = get_close_matches(name, named, 1)
            raise UsageError(
                f"no journey names ${{{name}}}",
                where="flag --var",
                rule=f"they name {', '.join(named)}" if named else "they name no variable",
                fix=f"write --var {close[0]}={value}" if close else "",
            )


def _read(
    session: Session, files: list[str], variables: dict[str, str]
) -> tuple[list[Journey], list[JourneyResult], int]:
    """The journeys, the results of the stories, and 0; or the exit code, after all that is wrong with any is told."""
    from agent.journeys.scripted.finding import is_story, read_file  # noqa: PLC0415
    from agent.journeys.scripted.reading import UnreadableJourneyError  # noqa: PLC0415
    from agent.journeys.scripted.stories import play_stories  # noqa: PLC0415

    journeys: list[Journey] = []
    stories: list[JourneyResult] = []
    errors: list[UsageError] = []
    for file in files:
        if is_story(file):
            stories += play_stories(file, errors.append)
            continue
        try:
            journeys += read_file(file, variables)
        except UsageError as error:
            errors += error.errors if isinstance(error, UnreadableJourneyError) else (error,)
    for one in errors:
        print_error(one, as_json=False)
    if errors and session.output.as_json:
        session.output.document({"errors": [error_document(one) for one in errors]})
    return journeys, stories, max((one.exit_code for one in errors), default=0)


def _document(result: JourneyResult) -> dict[str, Any]:
    """A result as plain JSON values, without pictures."""
    return {
        "name": result.name,
        "file": result.file,
        "line": result.line,
        "outcome": result.outcome,
        "seed": result.seed,
        "seconds": round(result.seconds, 3),
        "failure": None if result.failure is None else asdict(result.failure),
        "bundle": None if result.bundle is None else str(result.bundle),
        "notes": list(result.notes),
        "steps": [
            {
                "line": step.line,
                "told": step.told,
                "outcome": step.outcome,
                "seconds": round(step.seconds, 3),
                "events": [event_document(event) for event in step.events],
                "sums": None if step.sums is None else asdict(step.sums),
            }
            for step in result.steps
        ],
    }
