"""A journey's file: what is read, and that all that is wrong is told at once with file, line and column."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from agent.journeys.scripted.reading import MAX_BYTES, Journey, UnreadableJourneyError, read_journey, read_text
from agent.journeys.scripted.vocabulary import STEPS, argument_of
from agent.journeys.scripted.words import Locator
from agent.model.errors import UsageError

SALE = """\
name: A click on the summer ad counts as a purchase
agent: {params: chromium, noise: off, seed: 7, now: 2026-06-01T09:00:00Z}
sites: {news.test: demo/news, shop.test: demo/shop, adtech.test: demo/adtech}
steps:
  - open: https://news.test/article/1
  - click: {role: link, name: Summer sale}
  - expect: {source: {type: navigation, destination: https://shop.test}}
  - click: {text: Buy now}
  - expect: {trigger: {verdict: "Success: Report stored"}}
  - advance: 2d
  - expect:
      report: {kind: event-level, to: https://adtech.test, trigger_data: "2", count: 1}
  - summary: {service: https://agg.test, buckets: {campaign-12: 0x559}, expect: {"campaign-12": 52}}
"""


def read(steps: str, head: str = "") -> Journey:
    return read_text(f"name: x\n{head}steps:\n{dedent(steps).strip()}\n", "j.yaml")


def errors(steps: str, head: str = "") -> list[UsageError]:
    with pytest.raises(UnreadableJourneyError) as caught:
        read(steps, head)
    return list(caught.value.errors)


def refusal(steps: str, head: str = "") -> str:
    (error,) = errors(steps, head)
    return str(error)


def test_the_documented_journey_is_read_with_the_line_of_each_step() -> None:
    journey = read_text(SALE, "sale.yaml")
    assert [step.line for step in journey.steps] == [5, 6, 7, 8, 9, 10, 11, 13]
    assert journey.agent.noise is False
    assert journey.agent.seed == 7
    assert journey.sites["news.test"] == "demo/news"
    assert argument_of(journey.steps[5].words) == "2d"
    assert argument_of(journey.steps[6].words).subject() == (
        "report",
        {"kind": "event-level", "to": "https://adtech.test", "trigger_data": 2},
        1,
    )


def test_a_text_alone_is_the_text_of_an_element() -> None:
    assert argument_of(read("- click: Buy now").steps[0].words) == Locator(text="Buy now")


def test_a_typed_value_stays_as_it_was_written() -> None:
    assert argument_of(read("- fill: {label: Price, value: 1.50}").steps[0].words).value == "1.50"


def test_variables_of_the_command_line_go_before_those_of_the_file() -> None:
    text = "name: x\nvars: {shop: https://a.test}\nsteps: [open: '${shop}/']\n"
    assert argument_of(read_text(text, "j.yaml").steps[0].words).url == "https://a.test/"
    assert argument_of(read_text(text, "j.yaml", {"shop": "https://b.test"}).steps[0].words).url == "https://b.test/"


def test_a_step_that_takes_nothing_may_stand_alone() -> None:
    assert argument_of(read("- next_report").steps[0].words) is None


def test_an_unknown_step_is_told_with_its_place_and_the_nearest() -> None:
    told = refusal("- open: https://a.test\n- clik: Buy now")
    assert told.splitlines() == [
        "j.yaml:4:3: 'clik' is not a step; nearest is 'click'",
        f"  rule  one of {', '.join(STEPS)}",
        "  fix   write click",
    ]


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    found = errors(
        """
        - opn: https://news.test
        - click: {role: link, nme: Sale}
        - expect: {report: {kint: event-level, count: many}}
        - advance: two days
        """,
        head="agent: {nois: off}\n",
    )
    assert [(error.where, error.what) for error in found] == [
        ("j.yaml:2:9", "'nois' is not a key of agent; nearest is 'noise'"),
        ("j.yaml:4:3", "'opn' is not a step; nearest is 'open'"),
        ("j.yaml:5:23", "'nme' is not a key of click; nearest is 'name'"),
        ("j.yaml:6:21", "'kint' is not a key of expect.report; nearest is 'kind'"),
        ("j.yaml:6:47", "expect.report.count: 'many' cannot be used"),
        ("j.yaml:7:12", "advance: 'two days' cannot be used"),
    ]
    assert all(error.rule for error in found)


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("- click: {role: link, text: x}", "exactly one of role, text, label, testid, css; not role and text"),
        ("- click: {name: x}", "exactly one of role, text, label, testid, css; there is none"),
        ("- click: {text: x, name: y}", "a name belongs to a role"),
        ("- click:", "it should be a mapping"),
        ("- expect: {text: a, url: b}", "expected exactly one of"),
        ("- expect: {url: a, in: b}", "in belongs to text"),
        ("- expect: {text: a, within: 2d}", "within moves the agent's clock"),
        ("- open: shop.test/cart", "expected a full URL such as https://shop.test/cart"),
        ("- advance: 2 fortnights", "write for example 2d, 12h or 1h30m"),
        ("- offline: maybe", "valid boolean"),
        ("- summary: {expect: {}}", "at least 1 item"),
        ("- click: {text: x, nth: 0}", "greater than or equal to 1"),
        ("- click: ''", "at least 1 character"),
        ("- expect: {text: ''}", "at least 1 character"),
        ("- expect: {text: '', in: {css: p}}", "at least 1 character"),
        ("- open: {url: https://a.test/, status: 302}", "redirects are followed"),
        ("- summary: {expect: {x: 1}}", "'x' is no bucket"),
        ("- summary: {expect: {-1: 0}}", "'-1' is no bucket"),
        ("- summary: {expect: {1: 5, 0x1: 6}}", "1 and 0x1 of expect are the same bucket"),
        ("- summary: {buckets: {a: 7}, expect: {a: 5, 7: 6}}", "a and 7 of expect are the same bucket"),
        ("- summary: {to: https://a.test, expect: {1: 5}}", "to is for reports: aggregatable"),
        ("- summary: {filtering_ids: [1], expect: {1: 5}}", "filtering_ids is for reports: aggregatable"),
        ("- summary: {reports: aggregatable, filtering_ids: [], expect: {1: 5}}", "at least 1 item"),
        ("- summary: {reports: aggregatable, filtering_ids: [-1], expect: {1: 5}}", "greater than or equal to 0"),
        ("- {}", "nothing stands in this step"),
    ],
)
def test_what_a_step_cannot_take_is_told_with_the_rule(step: str, what: str) -> None:
    assert what in refusal(step)


def test_a_value_of_a_closed_list_is_told_with_the_nearest() -> None:
    told = refusal("- wait_for: {text: x, state: hiden}")
    assert "'hiden' is not a value of state; nearest is 'hidden'" in told
    assert "one of visible, hidden" in told


def test_a_word_that_a_member_can_never_be_is_told_before_anything_is_played() -> None:
    told = refusal("- expect: {report: {kind: event_level, count: 0}}")
    assert told.startswith("j.yaml:3:27: 'event_level' is not a value of kind; nearest is 'event-level'")


def test_a_key_in_a_frame_of_a_frame_is_told_with_the_nearest() -> None:
    told = refusal("- click: {text: a, frame: {text: b, frame: {tex: c}}}")
    assert "'tex' is not a key of click.frame.frame; nearest is 'text'" in told
    assert "one of role, name, text" in told


@pytest.mark.parametrize(
    ("variables", "what"),
    [
        ("{a: [1]}", "j.yaml:2:11: vars.a is no text"),
        ("{a: }", "j.yaml:2:10: vars.a is no text"),
        ("{b: x, a: '${b}/c'}", "j.yaml:2:17: vars.a names a variable: ${b}"),
        ("[a]", "j.yaml:2:7: vars cannot be used"),
    ],
)
def test_a_variable_that_is_no_plain_text_is_told_where_it_stands(variables: str, what: str) -> None:
    assert refusal("- note: ${a}", head=f"vars: {variables}\n").startswith(what)


def test_a_journey_knows_the_variables_that_it_names() -> None:
    journey = read_text("name: x\nvars: {a: b, c: d}\nsteps: [{note: '${a} $${e}'}, {note: '${f}'}]\n", "j", {"f": "g"})
    assert journey.variables == {"a", "f"}


def test_a_site_without_a_target_is_refused() -> None:
    told = refusal("- next_report", head="sites: {shop.test: ''}\n")
    assert told.startswith("j.yaml:2:20: sites.shop.test: '' cannot be used")


def test_a_missing_key_is_told_at_the_step() -> None:
    assert refusal("- fill: {label: Mail}").startswith("j.yaml:3:3: value is missing")


def test_two_words_in_one_step_are_refused() -> None:
    assert "open and click stand in one step" in refusal("- {open: https://a.test, click: x}")


def test_a_member_that_the_subject_does_not_have_is_refused() -> None:
    assert "'bucket' is not a key of expect.source" in refusal("- expect: {source: {bucket: 1}}")


def test_an_event_may_be_expected_by_whatever_it_says() -> None:
    assert argument_of(read("- expect: {event: {kind: navigation, url: x}}").steps[0].words).subject() == (
        "event",
        {"kind": "navigation", "url": "x"},
        None,
    )


def test_an_unknown_variable_is_told_with_its_place() -> None:
    told = refusal("- open: ${shp}/", head="vars: {shop: https://shop.test}\n")
    assert told.startswith("j.yaml:4:9: there is no variable 'shp'")
    assert "write ${shop}" in told


@pytest.mark.parametrize(
    "text", ["", "- open: x\n", "hello\n", "name: x\n", "name: x\nsteps:\n", "name: x\nsteps: {}\n"]
)
def test_what_is_no_journey_is_refused(text: str) -> None:
    with pytest.raises(UnreadableJourneyError, match=r"j\.yaml:"):
        read_text(text, "j.yaml")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_journey(str(tmp_path / "none.yaml"))


def test_of_a_file_without_end_no_more_is_read_than_a_journey_may_have() -> None:
    with pytest.raises(UsageError, match="too long"):
        read_journey("/dev/zero")


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "j.yaml"
    file.write_bytes(b"name: x\nsteps: \xff\n")
    with pytest.raises(UsageError) as caught:
        read_journey(str(file))
    assert caught.value.where == f"{file}:2:1"


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "j.yaml"
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(UsageError, match="too long"):
        read_journey(str(file))


@pytest.mark.parametrize(
    ("chaos", "rule"),
    [
        ("{host: a.test, fail: lots}", "fail is 'lots': a share from 0% to 100%"),
        ("{host: a.test}", "nothing goes wrong by this rule"),
        ("{host: a b, reset: 50%}", "'a b' is no host"),
        ("nothing", "it should be a mapping of host, fail, status, reset, stall, slow, times"),
    ],
)
def test_chaos_that_no_rule_can_be_is_told_before_anything_is_played(chaos: str, rule: str) -> None:
    told = refusal(f"- chaos: {chaos}")
    assert told.startswith("j.yaml:3:10: chaos")
    assert rule in told
