from __future__ import annotations

import re
from typing import Any

import pytest

from tests.injected_js.conftest import Host
from tests.injected_js.idl import OPERATIONS, Member, Operation, valid

pytestmark = pytest.mark.browser

SYMBOL_TO_NUMBER = "Cannot convert a Symbol value to a number"
BIGINT_TO_NUMBER = "Cannot convert a BigInt value to a number"
TO_PRIMITIVE = "Cannot convert object to primitive value"
NON_FINITE = "The provided double value is non-finite."
NOT_SEQUENCE = "The provided value cannot be converted to a sequence."


class Error(str):
    """The message of a TypeError."""

    __slots__ = ()


NUMBER_ERRORS: dict[str, object] = {
    "Symbol()": Error(SYMBOL_TO_NUMBER),
    "1n": Error(BIGINT_TO_NUMBER),
    "Object.create(null)": Error(TO_PRIMITIVE),
    "({ valueOf() { return {}; }, toString() { return {}; } })": Error(TO_PRIMITIVE),
    "({ valueOf() { return Symbol(); } })": Error(SYMBOL_TO_NUMBER),
    "({ [Symbol.toPrimitive]() { return {}; } })": Error(TO_PRIMITIVE),
}
INTEGERS: dict[str, object] = {
    "1.9": 1,
    "'x'": 0,
    "'0x10'": 16,
    "' 7 '": 7,
    "null": 0,
    "true": 1,
    "NaN": 0,
    "Infinity": 0,
    "-Infinity": 0,
    "-0": 0,
    "[5]": 5,
    "4294967296": 0,
    "4294967297.5": 1,
    "18446744073709551616 + 8192": 8192,
    "document.all": 0,
    "new Number(6)": 6,
    "({ valueOf() { return 7; }, toString() { return 8; } })": 7,
    "({ [Symbol.toPrimitive](hint) { return hint === 'number' ? 9 : 0; } })": 9,
    "({ [Symbol.toPrimitive]: null, valueOf() { return '11'; } })": 11,
    **NUMBER_ERRORS,
}
STRINGS: dict[str, object] = {
    "''": "",
    "1": "1",
    "null": "null",
    "false": "false",
    "1n": "1",
    "-0": "0",
    "[1, [2]]": "1,2",
    "({})": "[object Object]",
    "new String('s')": "s",
    "({ valueOf() { return 'v'; }, toString() { return 't'; } })": "t",
    "({ toString: null, valueOf() { return 'v'; } })": "v",
    "({ [Symbol.toPrimitive](hint) { return hint; } })": "string",
    "'\\u00e9\\ud83d\\ude00'": "\u00e9\U0001f600",
    "Symbol()": Error("Cannot convert a Symbol value to a string"),
    "({ toString() { return Symbol(); } })": Error("Cannot convert a Symbol value to a string"),
    "Object.create(null)": Error(TO_PRIMITIVE),
}
CASES: dict[str, dict[str, object]] = {
    "unsigned long": {
        **INTEGERS,
        "-1": 4294967295,
        "-1.9": 4294967295,
        "2147483648": 2147483648,
        "-4294967297": 4294967295,
    },
    "long": {**INTEGERS, "-1": -1, "-1.9": -1, "2147483648": -2147483648, "-2147483649": 2147483647, "4294967295": -1},
    "double": {
        "0.1": 0.1,
        "1e-9": 1e-9,
        "-3": -3,
        "'0.5'": 0.5,
        "null": 0,
        "1.7976931348623157e308": 1.7976931348623157e308,
        "5e-324": 5e-324,
        "({ valueOf() { return 2.5; } })": 2.5,
        "NaN": Error(NON_FINITE),
        "Infinity": Error(NON_FINITE),
        "'x'": Error(NON_FINITE),
        "({})": Error(NON_FINITE),
        **NUMBER_ERRORS,
    },
    "DOMString": {**STRINGS, "'a\\ud800b'": "a\ud800b"},
    "USVString": {**STRINGS, "'a\\ud800b'": "a\ufffdb", "'\\ude00\\ud83d'": "\ufffd\ufffd"},
    "PrivateAttributionLogic": {
        "'last-touch'": "last-touch",
        "new String('last-touch')": "last-touch",
        "['last-touch']": "last-touch",
        "'Last-Touch'": Error(
            "The provided value 'Last-Touch' is not a valid enum value of type PrivateAttributionLogic."
        ),
        "null": Error("The provided value 'null' is not a valid enum value of type PrivateAttributionLogic."),
        "''": Error("The provided value '' is not a valid enum value of type PrivateAttributionLogic."),
        "Symbol()": Error("Cannot convert a Symbol value to a string"),
    },
}
SEQUENCES: dict[str, object] = {
    "[]": [],
    "new Set()": [],
    "new Map().keys()": [],
    "(function* () {})()": [],
    "Object.assign(() => 0, { [Symbol.iterator]: function* () {} })": [],
    "({ [Symbol.iterator]() { return { next() { return { done: 1, value: Symbol() }; } }; } })": [],
    "null": Error(NOT_SEQUENCE),
    "1": Error(NOT_SEQUENCE),
    "'text'": Error(NOT_SEQUENCE),
    "Symbol()": Error(NOT_SEQUENCE),
    "({})": Error("The object must have a callable @@iterator property."),
    "({ [Symbol.iterator]: null })": Error("The object must have a callable @@iterator property."),
    "({ [Symbol.iterator]: 1 })": Error("@@iterator must be a callable."),
    "({ [Symbol.iterator]() { return 1; } })": Error("Iterator object must be an object."),
    "({ [Symbol.iterator]() { return {}; } })": Error("Expected next() function on iterator."),
    "({ [Symbol.iterator]() { return { next() { return 1; } }; } })": Error(
        "Expected iterator.next() to return an Object."
    ),
}


def cases_for(kind: str) -> dict[str, object]:
    """JavaScript expressions of a type's values, each with what it converts to."""
    item = re.fullmatch(r"sequence<(.*)>", kind)
    if item is None:
        return CASES[kind]
    items = CASES[item[1]]
    wrapped = {f"[{text}]": result if isinstance(result, Error) else [result] for text, result in items.items()}
    good = [(text, result) for text, result in items.items() if not isinstance(result, Error)]
    every = {f"new Set([{', '.join(text for text, _ in good[:2])}])": [result for _, result in good[:2]]}
    hole = {"[,]": {"unsigned long": [0], "double": Error(NON_FINITE)}.get(item[1], ["undefined"])}
    return {**SEQUENCES, **wrapped, **every, **hole}


EVERY_MEMBER = [pytest.param(o, m, id=f"{o}-{m.name}") for o in OPERATIONS for m in o.members]


@pytest.mark.parametrize(("operation", "member"), EVERY_MEMBER)
async def test_every_member_converts_as_its_type(shared_host: Host, operation: Operation, member: Member) -> None:
    cases = cases_for(member.type)
    if member.name == "conversionSite":  # what is no site is refused after the conversion
        cases = {text: result for text, result in cases.items() if isinstance(result, Error)}
        cases |= {"{ toString() { return 'A.example'; } }": "A.example", "['b.example']": "b.example"}
    if member.name == "lifetimeDays" and operation.interface == "PrivateAttribution":  # 0 is refused in the page
        cases = {text: result for text, result in cases.items() if result != 0}
    results: dict[str, Any] = {}
    before = len(shared_host.calls)
    outcomes = await shared_host.run(
        f"""
        const outcomes = [];
        for (const text of argument.texts) {{
          const options = {{ ...argument.options, {member.name}: (0, eval)(`(${{text}})`) }};
          try {{
            await {operation.object}.{operation.name}(options);
            outcomes.push(null);
          }} catch (e) {{
            outcomes.push(`${{Object.getPrototypeOf(e).constructor.name}}: ${{e.message}}`);
          }}
        }}
        await navigator.attribution.saveImpression({{ histogramIndex: 0 }});
        return outcomes;
        """,
        {"texts": list(cases), "options": valid(operation)},
    )
    calls = iter(shared_host.calls[before:])
    for text, outcome in zip(cases, outcomes, strict=True):
        results[text] = Error(outcome) if outcome is not None else next(calls)["options"][member.name]
    prefix = (
        f"TypeError: {operation.context}Failed to read the '{member.name}' property from '{operation.dictionary}': "
    )
    assert results == {
        text: Error(prefix + result) if isinstance(result, Error) else result for text, result in cases.items()
    }


@pytest.mark.parametrize(("operation", "member"), EVERY_MEMBER)
async def test_an_undefined_member_is_absent_or_missing(
    shared_host: Host, operation: Operation, member: Member
) -> None:
    options = {name: value for name, value in valid(operation).items() if name != member.name}
    expression = f"{operation.object}.{operation.name}({{ ...argument, {member.name}: undefined }})"
    if member.required:
        missing = (
            f"Failed to read the '{member.name}' property from '{operation.dictionary}': Required member is undefined."
        )
        expected = [operation.throws, "TypeError", operation.context + missing]
        assert await shared_host.thrown(expression, options) == expected
    else:
        (call,) = await shared_host.sent(f"await {expression}", options)
        assert call["options"] == options


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_members_are_read_once_in_lexicographical_order(shared_host: Host, operation: Operation) -> None:
    read = await shared_host.run(
        f"""
        const read = [];
        const target = Object.create(argument);  // inherited members count
        await {operation.object}.{operation.name}(new Proxy(target, {{
          get(object, name) {{ read.push(String(name)); return object[name]; }},
          has() {{ read.push("has"); }},
          ownKeys() {{ read.push("ownKeys"); }},
          getOwnPropertyDescriptor() {{ read.push("descriptor"); }},
        }}));
        return read;
        """,
        valid(operation),
    )
    assert read == sorted(member.name for member in operation.members)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_each_member_is_converted_before_the_next_is_read(shared_host: Host, operation: Operation) -> None:
    numbers = [member.name for member in operation.members if member.type in ("unsigned long", "long", "double")]
    log = await shared_host.run(
        f"""
        const log = [];
        const options = {{ ...argument.options }};
        for (const name of argument.numbers) {{
          Object.defineProperty(options, name, {{
            get() {{
              log.push(`read ${{name}}`);
              return {{ valueOf() {{ log.push(`convert ${{name}}`); return 1; }} }};
            }},
          }});
        }}
        await {operation.object}.{operation.name}(options);
        return log;
        """,
        {"options": valid(operation), "numbers": numbers},
    )
    assert log == [f"{step} {name}" for name in sorted(numbers) for step in ("read", "convert")]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("options", ["undefined", "null", "1", "'text'", "true", "Symbol()", "1n"])
async def test_what_is_no_object_is_no_dictionary(shared_host: Host, operation: Operation, options: str) -> None:
    message = f"{operation.context}The provided value is not of type '{operation.dictionary}'."
    thrown = await shared_host.thrown(f"{operation.object}.{operation.name}({options})")
    assert thrown == [operation.throws, "TypeError", message]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_functions_and_foreign_objects_are_dictionaries_too(shared_host: Host, operation: Operation) -> None:
    body = f"""
        const call = (options) => {operation.object}.{operation.name}(options);
        await call(Object.assign(() => 0, argument));
        await call(Object.assign(Object.create(null), argument, {{ unknown: 1 }}));
        """
    calls = await shared_host.sent(body, valid(operation))
    assert [call["options"] for call in calls] == [valid(operation)] * 2


async def test_a_sequence_follows_the_iterator_protocol(shared_host: Host) -> None:
    log = await shared_host.run(
        """
        const log = [];
        const results = [{ get done() { log.push("done"); }, get value() { log.push("value"); return 4; } },
                         { get done() { log.push("done"); return true; }, get value() { log.push("value"); } }];
        const matchValues = { get [Symbol.iterator]() { log.push("iterator"); return () => ({
          get next() { log.push("next"); return () => { log.push("call"); return results.shift(); }; },
          get return() { log.push("return"); } }); } };
        await navigator.attribution.measureConversion({ aggregationService: "a", histogramSize: 1, matchValues });
        return log;
        """
    )
    assert log == ["iterator", "next", "call", "done", "value", "call", "done"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("bad", ["get() { throw boom; }", "value: { valueOf() { throw boom; } }"])
async def test_what_the_page_throws_comes_back_as_it_is(shared_host: Host, operation: Operation, bad: str) -> None:
    outcome = await shared_host.run(
        f"""
        const boom = new TypeError("boom");
        const name = "histogramIndex" in argument ? "histogramIndex" : "histogramSize";
        const options = Object.defineProperty({{ ...argument }}, name, {{ {bad} }});
        const same = (how) => (e) => e === boom && e.message === "boom" ? how : "changed";
        let result;
        try {{ result = {operation.object}.{operation.name}(options); }} catch (e) {{ return same("thrown")(e); }}
        return result.then(() => "resolved", same("rejected"));
        """,
        valid(operation),
    )
    assert outcome == operation.throws
