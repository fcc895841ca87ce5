"""Whether ``Shared-Storage-Write`` would write anything, in the form of the checks of other headers."""

from __future__ import annotations

from typing import Any

from agent.engines.attribution_reporting.header_check import HeaderCheck
from agent.engines.shared_storage.modifiers import OPERATIONS
from agent.engines.shared_storage.write_header import EXAMPLE, parse_write_header
from agent.model.attribution_reporting.registrations import Issue, Severity
from agent.model.shared_storage import AppendMethod, ClearMethod, ModifierMethod, SetMethod
from agent.model.shared_storage_limits import SharedStorageLimits

WRITE_HEADER = "shared-storage-write"
"""The kind of the header on the command line."""


def check_write_header(value: bytes, limits: SharedStorageLimits) -> HeaderCheck:
    """What a browser would write for the field ``value``, and each member that it would leave out."""
    read = parse_write_header(value, limits)
    warnings = tuple(
        Issue((dropped.position - 1,), dropped.reason, severity=Severity.WARNING) for dropped in read.dropped
    )
    if read.problem is not None:
        return HeaderCheck(False, (Issue((), read.problem, fix=read.fix),), warnings, None)
    if not read.methods:
        return HeaderCheck(False, (Issue((), "nothing is left to write", fix=EXAMPLE),), warnings, None)
    written = {"methods": [_document(method) for method in read.methods], "lock": read.lock}
    return HeaderCheck(True, (), warnings, written)


def _document(method: ModifierMethod) -> dict[str, Any]:
    document: dict[str, Any] = {"method": OPERATIONS[type(method)]}
    if not isinstance(method, ClearMethod):
        document["key"] = method.key
    if isinstance(method, SetMethod | AppendMethod):
        document["value"] = method.value
    if isinstance(method, SetMethod):
        document["ignore_if_present"] = method.ignore_if_present
    return document
