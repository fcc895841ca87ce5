"""A journey as a test for pytest: each step's Python, and that it is Python."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from agent.journeys.scripted.exporting import literal, pytest_module
from agent.journeys.scripted.finding import example_file
from agent.journeys.scripted.playing import seed_of
from agent.journeys.scripted.playing import settings_of as settings_of_journey
from agent.journeys.scripted.reading import read_journey, read_text
from agent.journeys.scripted.vocabulary import STEPS
from agent.pytest_support.choices import BundleMode, Choices
from agent.pytest_support.life import settings_of
from tests.journeys.scripted.pages import write
from tests.pytest_projects import run_project, write_project

RESETS = """
name: A collector that resets every connection is given up
agent: {noise: off}
sites: demo
steps:
  - open: https://news.test/article/swifts
  - expect: {source: {type: event}}
  - open: https://shop.test/product/backpack
  - click: {role: button, name: Buy now}
  - expect: {trigger: {verdict: stored}}
  - chaos: {host: adtech.test, reset: 100%}
  - advance: 2d
  - expect: {report: {kind: aggregatable, state: failed, count: 1}}
"""


def exported(step: str, head: str = "") -> str:
    text = pytest_module(read_text(f"name: A sale\n{head}steps:\n  - {step}\n", "sale.yaml"))
    ast.parse(text)
    return text


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("open: https://a.test/", 'await page.goto("https://a.test/")'),
        ("open: https://a.test/", "assert response is None or response.status < 400"),
        ("open: {url: https://a.test/, status: 404}", "assert response is not None and response.status == 404"),
        ("click: {role: link, name: Sale}", 'await page.get_by_role("link", name="Sale").click()'),
        ("click: {text: Sale, exact: true, nth: 2}", 'page.get_by_text("Sale", exact=True).nth(1).click()'),
        (
            "click: {testid: x, frame: {testid: f}}",
            'page.get_by_test_id("f").content_frame.get_by_test_id("x").click()',
        ),
        ("click: {css: '#x', frame: Ad, timeout: 2s}", '.locator("css=#x").click(timeout=2000)'),
        ('fill: {label: Mail, value: "a\\"b"}', r'await page.get_by_label("Mail").fill("a\"b")'),
        ("press: Enter", 'await page.keyboard.press("Enter")'),
        ("press: {key: Enter, in: {label: Mail}}", 'await page.get_by_label("Mail").press("Enter")'),
        ("select: {label: Size, option: m}", 'await page.get_by_label("Size").select_option("m")'),
        ("wait_for: {text: x, state: hidden}", 'await page.get_by_text("x").wait_for(state="hidden")'),
        (
            "expect: {text: Thanks, timeout: 0s}",
            'expect(page.get_by_text("Thanks").filter(visible=True).first).to_be_visible(timeout=500)',
        ),
        ("expect: {text: Thanks, in: {role: status}}", '.get_by_role("status")).to_contain_text("Thanks")'),
        ("expect: {url: '**/thanks'}", 'await page.wait_for_url("**/thanks", wait_until="commit")'),
        (
            "expect: {report: {kind: event-level, trigger_data: 2, count: 1}, within: 2d, timeout: 10s}",
            'to_have_report(kind="event-level", trigger_data=2, count=1, advance="2d", timeout=10)',
        ),
        ("expect: {event: {kind: x, report-id: y}}", 'to_have("event", {"kind": "x", "report-id": "y"})'),
        ("advance: 2d", 'await pass_time(agent, "2d")'),
        ("next_report", "await clock.to_next_report()"),
        ("clear_site_data: shop.test", 'await agent.state.clear(site="shop.test", keep_history=True)'),
        ("clear_site_data: shop.test", r'await agent.context.clear_cookies(domain=re.compile("(^|\\.)shop\\.test$"))'),
        ("clear_site_data: shop.test", "import re\n\nimport pytest\n"),
        ("clear_site_data: all", "await agent.state.clear_history()"),
        ("chaos: {host: adtech.test, fail: 50%, times: 3}", 'agent.chaos.set("adtech.test", fail="50%", times=3)'),
        ("chaos: none", "agent.chaos.clear()"),
        ("offline: on", "await agent.set_offline(True)"),
        ("summary: {reports: aggregatable, expect: {0x559: 5}}", "assert found[0x559] == 5"),
        (
            "summary: {reports: aggregatable, filtering_ids: [1, 2], expect: {5: 6}}",
            "filtering_ids=[1, 2], noise=True)",
        ),
        ("summary: {noise: off, expect: {5: 6}}", "buckets=[0x5], noise=False)"),
        ("summary: {buckets: {a: 7}, tolerance: 2, expect: {a: 5}}", "assert abs(found[0x7] - 5) <= 2  # a"),
        ("screenshot: the ad", 'await page.screenshot(path="the-ad.png")'),
        ("note: Now the shop", "# Now the shop"),
    ],
)
def test_each_step_has_its_python(step: str, code: str) -> None:
    assert code in exported(step)


def test_every_step_can_be_exported() -> None:
    module = pytest_module(read_journey(example_file()))
    ast.parse(module)
    used = {word for word in STEPS if f"- {word}" in Path(example_file()).read_text("utf-8")}
    assert used >= {"open", "click", "wait_for", "expect", "next_report", "chaos", "summary", "clear_site_data", "note"}


def test_settings_become_the_marker() -> None:
    text = exported("next_report", "agent: {params: tiny, noise: off, seed: 7, opt_out: on, private: on}\n")
    assert '@pytest.mark.agent(params="tiny", noise=False, seed=7, private=True, opted_out=True)' in text


@pytest.mark.parametrize(
    "options",
    [
        "{}",
        "{params: tiny, noise: off, delays: off}",
        "{params: tiny, minimum_batch: 1}",
        "{params: testing, minimum_batch: 5, shared_storage: off}",
        "{params: spec, noise: off, page_clock: on}",
        "{params: tiny, limits: {max_histogram_size: 5}, attribution_reporting_limits: {max_sources_per_origin: 9}}",
    ],
)
def test_the_tests_agent_is_that_of_the_journey(options: str) -> None:
    journey = read_text(f"name: A sale\nagent: {options}\nsteps: [next_report]\n", "sale.yaml")
    names: dict[str, Any] = {}
    exec(compile(pytest_module(journey), "test_sale.py", "exec"), names)  # noqa: S102 - what was exported just now
    (marker,) = (mark for mark in names["test_a_sale"].pytestmark if mark.name == "agent")
    chosen = Choices(**{"bundle": BundleMode.OFF, "folder": Path()} | marker.kwargs)
    assert settings_of(chosen) == settings_of_journey(journey.agent)
    assert chosen.seed == seed_of("A sale", journey.agent)


def test_a_tab_that_a_click_or_a_key_opens_is_where_the_next_steps_are() -> None:
    steps = ["open: https://a.test/", "click: Ad", "expect: {source: {}}", "expect: {text: Shop}", "press: Enter"]
    text = exported("\n  - ".join([*steps, "note: page. is said", "click: Buy"]))
    lines = [line.strip() for line in text.splitlines()]
    found = [number for number, line in enumerate(lines) if line == "page = await newest_tab(agent)"]
    assert [lines[number + 1] for number in found] == [
        'await expect(page.get_by_text("Shop").filter(visible=True).first).to_be_visible()',
        'await page.get_by_text("Buy").click()',
    ]


def test_sites_are_served_from_where_the_journey_has_them() -> None:
    journey = read_text(
        "name: x\nsites: {a.test: pages, b.test: 'http://localhost:1'}\nsteps: [next_report]\n", "d/j.yaml"
    )
    text = pytest_module(journey)
    assert 'sites.serve("a.test", "d/pages")' in text
    assert 'sites.serve("b.test", "http://localhost:1")' in text


def test_the_test_is_named_after_the_journey() -> None:
    assert "async def test_a_sale(agent, clock):" in exported("next_report")


def test_a_name_cannot_break_out_of_its_docstring() -> None:
    text = pytest_module(read_text('name: \'""" + evil() + """\'\nsteps: [next_report]\n', "j.yaml"))
    assert [type(node).__name__ for node in ast.parse(text).body].count("Expr") == 1


def test_a_name_of_a_bucket_stays_a_remark() -> None:
    text = exported('summary: {buckets: {"a\\nevil() #": 5}, expect: {"a\\nevil() #": 6}}')
    assert "assert found[0x5] == 6  # a evil() #" in text.splitlines()[-1]


def test_sums_have_noise_where_the_journeys_agent_has_it() -> None:
    assert "noise=True" in exported("summary: {expect: {5: 6}}")
    assert "noise=" not in exported("summary: {expect: {5: 6}}", "agent: {noise: off}\n").partition("sums(")[2]


def test_values_are_written_as_python_has_them() -> None:
    value = {"a": ["b", 1, None, True, 'say "x"\n']}
    assert literal(value) == dedent(r"""{"a": ["b", 1, None, True, "say \"x\"\n"]}""")
    assert ast.literal_eval(literal(value)) == value


@pytest.mark.browser
def test_the_exported_example_passes_in_pytest(tmp_path: Path) -> None:
    write_project(tmp_path, pytest_module(read_journey(example_file())))
    done = run_project(tmp_path, "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.browser
def test_an_exported_test_follows_tabs_and_goes_by_way_of_what_is_due(tmp_path: Path) -> None:
    shop = """
        - open: https://shop.test/
        - click: In a new tab
        - expect: {text: Here, in: {role: button}}
        - click: Here
        - expect: {url: "**/new.html"}
    """
    write_project(tmp_path, pytest_module(read_journey(str(write(tmp_path, shop, name="tabs.yaml")))))
    (tmp_path / "test_resets.py").write_text(pytest_module(read_text(RESETS, "resets.yaml")))
    done = run_project(tmp_path, "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
