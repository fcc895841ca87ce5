"""The script that every document runs first: puts the files of ``injected_js`` together with their configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import ada_url

from agent.model.attribution import AggregationService, Dialect
from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.shared_storage_limits import SharedStorageLimits

_COMMON = (
    "primordials.js",
    "dom_primordials.js",
    "failures.js",
    "webidl.js",
    "native_look.js",
    "interfaces.js",
    "realms.js",
    "channel.js",
    "navigator_attributes.js",
    "hooks.js",
    "attribution_reporting.js",
    "urn_frames.js",
    "shared_storage_elements.js",
    "attribution_reporting_elements.js",
    "attribution_reporting_markup.js",
    "attribution_reporting_parser.js",
    "attribution_reporting_navigations.js",
    "attribution_reporting_window_open.js",
    "attribution_reporting_fetch.js",
    "feature_policy.js",
    "structured_clone.js",
    "shared_storage_fetch.js",
    "shared_storage_methods.js",
    "shared_storage.js",
    "shared_storage_options.js",
    "shared_storage_worklet.js",
    "fenced_frames.js",
    "protected_audience_options.js",
    "protected_audience.js",
    "fence.js",
    "hearing.js",
)
_OF_DIALECT = {
    Dialect.CURRENT: ("aggregation_services.js", "attribution.js"),
    Dialect.LEVEL1_2024: ("sites.js", "private_attribution.js"),
}
_FAR = "/*FAR*/"
_WIDENED = "//" + "/" * 0x10000 + "\n"
"""More than V8 can count from a function's first token to its parameters; see native_look.js."""


@dataclass(frozen=True, slots=True)
class PageScriptConfig:
    """What the script of one browser is made for; the three names must be unguessable identifiers."""

    binding: str
    """The ``Runtime.addBinding`` function through which a page's calls reach the host."""
    resolver: str
    """The lexical name of the function that takes ``(id, json)``, the host's answer, in the calling realm."""
    realm_event: str
    """The event type by which realms that can reach one another share their objects."""
    services: Sequence[AggregationService] = ()
    dialects: frozenset[Dialect] = frozenset(Dialect)
    """Which of the two interfaces pages see."""
    allow_localhost: bool = False
    """Whether localhost counts as a site (:attr:`AttributionLimits.allow_localhost`)."""
    attribution_reporting: bool = True
    """Whether requests may register for Attribution Reporting. Pages see its interfaces in any case."""
    shared_storage_asks: bool = False
    """Whether calls of Shared Storage wait for the host, who may refuse; else pages are answered at once."""
    shared_storage_limits: SharedStorageLimits = field(default_factory=SharedStorageLimits)
    coordinators: Sequence[str] = COORDINATORS
    """Origins that a ``privateAggregationConfig`` may name."""
    accept_parameter: str = "t"
    """Names the parameter of ``Accept`` that marks requests: unguessable, at most 8 letters and digits."""


def page_script(config: PageScriptConfig) -> str:
    """The text for ``Page.addScriptToEvaluateOnNewDocument`` (main world).

    It declares one lexical name, ``config.resolver``, and takes ``config.binding`` off the global object.
    """
    settings = {
        "binding": config.binding,
        "realmEvent": config.realm_event,
        "services": [
            {"name": one.name, "url": one.url, "apiVersion": one.api_version, "protocol": one.protocol}
            for one in config.services
        ],
        "dialects": {dialect.value: dialect in config.dialects for dialect in Dialect},
        "allowLocalhost": config.allow_localhost,
        "attributionReporting": config.attribution_reporting,
        "sharedStorage": {
            "asks": config.shared_storage_asks,
            "maxStringLength": config.shared_storage_limits.max_string_length,
            "maxUrns": config.shared_storage_limits.max_urns,
            "maxUrls": config.shared_storage_limits.max_urls,
            "customDataOrigin": config.shared_storage_limits.custom_data_origin,
            "coordinators": list(config.coordinators),
        },
        "acceptParameter": config.accept_parameter,
    }
    names = [*_COMMON, *(name for dialect in Dialect if dialect in config.dialects for name in _OF_DIALECT[dialect])]
    parts = [f"const {config.resolver} = (() => {{", '"use strict";', f"const config = {json.dumps(settings)};"]
    if Dialect.LEVEL1_2024 in config.dialects:
        parts.append(f'const publicSuffixRules = "{public_suffix_rules()}";')
    parts += [_source(name) for name in (*names, "expose.js")]
    parts.append("return settle;\n})();")
    return "\n".join(parts)


@cache
def _source(name: str) -> str:
    return files("injected_js").joinpath(name).read_text("utf-8").replace(_FAR, _WIDENED)


@cache
def public_suffix_rules() -> str:
    """The Public Suffix List's rules of two and more labels, by the domain that they are below.

    ``/uk ac co gov /ck * !www /``: a slash, the domain, and each label that stands before it in a rule.
    """
    below: dict[str, list[str]] = {}
    for rule in _rules():
        exception = "!" if rule.startswith("!") else ""
        label, dot, domain = rule.removeprefix("!").partition(".")
        if dot:
            below.setdefault(_a_labels(domain), []).append(exception + (label if label == "*" else _a_labels(label)))
    return "".join(f"/{domain} {' '.join(labels)} " for domain, labels in sorted(below.items())) + "/"


def _rules() -> Iterator[str]:
    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8")
    for line in text.splitlines():
        if line.strip() and not line.startswith("//"):
            yield line.split()[0]


def _a_labels(name: str) -> str:
    return name if name.isascii() else ada_url.idna_to_ascii(name).decode()
