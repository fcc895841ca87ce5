from __future__ import annotations

import base64

from tests.cli.conftest import Tallyhost


def test_list_tells_of_each_report_but_not_its_body(tallyhost: Tallyhost, profile: str) -> None:
    (report,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    assert report["conversion_site"] == "shop.test"
    assert report["state"] == "returned"
    assert report["histogram"] == [0, 0, 0, 5, 0]
    assert report["bytes"] > 0
    assert "body" not in report


def test_show_gives_the_sealed_body_of_the_report_whose_id_begins_so(tallyhost: Tallyhost, profile: str) -> None:
    (listed,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    shown = tallyhost("reports", "show", listed["id"][:6], "--profile", profile, "--json").document["report"]
    assert len(base64.b64decode(shown.pop("body"))) == listed["bytes"]
    assert shown == listed


def test_both_are_for_people_too(tallyhost: Tallyhost, profile: str) -> None:
    (listed,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    table = tallyhost("reports", "list", "--profile", profile)
    assert listed["id"][:12] in table.out
    assert "the page" in table.out
    assert listed["id"] in tallyhost("reports", "show", listed["id"], "--profile", profile).out


def test_an_id_that_no_report_has_is_refused(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("reports", "show", "zz", "--profile", profile)
    assert run.code == 2
    assert "'zz'" in run.err
