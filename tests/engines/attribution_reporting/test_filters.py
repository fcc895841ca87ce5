import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.attribution_reporting.filters import first_matching, matches, mismatch
from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.registrations import EventTriggerData, FilterConfig, Filters
from agent.model.clock import SECOND
from tests.engines.attribution_reporting.registration_world import NOON, a_source, stored


def with_data(**data: set[str]) -> StoredSource:
    return stored(a_source(filter_data={key: frozenset(values) for key, values in data.items()}))


def config(lookback: int | None = None, **values: set[str]) -> FilterConfig:
    return FilterConfig({key: frozenset(one) for key, one in values.items()}, lookback)


SOURCE = with_data(colour={"red", "blue"}, size=set())


def test_no_filters_match_every_source() -> None:
    assert matches(SOURCE, Filters(), NOON)


@pytest.mark.parametrize(
    ("asked", "positive", "negated"),
    [
        (config(colour={"red"}), True, False),
        (config(colour={"red", "green"}), True, False),
        (config(colour={"green"}), False, True),
        (config(shape={"round"}), True, True),
        (config(size=set()), True, False),
        (config(colour=set()), False, True),
        (config(size={"xl"}), False, True),
        (config(colour={"red"}, size={"xl"}), False, False),
        (config(colour={"green"}, size={"xl"}), False, True),
        (config(), True, True),
    ],
    ids=[
        "a common value",
        "one common value suffices",
        "no common value",
        "a key unknown to the source",
        "an empty set asks for an empty set",
        "an empty set against values",
        "values against an empty set",
        "all keys must match",
        "all keys must fail to match",
        "no keys",
    ],
)
def test_a_config_against_the_sources_filter_data(asked: FilterConfig, positive: bool, negated: bool) -> None:
    assert matches(SOURCE, Filters(filters=(asked,)), NOON) is positive
    assert matches(SOURCE, Filters(not_filters=(asked,)), NOON) is negated


def test_one_alternative_suffices() -> None:
    green, red = config(colour={"green"}), config(colour={"red"})
    assert matches(SOURCE, Filters(filters=(green, red)), NOON)
    assert matches(SOURCE, Filters(not_filters=(red, green)), NOON)


def test_filters_and_not_filters_must_both_hold() -> None:
    red, blue = config(colour={"red"}), config(colour={"blue"})
    assert not matches(SOURCE, Filters((red,), (blue,)), NOON)
    assert matches(SOURCE, Filters((red,), (config(colour={"green"}),)), NOON)


@pytest.mark.parametrize(("age", "within"), [(-1, True), (0, True), (5000, True), (5001, False)])
def test_a_lookback_window_includes_its_last_instant(age: int, within: bool) -> None:
    asked = config(5 * SECOND)
    assert matches(SOURCE, Filters(filters=(asked,)), NOON + age) is within
    assert matches(SOURCE, Filters(not_filters=(asked,)), NOON + age) is not within


def test_a_lookback_window_and_keys_must_both_hold() -> None:
    asked = config(5 * SECOND, colour={"green"})
    assert not matches(SOURCE, Filters(filters=(asked,)), NOON)
    assert not matches(SOURCE, Filters(not_filters=(asked,)), NOON)
    assert matches(SOURCE, Filters(not_filters=(asked,)), NOON + 6 * SECOND)


def test_the_first_entry_that_matches_counts() -> None:
    entries = (
        EventTriggerData(1, filters=Filters((config(colour={"green"}),))),
        EventTriggerData(2, filters=Filters((config(colour={"red"}),))),
        EventTriggerData(3),
    )
    assert first_matching(SOURCE, entries, NOON) == 1
    assert first_matching(SOURCE, entries[:1], NOON) is None


values = st.frozensets(st.sampled_from("abc"), max_size=3)
data = st.dictionaries(st.sampled_from("xyz"), values, max_size=3)


@given(data, st.sampled_from("xyz"), values)
def test_for_one_known_key_not_filters_are_the_opposite_of_filters(
    own: dict[str, frozenset[str]], key: str, asked: frozenset[str]
) -> None:
    source = stored(a_source(filter_data={key: frozenset("a")} | own))
    one = FilterConfig({key: asked})
    assert matches(source, Filters(filters=(one,)), NOON) is not matches(source, Filters(not_filters=(one,)), NOON)


@given(data, st.lists(st.builds(FilterConfig, data), min_size=1, max_size=3))
def test_a_list_matches_where_any_of_its_alternatives_does(
    own: dict[str, frozenset[str]], configs: list[FilterConfig]
) -> None:
    source = stored(a_source(filter_data=own))
    single = [matches(source, Filters(filters=(one,)), NOON) for one in configs]
    assert matches(source, Filters(filters=tuple(configs)), NOON) is any(single)


def test_a_mismatch_says_what_each_side_has() -> None:
    wanted = Filters(filters=(config(colour={"green", "black"}), config(size={"xl"})))
    assert mismatch(SOURCE, wanted, NOON) == (
        'filters: "colour" is ["blue", "red"] in the source, wanted is ["black", "green"]; '
        'or "size" is [] in the source, wanted is ["xl"]'
    )
    refused = Filters(not_filters=(config(colour={"red"}),))
    told = 'not_filters: "colour" is ["blue", "red"] in the source, refused is ["red"]'
    assert mismatch(SOURCE, refused, NOON) == told


def test_a_mismatch_by_age_says_the_age_and_the_window() -> None:
    later = SOURCE.time + 90 * SECOND
    assert mismatch(SOURCE, Filters(filters=(config(60 * SECOND),)), later) == (
        "filters: the source is 1m30s old, outside the _lookback_window of 1m"
    )
    assert mismatch(SOURCE, Filters(not_filters=(config(120 * SECOND),)), later) == (
        "not_filters: the source is 1m30s old, within the _lookback_window of 2m"
    )


def test_there_is_nothing_to_tell_where_filters_match() -> None:
    assert mismatch(SOURCE, Filters(filters=(config(colour={"red"}),)), NOON) == ""


def test_what_a_page_chose_is_told_without_what_a_terminal_obeys() -> None:
    source = with_data(colour={"\x1b[2J"})
    assert "\\u001b[2J" in mismatch(source, Filters(filters=(config(colour={"red"}),)), NOON)


def test_a_mismatch_stays_short_whatever_a_trigger_asks() -> None:
    many = tuple(config(colour={f"{number}" * 1000 for number in range(100)}) for _ in range(1000))
    assert len(mismatch(SOURCE, Filters(filters=many), NOON)) < 2000
