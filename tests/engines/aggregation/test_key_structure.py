from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.aggregation.key_structure import (
    MAX_BUCKETS,
    KeyProblem,
    KeyStructure,
    Place,
    read_key_structure,
)

CAMPAIGN = {"offset": 0, "bits": 16, "values": {"12": "Summer sale", "13": "Newsletter"}}
REGION = {"offset": 16, "bits": 8, "values": "0-2"}


def structure(**dimensions: Any) -> dict[str, Any]:
    """A document of one structure."""
    return {"purchases": {"dimensions": dimensions}}


def understood(document: dict[str, Any]) -> KeyStructure:
    read = read_key_structure(document)
    assert isinstance(read, KeyStructure)
    return read


def problem(document: Any) -> KeyProblem:
    read = read_key_structure(document)
    assert isinstance(read, KeyProblem)
    return read


def test_the_buckets_are_all_combinations_in_ascending_order() -> None:
    read = understood(structure(campaign=CAMPAIGN, region=REGION))
    assert read.buckets == (12, 13, 0x1000C, 0x1000D, 0x2000C, 0x2000D)


def test_a_bucket_is_named_by_labels_and_else_by_dimension_and_value() -> None:
    name = understood(structure(campaign=CAMPAIGN, region=REGION)).name_of(0x2000C)
    assert name is not None
    assert name.label == "purchases: Summer sale, region 2"
    assert name.dimensions == (("campaign", "Summer sale"), ("region", "2"))
    assert name.structure == "purchases"


def test_a_bucket_of_another_value_or_with_a_bit_outside_has_no_name() -> None:
    read = understood(structure(campaign=CAMPAIGN, region=REGION))
    assert read.name_of(14) is None
    assert read.name_of(1 << 100 | 12) is None


def test_a_sum_is_scaled_where_the_structure_has_a_scale() -> None:
    document = {
        "revenue": {"scale": 128, "unit": "EUR", "dimensions": {"kind": {"offset": 8, "bits": 8, "values": [2]}}},
        "count": {"dimensions": {"kind": {"offset": 8, "bits": 8, "values": [1]}}},
    }
    read = understood(document)
    revenue, count = read.name_of(0x200), read.name_of(0x100)
    assert revenue is not None
    assert count is not None
    assert (revenue.scaled(-64), revenue.unit) == (-0.5, "EUR")
    assert (count.scaled(64), count.unit) == (None, "")


def test_a_dimension_may_reach_the_highest_bit() -> None:
    read = understood(structure(high={"offset": 120, "bits": 8, "values": [255]}))
    assert read.buckets == (255 << 120,)


def test_values_fill_their_bits_and_no_more() -> None:
    assert len(understood(structure(all={"offset": 0, "bits": 3, "values": "0-7"})).buckets) == 8
    found = problem(structure(all={"offset": 0, "bits": 3, "values": "0-8"}))
    assert found.place == ("purchases", "dimensions", "all", "values")
    assert "8 does not fit 3 bits" in found.what
    assert "bits = 4" in found.fix


def test_as_many_buckets_as_there_may_be_and_not_one_more() -> None:
    most = {"offset": 0, "bits": 20, "values": f"0-{MAX_BUCKETS - 1}"}
    assert len(understood(structure(most=most)).buckets) == MAX_BUCKETS
    many = {name: {"offset": 8 * at, "bits": 8, "values": "0-255"} for at, name in enumerate("abcd")}
    found = problem(structure(**many))
    assert found.place == ("purchases", "dimensions")
    assert "4,294,967,296" in found.what
    assert "1,000,000" in found.rule


def test_the_bound_is_for_all_structures_together() -> None:
    half = {"offset": 0, "bits": 20, "values": "0-599999"}
    kinds = ({"offset": 20, "bits": 1, "values": [kind]} for kind in (0, 1))
    document = {f"s{number}": {"dimensions": {"a": half, "kind": kind}} for number, kind in enumerate(kinds)}
    assert "1,200,000" in problem(document).what


def test_dimensions_of_a_structure_share_no_bit() -> None:
    found = problem(structure(campaign=CAMPAIGN, region={**REGION, "offset": 15}))
    assert found.place == ("purchases", "dimensions", "region")
    assert "region (bits 15 to 22) overlaps campaign (bits 0 to 15)" in found.what
    assert "offset = 16" in found.fix


def test_a_bucket_belongs_to_one_structure() -> None:
    document = {name: {"dimensions": {"campaign": CAMPAIGN}} for name in ("clicks", "views")}
    found = problem(document)
    assert found.place == ("views",)
    assert "bucket 0xc belongs to 'clicks' and to 'views'" in found.what


DIMENSION = ("purchases", "dimensions", "d")


@pytest.mark.parametrize(
    ("dimension", "place", "what"),
    [
        ({"offset": 121, "bits": 8, "values": [1]}, DIMENSION, "ends at bit 128"),
        ({"offset": -1, "bits": 8, "values": [1]}, (*DIMENSION, "offset"), "offset = -1"),
        ({"offset": True, "bits": 8, "values": [1]}, (*DIMENSION, "offset"), "offset = True"),
        ({"offset": 0, "bits": 0, "values": [0]}, (*DIMENSION, "bits"), "bits = 0"),
        ({"offset": 0, "bits": "8", "values": [0]}, (*DIMENSION, "bits"), "bits = '8'"),
        ({"offset": 0, "bits": 8}, DIMENSION, "has no values"),
        ({"offset": 0, "bits": 8, "values": [1], "label": "x"}, (*DIMENSION, "label"), "no such key: label"),
        ({"offset": 0, "bits": 8, "values": []}, (*DIMENSION, "values"), "no values"),
        ({"offset": 0, "bits": 8, "values": [1, 2, 1]}, (*DIMENSION, "values"), "1 stands there twice"),
        ({"offset": 0, "bits": 8, "values": {"1": "a", "01": "b"}}, (*DIMENSION, "values"), "1 stands there twice"),
        ({"offset": 0, "bits": 8, "values": "9-2"}, (*DIMENSION, "values"), "is no range"),
        ({"offset": 0, "bits": 8, "values": "1, 2"}, (*DIMENSION, "values"), "cannot be used"),
        ({"offset": 0, "bits": 8, "values": [-1]}, (*DIMENSION, "values"), "cannot be used"),
        ({"offset": 0, "bits": 8, "values": [1.0]}, (*DIMENSION, "values"), "cannot be used"),
        ({"offset": 0, "bits": 8, "values": {"one": "a"}}, (*DIMENSION, "values"), "cannot be used"),
        ({"offset": 0, "bits": 8, "values": {"1": 1}}, (*DIMENSION, "values", "1"), "label of 1 is no text"),
        ({"offset": 0, "bits": 99, "values": f"0-{10**20}"}, (*DIMENSION, "values"), "values"),
        ({"offset": 0, "bits": 99, "values": f"0-{'9' * 5_000}"}, (*DIMENSION, "values"), "cannot be used"),
        ({"offset": 0, "bits": 99, "values": {"9" * 5_000: "x"}}, (*DIMENSION, "values"), "cannot be used"),
        ({"offset": 16**5_000, "bits": 8, "values": [1]}, DIMENSION, "ends at bit a number of thousands"),
        ({"offset": 0, "bits": 16**5_000, "values": [1]}, DIMENSION, "ends at bit a number of thousands"),
        ({"offset": 0, "bits": 8, "values": [16**5_000]}, (*DIMENSION, "values"), "value a number of thousands"),
        ({"offset": 0, "bits": 8, "values": 16**5_000}, (*DIMENSION, "values"), "cannot be used"),
        ([0, 8], DIMENSION, "is no table"),
    ],
)
def test_what_is_no_dimension_is_told_with_its_place(dimension: Any, place: Place, what: str) -> None:
    found = problem(structure(d=dimension))
    assert found.place == place
    assert what in found.what
    assert found.rule


@pytest.mark.parametrize(
    ("document", "place", "what"),
    [
        ({}, (), "no structure"),
        ({"a": 1}, ("a",), "a is no table"),
        ({"a": {}}, ("a",), "a has no dimensions"),
        ({"a": {"dimensions": {}}}, ("a",), "a has no dimensions"),
        ({"a": {"dimension": {}}}, ("a", "dimension"), "no such key: dimension"),
        ({"a": {"dimensions": {"d": REGION}, "scale": 0}}, ("a", "scale"), "scale = 0"),
        ({"a": {"dimensions": {"d": REGION}, "scale": "1"}}, ("a", "scale"), "scale = '1'"),
        ({"a": {"dimensions": {"d": REGION}, "scale": float("nan")}}, ("a", "scale"), "scale = nan"),
        ({"a": {"dimensions": {"d": REGION}, "scale": 10**400}}, ("a", "scale"), "scale = 1000"),
        ({"a": {"dimensions": {"d": REGION}, "scale": 5e-324}}, ("a", "scale"), "scale = 5e-324"),
        ({"a": {"dimensions": {"d": REGION}, "unit": 16**5_000}}, ("a", "unit"), "unit = a number of thousands"),
        ({"a": {"dimensions": {"d": REGION}, "unit": 1}}, ("a", "unit"), "unit = 1"),
    ],
)
def test_what_is_no_structure_is_told_with_its_place(document: Any, place: Place, what: str) -> None:
    found = problem(document)
    assert found.place == place
    assert what in found.what
    assert found.rule


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 3)), min_size=1, max_size=3))
def test_every_bucket_of_a_structure_is_named_with_values_that_make_it_again(widths: list[tuple[int, int]]) -> None:
    offset = 0
    dimensions: dict[str, dict[str, Any]] = {}
    for number, (bits, count) in enumerate(widths):
        values = list(range(min(count, 1 << bits)))
        dimensions[f"d{number}"] = {"offset": offset, "bits": bits, "values": values}
        offset += bits
    read = understood(structure(**dimensions))
    for bucket in read.buckets:
        name = read.name_of(bucket)
        assert name is not None
        parts = (int(value) << dimensions[dimension]["offset"] for dimension, value in name.dimensions)
        assert sum(parts) == bucket
