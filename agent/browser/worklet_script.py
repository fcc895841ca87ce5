"""What worklets and the realms of auctions run first: files of ``injected_js`` put together with their settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

_COMMON = (
    "primordials.js",
    "failures.js",
    "webidl.js",
    "worklet/primordials.js",
    "worklet/native_look.js",
    "interfaces.js",
    "worklet/platform_objects.js",
)
_OF_WORKLET = (
    *_COMMON,
    "worklet/bootstrap.js",
    "shared_storage_methods.js",
    "worklet/structured_clone_decoder.js",
    "worklet/operations.js",
    "worklet/locks.js",
    "worklet/private_aggregation.js",
    "worklet/shared_storage.js",
    "worklet/global_scope.js",
    "worklet/scopes.js",
    "worklet/realm.js",
)
_OF_AUCTION = (
    *_COMMON,
    "shared_storage_methods.js",
    "auction/record.js",
    "auction/private_aggregation.js",
    "auction/shared_storage.js",
    "auction/functions.js",
    "auction/bootstrap.js",
    "auction/scopes.js",
    "worklet/realm.js",
)


@dataclass(frozen=True, slots=True)
class WorkletScriptConfig:
    """What the script of one worklet is made for; the two names must be unguessable identifiers."""

    binding: str
    """The ``Runtime.addBinding`` function through which the worklet's calls reach the host."""
    resolver: str
    """The lexical name of the function by which the host speaks to the worklet."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """JSON: ``errorReporting`` shows ``contributeToHistogramOnEvent``; ``context`` is ``sharedStorage.context``;
    ``maxStringLength`` bounds keys and values, in UTF-16 code units."""


def worklet_script(config: WorkletScriptConfig) -> str:
    """A classic script for a dedicated worker, to be run before the worklet's own.

    It declares one lexical name, ``config.resolver``, takes ``config.binding`` off the global object, and leaves there
    what a shared storage worklet has (shared-storage section 8).
    """
    return _script(config, {"options": dict(config.options)}, _OF_WORKLET)


def auction_script(config: WorkletScriptConfig) -> str:
    """A classic script for a dedicated worker that is to run one function of an auction's script.

    As :func:`worklet_script`, but what it leaves is the language (protected-audience, "Script globals").
    """
    return _script(config, {}, _OF_AUCTION)


def _script(config: WorkletScriptConfig, more: Mapping[str, Any], names: tuple[str, ...]) -> str:
    settings = {"binding": config.binding, **more}
    parts = [f"const {config.resolver} = (() => {{", '"use strict";', f"const config = {json.dumps(settings)};"]
    parts += [_sources(names), "return hear;\n})();"]
    return "\n".join(parts)


@cache
def _sources(names: tuple[str, ...]) -> str:
    return "\n".join(files("injected_js").joinpath(name).read_text("utf-8") for name in names)
