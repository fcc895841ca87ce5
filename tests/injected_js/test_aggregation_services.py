"""The maplike of the current dialect."""

from __future__ import annotations

import pytest

from tests.injected_js.conftest import SERVICES, Host

pytestmark = pytest.mark.browser

MAP = "navigator.attribution.aggregationServices"
KEYS = [one.url for one in SERVICES]
VALUES = [{"protocol": one.protocol} for one in SERVICES]


async def test_it_maps_urls_to_protocols_in_order(shared_host: Host) -> None:
    body = f"const m = {MAP}; return [m.size, [...m], [...m.entries()], [...m.keys()], [...m.values()], m === {MAP}]"
    entries = [list(entry) for entry in zip(KEYS, VALUES, strict=True)]
    assert await shared_host.run(body) == [len(KEYS), entries, entries, KEYS, VALUES, True]


async def test_look_up_is_by_the_exact_string(shared_host: Host) -> None:
    keys = [KEYS[1], KEYS[1].removesuffix("/"), KEYS[1].upper(), "", KEYS[0]]
    body = f"return argument.map((key) => [{MAP}.get(key) ?? null, {MAP}.has(key)])"
    missing = [None, False]
    assert await shared_host.run(body, keys) == [[VALUES[1], True], missing, missing, missing, [VALUES[0], True]]


async def test_keys_convert_as_strings(shared_host: Host) -> None:
    body = f"return [{MAP}.has({{ toString() {{ return argument; }} }}), {MAP}.get(undefined) === undefined]"
    assert await shared_host.run(body, KEYS[0]) == [True, True]
    for name in ("get", "has"):
        message = f"Failed to execute '{name}' on 'AttributionAggregationServices': "
        symbol = [*("thrown", "TypeError"), message + "Cannot convert a Symbol value to a string"]
        assert await shared_host.thrown(f"{MAP}.{name}(Symbol())") == symbol


@pytest.mark.parametrize("name", ["get", "has", "forEach"])
async def test_what_needs_an_argument_says_so(shared_host: Host, name: str) -> None:
    context = f"Failed to execute '{name}' on 'AttributionAggregationServices': "
    missing = ["thrown", "TypeError", context + "1 argument required, but only 0 present."]
    assert await shared_host.thrown(f"{MAP}.{name}()") == missing
    assert await shared_host.run(f"return [{MAP}.{name}.length, {MAP}.{name}.name]") == [1, name]


@pytest.mark.parametrize("name", ["entries", "keys", "values"])
async def test_what_needs_none_has_length_0(shared_host: Host, name: str) -> None:
    assert await shared_host.run(f"return [{MAP}.{name}.length, {MAP}.{name}.name]") == [0, name]


async def test_each_reading_gives_a_dictionary_of_its_own(shared_host: Host) -> None:
    body = f"const v = {MAP}.get(argument); v.protocol = 1; return [{MAP}.get(argument) === v, {MAP}.get(argument)]"
    assert await shared_host.run(body, KEYS[0]) == [False, VALUES[0]]


async def test_for_each_passes_value_key_and_map(shared_host: Host) -> None:
    facts = await shared_host.run(
        f"""
        const seen = [], self = {{}};
        const result = {MAP}.forEach(function (value, key, map) {{
          "use strict";
          seen.push([value, key, map === {MAP}, arguments.length, this === self]);
        }}, self);
        let bare = 0;
        {MAP}.forEach(function () {{ "use strict"; bare = this; }});
        return [seen, result === undefined, bare === undefined];
        """
    )
    assert facts == [[[v, k, True, 3, True] for k, v in zip(KEYS, VALUES, strict=True)], True, True]


@pytest.mark.parametrize("callback", ["1", "{}", "null"])
async def test_for_each_wants_a_function(shared_host: Host, callback: str) -> None:
    context = "Failed to execute 'forEach' on 'AttributionAggregationServices': "
    expected = ["thrown", "TypeError", context + "parameter 1 is not of type 'Function'."]
    assert await shared_host.thrown(f"{MAP}.forEach({callback})") == expected


async def test_it_iterates_with_entries_and_cannot_be_written(shared_host: Host) -> None:
    body = """
        const p = AttributionAggregationServices.prototype;
        const d = Object.getOwnPropertyDescriptor(p, Symbol.iterator);
        return [d.value === p.entries, d.writable, d.enumerable, d.configurable,
          ["set", "delete", "clear"].filter((name) => name in p)];
        """
    assert await shared_host.run(body) == [True, True, False, True, []]


async def test_iterators_look_like_those_of_native_maplikes(shared_host: Host) -> None:
    facts = await shared_host.run(
        f"""
        const shape = (iterator) => {{
          const p = Object.getPrototypeOf(iterator), next = Object.getOwnPropertyDescriptor(p, "next");
          const tag = Object.getOwnPropertyDescriptor(p, Symbol.toStringTag);
          return JSON.stringify([Reflect.ownKeys(p).map(String), next, next.value.length, next.value.name,
            {{ ...tag, value: 0 }}, Reflect.ownKeys(iterator), iterator[Symbol.iterator]() === iterator,
            Reflect.ownKeys(iterator.next())]);
        }};
        const native = CSS.highlights.keys(), ours = {MAP}.keys();
        const above = (o) => Object.getPrototypeOf(Object.getPrototypeOf(o));
        return [shape(native) === shape(ours), above(native) === above(ours), String(ours),
          Object.getPrototypeOf(ours) === Object.getPrototypeOf({MAP}.entries())];
        """
    )
    assert facts == [True, True, "[object AttributionAggregationServices Iterator]", True]


async def test_an_iterator_ends_and_stays_ended(shared_host: Host) -> None:
    body = f"""
        const iterator = {MAP}.keys();
        return argument.map(() => iterator.next()).map(({{ done, value }}) => [done, value ?? null]);
        """
    assert await shared_host.run(body, [0] * (len(KEYS) + 2)) == [
        *[[False, key] for key in KEYS],
        [True, None],
        [True, None],
    ]


@pytest.mark.parametrize("receiver", ["{}", "undefined", "new Map().keys()", "navigator.attribution"])
async def test_next_on_another_object_throws(shared_host: Host, receiver: str) -> None:
    expected = ["thrown", "TypeError", "Illegal invocation"]
    assert await shared_host.thrown(f"{MAP}.keys().next.call({receiver})") == expected
