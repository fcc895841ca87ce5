from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.worklet.world import EVALUATE, Worklet, World

pytestmark = pytest.mark.browser

CONTRIBUTE = "Failed to execute 'contributeToHistogram' on 'PrivateAggregation': "
CONDITIONAL = "Failed to execute 'contributeToHistogramOnEvent' on 'PrivateAggregation': "
DEBUG = "Failed to execute 'enableDebugMode' on 'PrivateAggregation': "
READ = "Failed to read the '{}' property from 'PrivateAggregationHistogramContribution': "
READ_KEY = "Failed to read the 'debugKey' property from 'PrivateAggregationDebugModeOptions': "
DENIED = 'The "private-aggregation" Permissions Policy denied the method on privateAggregation'
BUCKET = "contribution['bucket'] is negative or does not fit in 128 bits"
VALUE = "contribution['value'] is negative"
FILTERING_ID = "contribution['filteringId'] is negative or does not fit in byte size"
AFTER = "(() => {{ try {{ {} }} catch {{}} {} }})()"
"""A call, whatever it throws, and another."""
NO_CONTRIBUTION = "The provided value is not of type 'PrivateAggregationHistogramContribution'."


def contribute(argument: str) -> str:
    """The call, on one line."""
    return f"privateAggregation.contributeToHistogram({argument})"


@pytest.mark.parametrize(
    ("argument", "name", "message"),
    [
        ("", "TypeError", "1 argument required, but only 0 present."),
        ("null", "TypeError", NO_CONTRIBUTION),
        ("5", "TypeError", NO_CONTRIBUTION),
        ("{}", "TypeError", READ.format("bucket") + "Required member is undefined."),
        ("{bucket: 1n}", "TypeError", READ.format("value") + "Required member is undefined."),
        ("{bucket: 1, value: 1}", "TypeError", READ.format("bucket") + "Cannot convert 1 to a BigInt"),
        ("{bucket: 1.5, value: 1}", "TypeError", READ.format("bucket") + "Cannot convert 1.5 to a BigInt"),
        ("{bucket: null, value: 1}", "TypeError", READ.format("bucket") + "Cannot convert null to a BigInt"),
        ("{bucket: 'abc', value: 1}", "SyntaxError", READ.format("bucket") + "Cannot convert abc to a BigInt"),
        ("{bucket: -1n, value: 1}", "DOMException DataError", BUCKET),
        ("{bucket: 1n << 128n, value: 1}", "DOMException DataError", BUCKET),
        ("{bucket: 1n, value: -1}", "DOMException DataError", VALUE),
        ("{bucket: 1n, value: 2147483648}", "DOMException DataError", VALUE),
        ("{bucket: 1n, value: 2n}", "TypeError", READ.format("value") + "Cannot convert a BigInt value to a number"),
        (
            "{bucket: 1n, value: 1, filteringId: 3}",
            "TypeError",
            READ.format("filteringId") + "Cannot convert 3 to a BigInt",
        ),
        ("{bucket: 1n, value: 1, filteringId: -1n}", "DOMException DataError", FILTERING_ID),
        ("{bucket: 1n, value: 1, filteringId: 256n}", "DOMException DataError", FILTERING_ID),
        # Conversions come first, then bucket, value and filtering id.
        (
            "{bucket: -1n, value: -1, filteringId: 3}",
            "TypeError",
            READ.format("filteringId") + "Cannot convert 3 to a BigInt",
        ),
        ("{bucket: -1n, value: -1, filteringId: -1n}", "DOMException DataError", BUCKET),
        ("{bucket: 1n, value: -1, filteringId: -1n}", "DOMException DataError", VALUE),
    ],
)
async def test_contribute_refuses(shared_worklet: Worklet, argument: str, name: str, message: str) -> None:
    before = len(shared_worklet.told)
    assert await shared_worklet.outcome(contribute(argument)) == ["throws", name, CONTRIBUTE + message]
    assert shared_worklet.told[before:] == []


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("{bucket: 1369n, value: 128}", ("1369", 128, "0")),
        ("{bucket: (1n << 128n) - 1n, value: 2147483647}", (str(2**128 - 1), 2147483647, "0")),
        ("{bucket: '1234', value: '3'}", ("1234", 3, "0")),
        ("{bucket: true, value: true}", ("1", 1, "0")),
        ("{bucket: {valueOf: () => 7n}, value: {valueOf: () => 2.9}}", ("7", 2, "0")),
        ("{bucket: 1n, value: NaN}", ("1", 0, "0")),
        ("{bucket: 1n, value: 4294967297}", ("1", 1, "0")),
        ("{bucket: 0n, value: 0, other: 5}", ("0", 0, "0")),
        ("{bucket: 1n, value: 1, filteringId: 255n}", ("1", 1, "255")),
        ("{bucket: 1n, value: 1, filteringId: undefined}", ("1", 1, "0")),
    ],
)
async def test_a_contribution_is_told_as_converted(
    shared_worklet: Worklet, argument: str, told: tuple[str, int, str]
) -> None:
    assert await shared_worklet.outcome(contribute(argument)) == ["returns", "undefined"]
    bucket, value, filtering_id = told
    assert shared_worklet.told[-1] == {
        "id": 0,
        "operation": shared_worklet.last,
        "method": "contribute",
        "args": {"bucket": bucket, "value": value, "filteringId": filtering_id},
    }


@pytest.mark.parametrize("size", [1, 2, 8])
async def test_filtering_ids_have_the_width_of_their_operation(shared_worklet: Worklet, size: int) -> None:
    largest = contribute(f"{{bucket: 1n, value: 1, filteringId: {256**size - 1}n}}")
    assert await shared_worklet.outcome(largest, filteringIdMaxBytes=size) == ["returns", "undefined"]
    larger = contribute(f"{{bucket: 1n, value: 1, filteringId: {256**size}n}}")
    refusal = ["throws", "DOMException DataError", CONTRIBUTE + FILTERING_ID]
    assert await shared_worklet.outcome(larger, filteringIdMaxBytes=size) == refusal


async def test_the_policy_denies_after_conversions_and_before_ranges(shared_worklet: Worklet) -> None:
    before = len(shared_worklet.told)
    denied = {"privateAggregationAllowed": False}
    refusal = ["throws", "DOMException InvalidAccessError", CONTRIBUTE + DENIED]
    assert await shared_worklet.outcome(contribute("{bucket: -1n, value: -1}"), **denied) == refusal
    unconverted = await shared_worklet.outcome(contribute("{bucket: 1, value: 1}"), **denied)
    assert unconverted[1] == "TypeError"
    debug = ["throws", "DOMException InvalidAccessError", DEBUG + DENIED]
    assert await shared_worklet.outcome("privateAggregation.enableDebugMode()", **denied) == debug
    assert await shared_worklet.outcome("typeof privateAggregation", **denied) == ["returns", '"object"']
    assert shared_worklet.told[before:] == []


@pytest.mark.parametrize(
    ("argument", "name", "message"),
    [
        ("null", "TypeError", "The provided value is not of type 'PrivateAggregationDebugModeOptions'."),
        ("5n", "TypeError", "The provided value is not of type 'PrivateAggregationDebugModeOptions'."),
        (
            "{}",
            "TypeError",
            READ_KEY + "Required member is undefined.",
        ),
        ("{debugKey: -1n}", "DOMException DataError", "options['debugKey'] is negative or does not fit in 64 bits"),
        (
            "{debugKey: 1n << 64n}",
            "DOMException DataError",
            "options['debugKey'] is negative or does not fit in 64 bits",
        ),
    ],
)
async def test_debug_mode_refuses(shared_worklet: Worklet, argument: str, name: str, message: str) -> None:
    call = f"privateAggregation.enableDebugMode({argument})"
    assert await shared_worklet.outcome(call) == ["throws", name, DEBUG + message]


@pytest.mark.parametrize(
    ("argument", "key"),
    [("", None), ("undefined", None), ("{debugKey: '5'}", "5"), ("{debugKey: (1n << 64n) - 1n}", str(2**64 - 1))],
)
async def test_debug_mode_is_told_with_its_key(shared_worklet: Worklet, argument: str, key: str | None) -> None:
    assert await shared_worklet.outcome(f"privateAggregation.enableDebugMode({argument})") == ["returns", "undefined"]
    told = shared_worklet.told[-1]
    assert (told["method"], told["args"], told["operation"]) == ("enableDebugMode", {"key": key}, shared_worklet.last)


@pytest.mark.parametrize("first", ["", "{debugKey: 1n}", "{debugKey: -1n}"])
async def test_debug_mode_is_asked_for_once_in_an_operation_also_with_a_bad_key(
    shared_worklet: Worklet, first: str
) -> None:
    twice = AFTER.format(f"privateAggregation.enableDebugMode({first})", "privateAggregation.enableDebugMode()")
    once = ["throws", "DOMException DataError", DEBUG + "enableDebugMode may be called at most once"]
    for _ in range(2):
        assert await shared_worklet.outcome(twice) == once


async def test_options_that_do_not_convert_do_not_use_the_one_call_up(shared_worklet: Worklet) -> None:
    twice = (
        "(() => { try { privateAggregation.enableDebugMode({}); } catch {} privateAggregation.enableDebugMode(); })()"
    )
    assert await shared_worklet.outcome(twice) == ["returns", "undefined"]


async def test_conditional_contributions_are_there_only_with_error_reporting(
    world: World, shared_worklet: Worklet
) -> None:
    there = "Object.keys(PrivateAggregation.prototype).join()"
    assert await shared_worklet.outcome(there) == ["returns", '"contributeToHistogram,enableDebugMode"']
    reporting = await world.worklet(errorReporting=True)
    with_events = '"contributeToHistogram,contributeToHistogramOnEvent,enableDebugMode"'
    assert await reporting.outcome(there) == ["returns", with_events]


async def test_conditional_contributions_refuse_the_contribution_before_the_event(world: World) -> None:
    worklet = await world.worklet(errorReporting=True)

    async def refusal(arguments: str, **more: Any) -> list[str]:
        how, *facts = await worklet.outcome(f"privateAggregation.contributeToHistogramOnEvent({arguments})", **more)
        assert how == "throws"
        assert worklet.told == []
        return facts

    good = "{bucket: 1n, value: 1}"
    uncaught = "'reserved.uncaught-error'"
    assert await refusal(uncaught) == ["TypeError", CONDITIONAL + "2 arguments required, but only 1 present."]
    assert await refusal(f"'click', {good}") == ["TypeError", CONDITIONAL + 'event must begin with "reserved."']
    bad = "{bucket: -1n, value: 1}"
    assert await refusal(f"'click', {bad}") == ["DOMException DataError", CONDITIONAL + BUCKET]
    denied = await refusal(f"'click', {bad}", privateAggregationAllowed=False)
    assert denied == ["DOMException InvalidAccessError", CONDITIONAL + DENIED]


@pytest.mark.parametrize(
    "event",
    [
        "report-success",
        "too-many-contributions",
        "empty-report-dropped",
        "pending-report-limit-reached",
        "insufficient-budget",
        "contribution-timeout-reached",
        "uncaught-error",
    ],
)
async def test_every_event_takes_a_contribution(world: World, event: str) -> None:
    worklet = await world.worklet(errorReporting=True)
    contribution = "{bucket: 5n, value: 6, filteringId: 7n}"
    call = f"privateAggregation.contributeToHistogramOnEvent('reserved.{event}', {contribution})"
    assert await worklet.outcome(call) == ["returns", "undefined"]
    (told,) = worklet.told
    assert told["method"] == "contributeOnEvent"
    assert told["args"] == {"event": f"reserved.{event}", "bucket": "5", "value": 6, "filteringId": "7"}


@pytest.mark.parametrize("event", ["reserved.win", "reserved.nope", "reserved.", "reserved.__proto__"])
async def test_unknown_reserved_events_are_ignored(world: World, event: str) -> None:
    worklet = await world.worklet(errorReporting=True)
    call = f"privateAggregation.contributeToHistogramOnEvent('{event}', {{bucket: 5n, value: 6}})"
    assert await worklet.outcome(call) == ["returns", "undefined"]
    assert worklet.told == []


async def test_contributions_belong_to_their_operation_when_twenty_interleave(world: World) -> None:
    worklet = await world.worklet(
        "register('op', class { async run(number) {"
        "  for (let i = 0; i < 6; i++) {"
        "    await sharedStorage.get(number);"
        "    await null;"
        "    privateAggregation.contributeToHistogram({ bucket: number, value: i });"
        "    if (i === 2) await crypto.subtle.digest('SHA-256', new Uint8Array(4));"
        "  } } });"
    )
    held: list[dict[str, Any]] = []
    worklet.answer = held.append  # it answers nothing now
    numbers = [await worklet.start("op", f'["{bucket}"]') for bucket in range(20)]
    for turn in range(6):
        await worklet.until(lambda turn=turn: len(worklet.asked) == 20 * (turn + 1))  # type: ignore[misc]
        asked, held[:] = held[::-1] if turn % 2 else held[1::2] + held[::2], []
        for message in asked:
            await worklet.settle(message, {"value": None})
    for number in numbers:
        assert (await worklet.end_of(number))["failure"] is None
    contributed = sorted((one["operation"], one["args"]["bucket"], one["args"]["value"]) for one in worklet.told)
    assert contributed == sorted((number, str(bucket), i) for bucket, number in enumerate(numbers) for i in range(6))


@pytest.mark.parametrize(
    "call", ["privateAggregation.contributeToHistogram({bucket: 3n, value: 1})", "privateAggregation.enableDebugMode()"]
)
async def test_what_comes_after_its_operations_end_is_told_as_late(world: World, call: str) -> None:
    worklet = await world.worklet(
        EVALUATE
        + "register('op', class { run() {"
        + f"  sharedStorage.get('a').then(() => sharedStorage.get('b')).then(() => {call}); }} }});"
    )
    await worklet.call("op")
    await worklet.until(lambda: bool(worklet.told))
    assert [one["method"] for one in worklet.told] == ["lateContribution"]
    await worklet.outcome(contribute("{bucket: 8n, value: 1}"))
    assert [one["method"] for one in worklet.told] == ["lateContribution", "contribute"]
