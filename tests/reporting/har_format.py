"""The structure of HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/), member by member."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

Check = Callable[[Any], None]
Members = dict[str, Check]


def text(value: Any) -> None:
    assert isinstance(value, str), value


def number(value: Any) -> None:
    assert isinstance(value, int | float), value
    assert not isinstance(value, bool), value


def whole(value: Any) -> None:
    assert type(value) is int, value


def at_least(least: float) -> Check:
    def check(value: Any) -> None:
        number(value)
        assert value >= least, value

    return check


def instant(value: Any) -> None:
    assert datetime.fromisoformat(value).tzinfo is not None, value


def listed(check: Check) -> Check:
    def checked(value: Any) -> None:
        assert isinstance(value, list), value
        for one in value:
            check(one)

    return checked


def of(required: Members, optional: Members) -> Check:
    """An object with the required members and, of others, the optional ones and a comment alone."""

    def check(value: Any) -> None:
        assert isinstance(value, dict), value
        known = required | optional | {"comment": text}
        assert required.keys() <= value.keys() <= known.keys(), value.keys()
        for name, member in value.items():
            known[name](member)

    return check


NAMED = of({"name": text, "value": text}, {})
COOKIE = of({"name": text, "value": text}, {"path": text, "domain": text, "expires": instant})
POST_DATA = of({"mimeType": text, "params": listed(NAMED), "text": text}, {"encoding": text})
REQUEST = of(
    {
        "method": text,
        "url": text,
        "httpVersion": text,
        "cookies": listed(COOKIE),
        "headers": listed(NAMED),
        "queryString": listed(NAMED),
        "headersSize": at_least(-1),
        "bodySize": at_least(-1),
    },
    {"postData": POST_DATA},
)
RESPONSE = of(
    {
        "status": whole,
        "statusText": text,
        "httpVersion": text,
        "cookies": listed(COOKIE),
        "headers": listed(NAMED),
        "content": of({"size": at_least(0), "mimeType": text}, {"compression": whole, "text": text, "encoding": text}),
        "redirectURL": text,
        "headersSize": at_least(-1),
        "bodySize": at_least(-1),
    },
    {},
)
TIMINGS = of(
    {"send": at_least(0), "wait": at_least(0), "receive": at_least(0)},
    dict.fromkeys(("blocked", "dns", "connect", "ssl"), at_least(-1)),
)
ENTRY = of(
    {
        "startedDateTime": instant,
        "time": at_least(0),
        "request": REQUEST,
        "response": RESPONSE,
        "cache": of({}, {}),
        "timings": TIMINGS,
    },
    {"pageref": text, "serverIPAddress": text, "connection": text},
)
NAME_AND_VERSION = of({"name": text, "version": text}, {})
HAR = of({"log": of({"version": text, "creator": NAME_AND_VERSION, "entries": listed(ENTRY)}, {})}, {})


def assert_is_har(document: Any) -> None:
    """That ``document`` has the format, and each entry's time is the sum of its timings."""
    HAR(document)
    assert document["log"]["version"] == "1.2"
    for entry in document["log"]["entries"]:
        timings = {name: value for name, value in entry["timings"].items() if name != "comment"}
        assert entry["time"] == sum(value for value in timings.values() if value != -1)
    starts = [entry["startedDateTime"] for entry in document["log"]["entries"]]
    assert starts == sorted(starts)
