"""Journeys in real Chromium: the example over all APIs, tabs, frames, and what a run leaves."""

from __future__ import annotations

import json
from pathlib import Path

import junitparser
import pytest

from agent.journeys.scripted.finding import example_file
from tests.journeys.scripted.pages import run, write

pytestmark = pytest.mark.browser


def test_the_example_over_all_apis_passes_and_leaves_its_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junit, html = tmp_path / "out" / "junit.xml", tmp_path / "out" / "journeys.html"
    assert run("--example", "--junit", junit, "--html", html) == 0, capsys.readouterr().out
    (suite,) = junitparser.JUnitXml.fromfile(str(junit))
    assert (suite.tests, suite.failures, suite.errors) == (1, 0, 0)
    text = html.read_text("utf-8")
    for part in (
        "1 journey passed",
        "the ad beside the article",
        "data:image/png;base64,",
        'aria-label="16,384, expected',
    ):
        assert part in text
    words = Path(example_file()).read_text("utf-8")
    for subject in ("impression", "source", "trigger", "conversion", "contribution", "protected-audience", "summary"):
        assert subject in words


def test_steps_find_elements_in_frames_and_new_tabs_and_by_each_way(tmp_path: Path) -> None:
    steps = """
        - open: https://shop.test/
        - fill: {label: Mail, value: 007}
        - press: Tab
        - select: {role: combobox, name: Size, option: Medium}
        - click: {css: "[data-testid=buy-now]"}
        - expect: {text: Bought}
        - click: {role: button, name: Twice, nth: 2}
        - click: {text: Look, frame: Advertisement}
        - wait_for: {text: Seen, frame: {css: iframe}}
        - wait_for: {text: Loading, state: hidden}
        - click: In a new tab
        - click: Here
        - expect: {url: "**/new.html"}
        - open: {url: https://shop.test/none.html, status: 404}
        - offline: on
        - offline: off
        - clear_site_data: shop.test
    """
    assert run(write(tmp_path, steps)) == 0


def test_journeys_run_at_once_and_each_result_is_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "- open: https://shop.test/\n- expect: {text: Things that last}", name="good.yaml")
    write(tmp_path, "- open: https://shop.test/\n- expect: {text: Nothing, timeout: 300ms}", name="wrong.yaml")
    write(tmp_path, "- open: https://none.test/", name="down.yaml")
    bundles = tmp_path / "bundles"
    assert run(tmp_path, "-n", "3", "--bundle", bundles, "--json") == 3
    document = json.loads(capsys.readouterr().out)
    outcomes = {Path(one["file"]).name: (one["outcome"], one["line"]) for one in document["journeys"]}
    assert outcomes == {"good.yaml": ("passed", 0), "wrong.yaml": ("failed", 5), "down.yaml": ("error", 4)}
    assert sorted(path.name for path in bundles.iterdir()) == ["down", "wrong"]
    why = (bundles / "wrong" / "failure.txt").read_text("utf-8")
    assert why.startswith(f'{tmp_path / "wrong.yaml"}:5: no text "Nothing"')


def test_what_a_step_expects_is_what_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write(tmp_path, "- open: https://shop.test/pairs.html\n- expect: {text: Cart, timeout: 0s}")
    shop = tmp_path / "shop"
    (shop / "pairs.html").write_text("<p hidden>Cart</p><p>Cart</p><p hidden>Menu</p><p hidden>Menu</p>")
    (shop / "half.html").write_text("<p id=p>x</p><script>p.textContent = document.title = 'half \\ud800'</script>")
    hidden = "- open: https://shop.test/pairs.html\n- expect: {text: Menu, timeout: 300ms}"
    half = "- open: https://shop.test/half.html\n- click: {text: whole, timeout: 300ms}"
    never = "- open: https://shop.test/\n- click: {text: None, timeout: 0s}"
    created = "- open: {url: https://shop.test/, status: 201}"
    files = [
        write(tmp_path, steps, name=name)
        for name, steps in (
            ("hidden.yaml", hidden),
            ("half.yaml", half),
            ("never.yaml", never),
            ("created.yaml", created),
        )
    ]
    bundle, html = tmp_path / "bundle", tmp_path / "out.html"
    assert run(good, *files, "--bundle", bundle, "--html", html) == 1
    told = capsys.readouterr().out
    assert "ok    j.yaml" in told, "what is hidden does not hide what is seen"
    assert "hidden.yaml:5: expected text 'Menu', it is hidden where it is (2 times)" in told
    assert r'half.yaml:5: no text "whole" in 0.3 s; nearest is paragraph "half \ud800"' in told
    assert "never.yaml:5: no text" in told
    assert "created.yaml:4: https://shop.test/ answered 200" in told
    assert r"half \ud800" in html.read_text("utf-8")
    assert (bundle / "half" / "failure.txt").exists()


def test_a_sites_cookies_go_with_its_data_and_no_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "<script>document.cookie = 'a=1; domain=shop.test'; document.cookie = 'b=1'</script>"
    steps = """
        - open: https://myshop.test/set.html
        - open: https://www.shop.test/set.html
        - open: https://www.shop.test/cookies.html
        - expect: {text: a=1; b=1}
        - clear_site_data: shop.test
        - open: https://www.shop.test/cookies.html
        - expect: {text: no cookies}
        - open: https://myshop.test/cookies.html
        - expect: {text: b=1}
    """
    file = write(tmp_path, steps, sites="{'*.shop.test': shop, myshop.test: shop}")
    (tmp_path / "shop" / "set.html").write_text(text)
    (tmp_path / "shop" / "cookies.html").write_text(
        "<p id=p></p><script>p.textContent = document.cookie || 'no cookies'</script>"
    )
    assert run(file) == 0, capsys.readouterr().out


def test_a_page_is_there_though_one_of_its_frames_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "- open: https://shop.test/ads.html#top\n- expect: {text: Lamps}")
    (tmp_path / "shop" / "ads.html").write_text("<p>Lamps<iframe src='https://nobody.test/ad'></iframe>")
    other = write(tmp_path, "- open: https://nobody.test/?x#top", name="nobody.yaml")
    assert run(file) == 0, capsys.readouterr().out
    assert run(other) == 3
    assert (
        "nobody.yaml:4: https://nobody.test/?x#top cannot be opened: the host is not mapped" in capsys.readouterr().out
    )


def test_a_chromium_that_fell_is_the_machines_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fall.py"
    file.write_text(
        "async def journey(agent):\n    await agent.context.browser.close()\n    await agent.new_page()\n"
        "async def journey_after(agent):\n    pass\n",
        encoding="utf-8",
    )
    assert run(file) == 3
    told = capsys.readouterr().out
    assert f"{file}:3: Chromium is gone: " in told
    assert "0 passed, 2 failed" in told


def test_a_site_that_cannot_stand_is_told_at_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sites = "\n  shop.test: shop\n  news.test: shop/none\n  other.test: shop"
    assert run(write(tmp_path, "- open: https://shop.test/", sites=sites)) == 2
    assert f"{tmp_path / 'j.yaml'}:4: sites: news.test: " in capsys.readouterr().out


def test_a_python_journey_that_ends_python_or_itself_fails_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "endings.py"
    file.write_text(
        "import asyncio, sys, pytest\n"
        "async def journey_exits(agent):\n    sys.exit(0)\n"
        "async def journey_fails(agent):\n    pytest.fail('so it is')\n"
        "async def journey_cancels(agent):\n    raise asyncio.CancelledError\n"
        "async def journey_passes(agent):\n    pass\n",
        encoding="utf-8",
    )
    assert run(file, "-n", "4") == 1
    told = capsys.readouterr().out
    assert "1 passed, 3 failed" in told
    for line in (f"{file}:3: SystemExit: 0", f"{file}:5: Failed: so it is", f"{file}:7: CancelledError"):
        assert line in told


def test_a_python_journey_passes_and_fails_with_the_line_of_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reader.py"
    file.write_text(
        "from agent.expectations import expect\n"
        "SITES = 'demo'\n"
        "AGENT = {'noise': False}\n"
        "async def journey(agent):\n"
        "    '''A reader sees an ad.'''\n"
        "    await agent.new_page('https://news.test/article/swifts')\n"
        "    await expect(agent).to_have_impression(histogram_index=1)\n"
        "async def journey_wrong(agent):\n"
        "    raise KeyError('x')\n",
        encoding="utf-8",
    )
    assert run(file) == 1
    told = capsys.readouterr().out
    assert "ok    A reader sees an ad" in told
    assert f"{file}:9: KeyError: 'x'" in told
