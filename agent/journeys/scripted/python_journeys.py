"""Journeys in Python: a file with ``async def journey(agent)``, or several whose names begin so.

``SITES`` and ``AGENT`` of the module, where they are there, say what ``sites:`` and ``agent:`` say in YAML.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from agent.journeys.scripted.reading import Journey, PythonFunction
from agent.journeys.scripted.vocabulary import JourneyWords
from agent.model.errors import UsageError

_NAME = re.compile(r"journey(_\w+)?")
_RULE = "a journey is `async def journey(agent)`, or journey_ and more"


def read_python(file: str) -> tuple[Journey, ...]:
    """The journeys in ``file``, which is run as a module. Raises UsageError with ``file:line``."""
    module = _module(file)
    found = [(name, value) for name, value in vars(module).items() if _NAME.fullmatch(name) and callable(value)]
    if not found:
        functions = [name for name, value in vars(module).items() if inspect.isfunction(value)]
        close = get_close_matches("journey", functions, 1)
        nearest = f"; nearest is {close[0]!r}" if close else ""
        raise UsageError(f"there is no journey in this file{nearest}", where=file, rule=_RULE)
    return tuple(_journey(file, name, value, module) for name, value in found)


def _journey(file: str, name: str, function: Any, module: ModuleType) -> Journey:
    line = function.__code__.co_firstlineno if inspect.isfunction(function) else 1
    if not inspect.iscoroutinefunction(function) or len(inspect.signature(function).parameters) != 1:
        raise UsageError(f"{name} is no journey", where=f"{file}:{line}", rule=_RULE)
    told = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".")
    words = {
        "name": told or f"{Path(file).stem}: {name}",
        "agent": _plain(getattr(module, "AGENT", {})),
        "sites": _plain(getattr(module, "SITES", {})),
        "steps": [{"note": name}],
    }
    try:
        head = JourneyWords.model_validate(words)
    except ValidationError as error:
        first = error.errors()[0]
        where, *keys = map(str, first["loc"])
        what = f"{where.upper()}{''.join(f'[{key!r}]' for key in keys)} cannot be used"
        raise UsageError(what, where=file, rule=first["msg"].removeprefix("Value error, ")) from None
    return Journey(head.name, file, head.agent, head.sites, {}, (), function=PythonFunction(function, line))


def _plain(value: Any) -> Any:
    """Paths as texts; sites may be given as pathlib has them."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return str(value) if isinstance(value, Path) else value


def _module(file: str) -> ModuleType:
    path = Path(file).resolve()
    spec = importlib.util.spec_from_file_location(f"tallyhost_journey_{abs(hash(path)):x}", path)
    if spec is None or spec.loader is None:
        raise UsageError("this is no Python file", where=file, rule=_RULE)
    module = importlib.util.module_from_spec(spec)
    # What is defined in it, such as a dataclass, looks for its own module there.
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        where = f"{file}:{error.lineno or 1}:{error.offset or 1}"
        raise UsageError(f"this is no Python: {error.msg}", where=where, rule=_RULE) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() among them: it must not end the run as if all were well
        line = line_in(error, path) or 1
        what = f"running the file failed: {type(error).__name__}: {error}".removesuffix(": ")
        raise UsageError(what, where=f"{file}:{line}", rule=_RULE) from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def line_in(error: BaseException, file: Path) -> int:
    """The last line of ``file`` on the way to ``error``; 0 where it was not on it."""
    lines = [
        frame.lineno or 0
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == file.resolve()
    ]
    return lines[-1] if lines else 0
