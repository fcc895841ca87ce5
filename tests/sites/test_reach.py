"""What is counted, and by which numbers."""

from __future__ import annotations

from sites import reach
from sites.story import CAMPAIGNS, POSTER


def test_what_one_browser_adds_to_all_buckets_is_no_more_than_its_budget() -> None:
    # Private Aggregation: 65,536 for a site in ten minutes.
    assert reach.BUDGET == 65_536
    assert len(reach.counted()) * reach.VALUE <= reach.BUDGET


def test_no_two_things_are_counted_in_one_bucket_and_none_exceeds_128_bits() -> None:
    buckets = [one.bucket for one in reach.counted()]
    assert len(set(buckets)) == len(buckets)
    assert max(buckets) < 2**128


def test_reach_is_counted_for_every_campaign_in_a_frame_of_the_measurement_company() -> None:
    framed = {campaign.number for campaign in CAMPAIGNS if campaign.path.startswith("/article/")}
    assert {one.bucket for one in reach.counted() if one.times == 1} == framed | {POSTER.number}


def test_frequency_is_counted_beyond_the_bits_of_the_campaign_s_number() -> None:
    (often,) = [one for one in reach.counted() if one.times > 1]
    assert (often.bucket & 0xFFFF, often.bucket >> 16) == (POSTER.number, often.times)


def test_a_bucket_s_sum_stands_for_as_many_browsers_as_added_the_value() -> None:
    meanings = reach.bucket_meanings()
    assert meanings[hex(1234)] == {"text": "Mending days", "scale": 16_384, "unit": "browser"}
    assert len(meanings) == len(reach.counted())
