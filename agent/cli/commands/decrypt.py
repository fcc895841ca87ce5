"""``tallyhost decrypt``: what the payloads of aggregatable reports say."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import IO, Any

import rich_click as click

from agent.cli.output import Document
from agent.cli.reach import ask
from agent.cli.session import PROFILE_FLAG, Session, with_session
from agent.model.errors import UsageError

_STDIN = "-"
_KEYS_RULE = '{"keys": [{"id": TEXT, "private_key": base64 of 32 bytes}]}'
_REPORT_RULE = '{"aggregation_service_payloads": [{"key_id": TEXT, "payload": base64}], "shared_info": TEXT}'

Keys = Mapping[str, bytes]


@click.command("decrypt")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option("--keys", "keys_file", metavar="KEYS.json", help="The coordinator's keys [the agent's own].")
@with_session(PROFILE_FLAG)
def decrypt(session: Session, files: tuple[str, ...], keys_file: str | None) -> None:
    """Open the payloads of aggregatable reports: one line of JSON for each.

    FILE is a report's JSON, a list of reports, or one report a line; - reads standard input. KEYS.json is
    {"keys": [{"id", "private_key"}]}, the key in base64.
    """
    keys = keys_of_file(keys_file) if keys_file else read_keys(ask(session, "keys.show"), "the agent")
    opened = (
        payload
        for file in files
        for place, document in _documents(file)
        for where, report in _reports(document, place)
        for payload in _payloads(report, where, keys)
    )
    if session.output.as_json:
        session.output.document({"payloads": list(opened)})
        return
    for payload in opened:
        sys.stdout.write(json.dumps(payload) + "\n")


def keys_of_file(file: str) -> Keys:
    """The private keys of a file, by id; ``-`` is standard input. Raises UsageError."""
    with _opened(file) as lines:
        text = _text(lines, file)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"no JSON: {error}", where=file, rule=_KEYS_RULE) from None
    return read_keys(document, file)


def read_keys(document: Any, where: str) -> Keys:
    """The private keys of ``{"keys": [{"id", "private_key"}]}``, by id; ``where`` is named in the UsageError."""
    from agent.crypto.public_keys import decode_key  # noqa: PLC0415

    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise UsageError('no list "keys"', where=where, rule=_KEYS_RULE)
    keys = {}
    for position, entry in enumerate(entries):
        match entry:
            case {"id": str(identifier), "private_key": encoded} if (key := decode_key(encoded)) is not None:
                keys[identifier] = key
            case _:
                raise UsageError(f"keys[{position}] is no key", where=where, rule=_KEYS_RULE)
    return keys


def _documents(file: str) -> Iterator[tuple[str, Any]]:
    """Each JSON document of a file with its place: one for each line, or the whole file is one."""
    with _opened(file) as lines:
        numbered = ((number, line) for number, line in enumerate(_decoded(lines, file), 1) if line.strip())
        first = next(numbered, None)
        if first is None:
            raise _nothing(file)
        try:
            json.loads(first[1])
        except (ValueError, RecursionError):
            yield file, _report("".join(line for _, line in chain([first], numbered)), file)
            return
        for number, line in chain([first], numbered):
            where = f"{file}:{number}"
            yield where, _report(line, where)


def _reports(document: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Each report of a document with its place."""
    if not isinstance(document, list):
        yield where, document
        return
    if not document:
        raise _nothing(where)
    yield from ((f"{where}[{position}]", report) for position, report in enumerate(document))


def _nothing(where: str) -> UsageError:
    return UsageError("no report in it", where=where, rule=_REPORT_RULE)


def _report(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"no JSON: {error}", where=where, rule="a file is one report or a list, or has one report a line"
        ) from None


def _payloads(report: Any, where: str, keys: Keys) -> Iterator[Document]:
    match report:
        case {"aggregation_service_payloads": list(entries), "shared_info": str(shared_info)}:
            for position, entry in enumerate(entries):
                yield _opened_payload(entry, shared_info, f"{where}: aggregation_service_payloads[{position}]", keys)
        case _:
            raise UsageError("no aggregatable report", where=where, rule=_REPORT_RULE)


def _opened_payload(entry: Any, shared_info: str, where: str, keys: Keys) -> Document:
    from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload  # noqa: PLC0415

    match entry:
        case {"key_id": str(key_id), "payload": str(encoded)}:
            pass
        case _:
            raise UsageError('no "key_id" and "payload" of text', where=where, rule=_REPORT_RULE)
    key = keys.get(key_id)
    if key is None:
        known = ", ".join(map(repr, keys)) or "none"
        raise UsageError(
            f"no key {key_id!r} is held here",
            where=where,
            rule=f"a payload opens with the key that it names; held here: {known}",
            fix="name the file that has this key with --keys",
        )
    try:
        sealed = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"payload is no base64: {error}", where=where, rule=_REPORT_RULE) from None
    plaintext = open_payload(sealed, shared_info, key)
    if plaintext is None:
        raise UsageError(
            f"it does not open with key {key_id!r}",
            where=where,
            rule="payload and shared_info are as they were sealed, byte for byte, and to this key",
            fix="take the report as it was received, and the private key of the coordinator that it names",
        )
    payload = read_payload(plaintext)
    if not isinstance(payload, Payload):
        raise UsageError(f"it opens, but {payload.detail}", where=where, rule="an aggregatable report's CBOR")
    data = [{"bucket": hex(entry.bucket), "value": entry.value, "id": entry.filtering_id} for entry in payload.data]
    return {
        "key_id": key_id,
        "operation": payload.operation,
        "data": data,
        "cbor_base64": base64.b64encode(plaintext).decode(),
    }


def _opened(file: str) -> IO[str]:
    try:
        opened: IO[str] = click.open_file(file, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=file, rule="a file that can be read, or - for standard input"
        ) from None
    return opened


def _decoded(lines: Iterable[str], file: str) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise UsageError(f"no UTF-8: {error.reason}", where=file, rule="JSON is UTF-8") from None


def _text(lines: Iterable[str], file: str) -> str:
    return "".join(_decoded(lines, file))
