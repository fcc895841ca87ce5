from __future__ import annotations

import re
from importlib.resources import files

from publicsuffixlist import PublicSuffixList

from agent.browser.page_script import PageScriptConfig, page_script, public_suffix_rules
from agent.model.attribution import AggregationService, Dialect

CONFIG = PageScriptConfig("b1", "r1", "e1")


def test_suffix_rules_are_those_of_the_list_with_two_labels_and_more() -> None:
    grouped = public_suffix_rules()
    rules = {
        f"{label}.{domain}"
        for group in grouped.strip("/").split("/")
        for domain, *labels in [group.split()]
        for label in labels
    }
    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8")
    listed = {line.split()[0] for line in text.splitlines() if line and not line.startswith("//")}
    assert {rule for rule in listed if "." in rule and rule.isascii()} <= rules
    assert len(rules) == sum("." in rule for rule in listed)
    suffixes = PublicSuffixList()
    plain = [rule for rule in rules if "*" not in rule and "!" not in rule]
    assert [rule for rule in plain if suffixes.publicsuffix(rule) != rule] == []


def test_the_list_is_only_there_for_the_dialect_that_needs_it() -> None:
    assert "/uk " in page_script(CONFIG)
    assert "/uk " not in page_script(PageScriptConfig("b1", "r1", "e1", dialects=frozenset({Dialect.CURRENT})))


def test_only_the_resolver_is_declared() -> None:
    text = page_script(CONFIG)
    assert text.startswith("const r1 = (() => {\n")
    assert text.endswith("})();")


def test_services_cannot_leave_their_string() -> None:
    name = "\"'`${1}</script>\u2028\\"
    text = page_script(PageScriptConfig("b1", "r1", "e1", (AggregationService(name, "https://a.test/"),)))
    (line,) = [line for line in text.split("\n") if line.startswith("const config = ")]
    assert line.isascii()
    assert '"name": "\\"\'`${1}</script>\\u2028\\\\"' in line


def test_every_far_comment_is_widened_past_what_16_bits_count() -> None:
    text = page_script(CONFIG)
    assert "/*FAR*/" not in text
    assert min(len(found) for found in re.findall(r"//{1000,}", text)) > 0xFFFF
