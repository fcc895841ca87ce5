"""Key structures: what the bits of a bucket mean, which buckets there are, and what a bucket is called.

A structure cuts the 128 bits of a bucket into named dimensions, each with the values that it may have; its buckets are
all their combinations, every bit that belongs to no dimension being 0. Several structures stand in one file, each with
a scale of its own: a sum divided by ``scale`` is an amount in ``unit``. This is how companies make the "output domain"
of an aggregation service, the list of keys that a summary has.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BUCKET_BITS = 128
MAX_BUCKETS = 1_000_000
"""Most buckets that the structures of a file may have together."""
Place = tuple[str | int, ...]
"""A key of the document: the names of its tables and its own."""

_RANGE = re.compile(r"\s*([0-9]{1,39})\s*-\s*([0-9]{1,39})\s*")
_DIGITS = re.compile("[0-9]{1,39}")
"""As many as 128 bits take."""
_VALUES_RULE = 'values are a list such as [1, 2], a range such as "0-511", or a table such as {1 = "Summer sale"}'
_LARGEST_SUM = 2**63
_SHOWN = 80
"""Characters of a value that a problem names."""
_STRUCTURE_KEYS = ("dimensions", "scale", "unit")
_DIMENSION_KEYS = ("offset", "bits", "values")


@dataclass(frozen=True, slots=True)
class BucketName:
    """What a bucket stands for."""

    label: str
    """In words, for a person."""
    structure: str = ""
    """The structure that it belongs to; empty for a bucket that was named one by one."""
    dimensions: tuple[tuple[str, str], ...] = ()
    """Each dimension's name with its value, or the value's label."""
    scale: float | None = None
    unit: str = ""

    def scaled(self, metric: float) -> float | None:
        """``metric`` as an amount in ``unit``; None where no scale is known."""
        return None if self.scale is None else metric / self.scale


Namer = Callable[[int], BucketName | None]
"""Says what a bucket stands for; None where it has no name."""


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """Why a document is no key structure."""

    place: Place
    what: str
    rule: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Dimension:
    """Some neighbouring bits of a bucket."""

    name: str
    offset: int
    """Position of its lowest bit, 0 being the lowest of the bucket."""
    bits: int
    values: Collection[int]
    """Those that a bucket may have; never empty, and each fits ``bits``."""
    labels: Mapping[int, str]

    def of(self, bucket: int) -> int:
        """The value that ``bucket`` has here."""
        return bucket >> self.offset & (1 << self.bits) - 1


@dataclass(frozen=True, slots=True)
class Structure:
    """One way to read a bucket."""

    name: str
    dimensions: tuple[Dimension, ...]
    scale: float | None
    unit: str

    def buckets(self) -> Iterator[int]:
        """Every combination of the dimensions' values."""
        parts = [[value << dimension.offset for value in dimension.values] for dimension in self.dimensions]
        return map(sum, itertools.product(*parts))

    def name_of(self, bucket: int) -> BucketName | None:
        """What ``bucket`` stands for; None where it is no bucket of this structure."""
        rest = bucket
        told = []
        for dimension in self.dimensions:
            value = dimension.of(bucket)
            if value not in dimension.values:
                return None
            rest ^= value << dimension.offset
            told.append((dimension.name, dimension.labels.get(value, str(value))))
        if rest:
            return None
        words = ", ".join(_in_words(dimension, bucket) for dimension in self.dimensions)
        return BucketName(f"{self.name}: {words}", self.name, tuple(told), self.scale, self.unit)


@dataclass(frozen=True, slots=True)
class KeyStructure:
    """The structures of one file; no bucket belongs to two of them."""

    structures: tuple[Structure, ...]
    buckets: tuple[int, ...]
    """Of all structures, in ascending order."""

    def name_of(self, bucket: int) -> BucketName | None:
        """What ``bucket`` stands for; None where it belongs to no structure."""
        return next((name for one in self.structures if (name := one.name_of(bucket)) is not None), None)


def read_key_structure(document: Mapping[str, Any]) -> KeyStructure | KeyProblem:
    """Understand a document ``{structure: {dimensions: {name: {offset, bits, values}}, scale, unit}}``."""
    if not document:
        return KeyProblem((), "no structure in it", "each table of the file is a structure with its dimensions")
    structures: list[Structure] = []
    for name, table in document.items():
        structure = _structure(name, table)
        if isinstance(structure, KeyProblem):
            return structure
        structures.append(structure)
    total = sum(_size(structure) for structure in structures)
    if total > MAX_BUCKETS:
        largest = max(structures, key=_size)
        sizes = " x ".join(f"{len(one.values):,} {one.name}" for one in largest.dimensions)
        return KeyProblem(
            (largest.name, "dimensions"),
            f"{total:,} buckets in all, {_size(largest):,} of them here: {sizes}",
            f"at most {MAX_BUCKETS:,} buckets, each of which has a row and noise of its own",
            "name fewer values, or split the file and aggregate once for each",
        )
    owners: dict[int, str] = {}
    for structure in structures:
        for bucket in structure.buckets():
            other = owners.setdefault(bucket, structure.name)
            if other != structure.name:
                return _shared_bucket(bucket, other, structure.name)
    return KeyStructure(tuple(structures), tuple(sorted(owners)))


def _in_words(dimension: Dimension, bucket: int) -> str:
    value = dimension.of(bucket)
    return dimension.labels.get(value, f"{dimension.name} {value}")


def _size(structure: Structure) -> int:
    return math.prod(len(dimension.values) for dimension in structure.dimensions)


def _shared_bucket(bucket: int, one: str, other: str) -> KeyProblem:
    return KeyProblem(
        (other,),
        f"bucket {bucket:#x} belongs to {one!r} and to {other!r}",
        "a bucket belongs to one structure, else nobody can tell what it counts",
        "give each structure a dimension of one value that tells it from the others, such as"
        " kind = {offset = 120, bits = 8, values = [1]}",
    )


def _structure(name: str, table: Any) -> Structure | KeyProblem:
    place: Place = (name,)
    rule = "a structure is a table with `dimensions`, and may have `scale` and `unit`"
    if not isinstance(table, Mapping):
        return KeyProblem(place, f"{name} is no table", rule, f"[{name}.dimensions] begins a structure's dimensions")
    if (unknown := _first_unknown(table, _STRUCTURE_KEYS)) is not None:
        return KeyProblem((*place, unknown), f"no such key: {unknown}", rule)
    dimensions = table.get("dimensions")
    if not isinstance(dimensions, Mapping) or not dimensions:
        return KeyProblem(
            place, f"{name} has no dimensions", rule, f"[{name}.dimensions] with one line for each dimension"
        )
    scale, unit = table.get("scale"), table.get("unit", "")
    if scale is not None and not _is_scale(scale):
        return KeyProblem(
            (*place, "scale"),
            f"scale = {_shown(scale)} cannot be used",
            "a scale is a number above 0 that a sum of 64 bits can be divided by",
        )
    if not isinstance(unit, str):
        return KeyProblem((*place, "unit"), f"unit = {_shown(unit)} cannot be used", "a unit is text such as EUR")
    read: list[Dimension] = []
    for dimension_name, entry in dimensions.items():
        dimension = _dimension(dimension_name, entry, (*place, "dimensions", dimension_name))
        if isinstance(dimension, KeyProblem):
            return dimension
        if (problem := _overlap(dimension, read, name)) is not None:
            return problem
        read.append(dimension)
    return Structure(name, tuple(read), None if scale is None else float(scale), unit)


def _overlap(dimension: Dimension, others: Sequence[Dimension], structure: str) -> KeyProblem | None:
    end = dimension.offset + dimension.bits
    for other in others:
        if other.offset < end and dimension.offset < other.offset + other.bits:
            return KeyProblem(
                (structure, "dimensions", dimension.name),
                f"{dimension.name} ({_span(dimension)}) overlaps {other.name} ({_span(other)})",
                "the dimensions of a structure share no bit",
                f"offset = {other.offset + other.bits} is the first above {other.name}",
            )
    return None


def _span(dimension: Dimension) -> str:
    return f"bits {dimension.offset} to {dimension.offset + dimension.bits - 1}"


def _dimension(name: str, entry: Any, place: Place) -> Dimension | KeyProblem:
    rule = "a dimension has `offset` and `bits` as integers, and `values`"
    example = f'{name} = {{offset = 0, bits = 8, values = "0-255"}}'
    if not isinstance(entry, Mapping):
        return KeyProblem(place, f"{name} is no table", rule, example)
    if (unknown := _first_unknown(entry, _DIMENSION_KEYS)) is not None:
        return KeyProblem((*place, unknown), f"no such key: {unknown}", rule)
    if missing := [key for key in _DIMENSION_KEYS if key not in entry]:
        return KeyProblem(place, f"{name} has no {missing[0]}", rule, example)
    offset, bits = entry["offset"], entry["bits"]
    if not _is_integer(offset) or offset < 0:
        return KeyProblem(
            (*place, "offset"), f"offset = {_shown(offset)} cannot be used", "an offset is an integer from 0"
        )
    if not _is_integer(bits) or bits < 1:
        return KeyProblem((*place, "bits"), f"bits = {_shown(bits)} cannot be used", "bits is an integer from 1")
    if offset + bits > BUCKET_BITS:
        return KeyProblem(
            place,
            f"{name} ends at bit {_shown(offset + bits - 1)}",
            f"a bucket has {BUCKET_BITS} bits, numbered from 0, the lowest, to {BUCKET_BITS - 1}",
            f"offset and bits add up to {BUCKET_BITS} at most",
        )
    values = _values(entry["values"], (*place, "values"))
    if isinstance(values, KeyProblem):
        return values
    given, labels = values
    if (largest := max(given)) >= 1 << bits:
        return KeyProblem(
            (*place, "values"),
            f"value {_shown(largest)} does not fit {bits} bit{'s' if bits > 1 else ''}",
            f"values of {name} go from 0 to {(1 << bits) - 1}",
            f"bits = {largest.bit_length()} holds it",
        )
    return Dimension(name, offset, bits, given, labels)


def _values(given: Any, place: Place) -> tuple[Collection[int], Mapping[int, str]] | KeyProblem:
    """The values with their labels: at least one, each 0 or more, none twice."""
    labels: dict[int, str] = {}
    read: range | list[int]
    match given:
        case str() if (found := _RANGE.fullmatch(given)) is not None:
            first, last = int(found[1]), int(found[2])
            if last < first:
                return KeyProblem(place, f"{given!r} is no range", "a range goes from the smaller to the larger value")
            if last - first >= MAX_BUCKETS:
                return KeyProblem(place, f"{given!r} has {last - first + 1:,} values", f"at most {MAX_BUCKETS:,}")
            read = range(first, last + 1)
        case list() if all(_is_integer(value) and value >= 0 for value in given):
            read = given
        case Mapping() if all(_DIGITS.fullmatch(str(key)) for key in given):
            if (wrong := next((key for key, label in given.items() if not isinstance(label, str)), None)) is not None:
                return KeyProblem((*place, wrong), f"the label of {wrong} is no text", _VALUES_RULE)
            read = [int(key) for key in given]
            labels = {int(key): label for key, label in given.items()}
        case _:
            return KeyProblem(place, f"values = {_shown(given)} cannot be used", _VALUES_RULE)
    if not read:
        return KeyProblem(place, "no values", _VALUES_RULE, "a dimension that is always 0 has values = [0]")
    distinct = read if isinstance(read, range) else dict.fromkeys(read)
    if len(distinct) < len(read):
        twice = Counter(read).most_common(1)[0][0]
        return KeyProblem(place, f"value {_shown(twice)} stands there twice", "each value of a dimension is named once")
    return distinct, labels


def _first_unknown(table: Mapping[str, Any], known: Sequence[str]) -> str | None:
    return next((key for key in table if key not in known), None)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_scale(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return float(value) > 0 and math.isfinite(value) and math.isfinite(_LARGEST_SUM / value)
    except OverflowError:
        return False


def _shown(value: Any) -> str:
    """A value for a person, cut."""
    try:
        text = repr(value)
    except ValueError:  # an integer written in hexadecimal, with more decimal digits than Python writes
        return "a number of thousands of digits"
    return text[:_SHOWN] + ("..." if len(text) > _SHOWN else "")
