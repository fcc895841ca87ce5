from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.pytest_support.choices import BundleMode, Choices, choices_of, folder_name

OPTIONS = {"--agent-bundle": None, "--agent-noise": None, "--agent-seed": None, "--agent-bundle-folder": None}
INI = {"agent_bundle": "retain-on-failure", "agent_bundle_folder": "tallyhost-results"}


class Node:
    """As much of a test as is asked."""

    def __init__(self, *markers: pytest.Mark, nodeid: str = "tests/test_a.py::test_b", **options: Any) -> None:
        self.nodeid, self._markers, self.config, self.rootpath = nodeid, markers, self, Path("/root")
        self._options = OPTIONS | {f"--{name.replace('_', '-')}": value for name, value in options.items()}

    def iter_markers(self, name: str) -> list[pytest.Mark]:
        """The closest first, as pytest gives them."""
        return [one for one in self._markers if one.name == name]

    def getoption(self, name: str) -> Any:
        return self._options[name]

    def getini(self, name: str) -> Any:
        return INI[name]


def marker(*args: Any, **values: Any) -> pytest.Mark:
    mark: pytest.Mark = pytest.mark.agent(*args, **values).mark
    return mark


def chosen(node: Node, **agent_params: Any) -> Choices:
    return choices_of(node, agent_params)  # type: ignore[arg-type]


def test_a_test_that_says_nothing_has_a_seed_from_its_name_and_noise() -> None:
    first, again = chosen(Node()), chosen(Node())
    other = chosen(Node(nodeid="tests/test_a.py::test_c"))
    assert first == again
    assert first.seed != other.seed
    assert (first.noise, first.params, first.bundle) == (True, "chromium", BundleMode.RETAIN_ON_FAILURE)
    assert first.folder == Path("/root/tallyhost-results/tests-test_a.py-test_b")


def test_the_marker_goes_before_the_options_and_these_before_agent_params() -> None:
    by_params = {"noise": True, "params": "tiny", "now": 5, "bundle": "on"}
    assert chosen(Node(), **by_params).bundle is BundleMode.ON
    options = chosen(Node(agent_noise="off", agent_bundle="off"), **by_params)
    assert (options.noise, options.bundle, options.params, options.now) == (False, BundleMode.OFF, "tiny", 5)
    marked = chosen(Node(marker(noise=True, bundle="retain-on-failure"), agent_noise="off", agent_bundle="off"))
    assert (marked.noise, marked.bundle) == (True, BundleMode.RETAIN_ON_FAILURE)


def test_the_closest_marker_goes_first_and_others_fill_in() -> None:
    choices = chosen(Node(marker(seed=1), marker(seed=2, params="tiny")))
    assert (choices.seed, choices.params) == (1, "tiny")


def test_the_seed_of_the_run_goes_before_everything_to_repeat_a_failure() -> None:
    assert chosen(Node(marker(seed=1), agent_seed=0), seed=2).seed == 0


@pytest.mark.parametrize(
    ("node", "params", "text"),
    [
        (Node(marker(nois=False)), {}, "nearest is noise"),
        (Node(), {"sed": 1}, "agent_params has no 'sed'; nearest is seed"),
        (Node(marker("tiny")), {}, "by name"),
        (Node(marker(bundle="never")), {}, "retain-on-failure, on, off"),
        (Node(marker(noise="of")), {}, "noise='of' is no switch"),
        (Node(), {"delays": 0}, "delays=0 is no switch"),
        (Node(marker(seed="7")), {}, "seed='7' is no whole number"),
        (Node(marker(now=datetime(2026, 1, 1, tzinfo=UTC))), {}, "is no text such as 2026-12-24T09:00Z"),
        (Node(), {"params": 5}, "params=5 is no name of params"),
        (Node(), {"maps": ["a.test"]}, "is no mapping of hosts"),
    ],
)
def test_what_is_no_choice_is_refused_with_the_test_and_what_there_is(
    node: Node, params: dict[str, Any], text: str
) -> None:
    with pytest.raises(pytest.UsageError, match=text) as refused:
        chosen(node, **params)
    assert node.nodeid in str(refused.value)


def test_a_switch_may_be_a_word() -> None:
    assert not chosen(Node(marker(noise="off"))).noise, "every text that is not empty is true"
    assert chosen(Node(), private="on").private


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t.py::test[a/b]", "t.py::test[a-b]"),
        ("t.py::test[a b]", "t.py::test[a/b]"),
        ("t.py::test[\u00e4]", "t.py::test[\u00f6]"),
        ("\u0442.py::test_\u0442", "\u0443.py::test_\u0443"),
        ("t.py::test[x-]", "t.py::test[x]"),
        ("t.py::test[x--y]", "t.py::test[x-y]"),
        ("a/b.py::test", "a-b.py::test"),
    ],
)
def test_no_test_takes_away_the_bundle_of_another(one: str, other: str) -> None:
    assert folder_name(one) != folder_name(other)
    assert folder_name(one) == folder_name(one)


def test_a_folder_has_the_tests_name_and_long_names_stay_apart() -> None:
    assert folder_name("tests/test_a.py::TestB::test_c[x-1.5]") == "tests-test_a.py-TestB-test_c-x-1.5"
    assert folder_name("tests/test_a.py::test_c[x/../y z]").startswith("tests-test_a.py-test_c-x-..-y-z-")
    long, other = folder_name("a" * 300 + "b"), folder_name("a" * 300 + "c")
    assert len(long) <= 120
    assert long != other
    assert folder_name("t.py::test[" + "a" * 50_000 + "(]"), "however long a name is, it is read but once"
    assert "/" not in folder_name("../../etc::x")
    assert not folder_name("../../etc::x").startswith(".")
