"""Buckets of a cloud's storage as folders below one root, and no way out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.aggregation.durable_files import is_unfinished
from agent.engines.aggregation.parameters import InvalidParameter

_LONGEST_NAME = 200
"""Bytes; a file system has room for 255, of which names of shards and unfinished files take some."""
_LONGEST_PREFIX = 1024
"""Bytes, as in the clouds."""


class Buckets:
    """The folders below ``root``, each a bucket by its name."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, bucket: str) -> Path:
        """The folder of a bucket."""
        return self._root / bucket

    def files(self, bucket: str, prefix: str) -> tuple[Path, ...]:
        """The files of ``bucket`` whose names, folders included, begin with ``prefix``; empty ones are skipped."""
        folder = self.folder(bucket)
        found = _below(folder / prefix.rpartition("/")[0])
        named = (path for path in found if path.relative_to(folder).as_posix().startswith(prefix))
        # Links out of the bucket, and to nowhere, are no files of it.
        inside = (path for path in named if path.is_file() and _is_inside(path, folder))
        return tuple(sorted(path for path in inside if path.stat().st_size))

    def refusals(self, request: Mapping[str, Any]) -> Iterator[InvalidParameter]:
        """What a request that is well-formed otherwise names outside the root, or under an impossible name."""
        parameters = request["job_parameters"]
        prefixes = request.get("input_data_blob_prefixes") or [request.get("input_data_blob_prefix", "")]
        yield from self._refusals("input_data", request["input_data_bucket_name"], prefixes)
        yield from self._refusals(
            "output_data", request["output_data_bucket_name"], [request["output_data_blob_prefix"]]
        )
        domain = parameters.get("output_domain_bucket_name"), parameters.get("output_domain_blob_prefix")
        if domain[0] and domain[1]:
            yield from self._refusals("output_domain", domain[0], [domain[1]])

    def _refusals(self, kind: str, bucket: str, prefixes: list[str]) -> Iterator[InvalidParameter]:
        name = f"{kind}_bucket_name"
        if problem := _name_problem(bucket):
            yield InvalidParameter(name, bucket[:80], problem, "name a folder of the service's, as in reports")
            return
        if not _is_inside(self.folder(bucket), self._root):
            yield _leads_out(name, bucket)
            return
        name = f"{kind}_blob_prefix"
        for prefix in prefixes:
            if problem := _prefix_problem(prefix):
                yield InvalidParameter(name, prefix[:80], problem, "write it like 2026-01-05/batch.avro")
            elif not _is_inside(self.folder(bucket) / prefix, self.folder(bucket)):
                yield _leads_out(name, prefix)


def _leads_out(name: str, value: str) -> InvalidParameter:
    return InvalidParameter(name, value[:80], "lies in its bucket, no link leads out", "copy the files into the bucket")


def _name_problem(name: str) -> str:
    """What keeps ``name`` from naming one folder; empty where nothing does."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name or not name.isprintable():
        return "is the name of one folder"
    return "" if _length(name) <= _LONGEST_NAME else f"has at most {_LONGEST_NAME} bytes"


def _prefix_problem(prefix: str) -> str:
    parts = prefix.split("/")
    if not prefix.isprintable() or any(part in {".", ".."} for part in parts) or "" in parts[:-1]:
        return "is a path within its bucket, without . and .."
    if _length(prefix) > _LONGEST_PREFIX or any(_length(part) > _LONGEST_NAME for part in parts):
        return f"has at most {_LONGEST_PREFIX} bytes, {_LONGEST_NAME} between slashes"
    return ""


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _below(folder: Path) -> Iterator[Path]:
    """Files in ``folder`` and its folders; linked folders are not entered, unfinished files are none yet."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names if not is_unfinished(name))


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
