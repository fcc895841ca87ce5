from __future__ import annotations

from pathlib import Path

import pytest

from agent.aggregation.domains import read_domain_file, read_key_structure_file
from agent.cli.toml_lines import line_of
from agent.model.errors import UsageError


def file(folder: Path, text: str, name: str = "domain.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "contents"), [("domain", b"Obj\x01"), ("domain.csv", b"Obj\x01"), ("a.avro", b"")])
def test_an_avro_domain_is_known_by_its_contents_and_left_to_the_job(
    tmp_path: Path, name: str, contents: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(contents)
    domain = read_domain_file(path)
    assert (domain.buckets, domain.files) == (None, (path,))


def test_a_domain_may_lie_in_several_avro_files_of_a_folder(tmp_path: Path) -> None:
    for name, size in (("2.avro", 1), ("1.avro", 1), ("empty.avro", 0), (".hidden", 1)):
        (tmp_path / name).write_bytes(b"x" * size)
    (tmp_path / "folder").mkdir()
    domain = read_domain_file(tmp_path)
    assert (domain.buckets, domain.files) == ((), (tmp_path / "1.avro", tmp_path / "2.avro"))
    assert read_domain_file(tmp_path / "folder").buckets == ()  # and not None, which is no domain at all


def test_a_link_of_a_folder_that_leads_nowhere_is_named_for_its_buckets_would_be_missing(tmp_path: Path) -> None:
    (tmp_path / "1.avro").write_bytes(b"x")
    (tmp_path / "2.avro").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="cannot be read") as raised:
        read_domain_file(tmp_path)
    assert raised.value.where == str(tmp_path / "2.avro")


def test_a_domain_without_buckets_is_an_empty_one_which_no_job_takes(tmp_path: Path) -> None:
    assert read_domain_file(file(tmp_path, "bucket\n")).buckets == ()


def test_buckets_of_csv_are_decimal_or_hexadecimal_and_may_have_labels(tmp_path: Path) -> None:
    domain = read_domain_file(file(tmp_path, 'bucket,label\n0x559,Summer sale\n 7 ,\n\n0XFF,"Lamp, red"\n'))
    assert domain.buckets == (7, 255, 0x559)
    assert [name and name.label for name in map(domain.name_of, (7, 255, 0x559, 1))] == [
        None,
        "Lamp, red",
        "Summer sale",
        None,
    ]


def test_a_spreadsheet_s_csv_is_read(tmp_path: Path) -> None:
    domain = read_domain_file(file(tmp_path, "\ufeffLabel;Bucket\r\nSummer, late;12\r\n"))
    assert domain.buckets == (12,)
    name = domain.name_of(12)
    assert name is not None
    assert name.label == "Summer, late"


def test_a_bucket_that_stands_there_twice_is_one(tmp_path: Path) -> None:
    domain = read_domain_file(file(tmp_path, "bucket,label\n0x10,\n16,a\n16,a\n"))
    assert domain.buckets == (16,)
    name = domain.name_of(16)
    assert name is not None
    assert name.label == "a"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "domain.csv:1", "the file is empty"),
        ("0x559\n", "domain.csv:1", "no column `bucket`"),
        ("bucket\n1\nsummer\n", "domain.csv:3", "'summer' is no bucket"),
        ("label,bucket\nx\n", "domain.csv:2", "no bucket in this line"),
        ("bucket\n-1\n", "domain.csv:2", "-1 is out of range"),
        (f"bucket\n{1 << 128}\n", "domain.csv:2", "is out of range"),
        ("bucket\n0x1g\n", "domain.csv:2", "'0x1g' is no bucket"),
        ("bucket,label\n1,a\n1,b\n", "domain.csv:3", "bucket 0x1 is 'a' and 'b'"),
        ("bucket\n1_000\n", "domain.csv:2", "'1_000' is no bucket"),
        ("bucket\n\u0663\n", "domain.csv:2", "is no bucket"),
        (f"bucket\n{'9' * 5_000}\n", "domain.csv:2", "is no bucket"),
        (f"bucket,label\n1,{'x' * 200_000}\n", "domain.csv:2", "no CSV: field larger"),
        ('bucket,label\n1,a\n2,"Summer\n3,b\n4,c\n', "domain.csv:3", "no CSV: unexpected end"),
        ('bucket,label\n1,a\n2,"5 inch\n3,"7 inch\n4,c\n', "domain.csv:3", "no CSV: "),
        ("bucket\n1,000\n", "domain.csv:2", "2 cells, where the first line names 1"),
        ("bucket,label\n1,Summer, late\n", "domain.csv:2", "3 cells, where the first line names 2"),
    ],
)
def test_what_is_no_csv_domain_is_told_with_its_line(tmp_path: Path, text: str, where: str, what: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_domain_file(file(tmp_path, text))
    assert raised.value.where == str(tmp_path / where)
    assert what in raised.value.what
    assert raised.value.rule


def test_columns_of_no_name_may_be_blank_as_spreadsheets_leave_them(tmp_path: Path) -> None:
    assert read_domain_file(file(tmp_path, "bucket,label\n1,a,, \n2\n")).buckets == (1, 2)


def test_lines_may_end_as_they_did_on_any_system(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        assert read_domain_file(file(tmp_path, end.join(["bucket", "1", "2", ""]))).buckets == (1, 2)


def test_the_largest_bucket_is_in_range(tmp_path: Path) -> None:
    assert read_domain_file(file(tmp_path, f"bucket\n{(1 << 128) - 1}\n")).buckets == ((1 << 128) - 1,)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_domain_file(tmp_path / "nowhere.csv")
    binary = tmp_path / "domain.csv"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no UTF-8"):
        read_domain_file(binary)


STRUCTURE = """\
[purchases]
unit = "EUR"

[purchases.dimensions]
campaign = {offset = 0, bits = 8, values = [1, 2]}
"""


def test_a_key_structure_is_a_domain_with_names(tmp_path: Path) -> None:
    domain = read_key_structure_file(file(tmp_path, STRUCTURE, "keys.toml"), line_of)
    assert domain.buckets == (1, 2)
    name = domain.name_of(2)
    assert name is not None
    assert name.label == "purchases: campaign 2"


def test_a_problem_of_a_key_structure_is_told_with_its_line(tmp_path: Path) -> None:
    wrong = STRUCTURE + "region = {offset = 4, bits = 8, values = [1]}\n"
    with pytest.raises(UsageError) as raised:
        read_key_structure_file(file(tmp_path, wrong, "keys.toml"), line_of)
    assert raised.value.where == f"{tmp_path / 'keys.toml'}:6"
    assert "overlaps campaign" in raised.value.what
    assert raised.value.fix


@pytest.mark.parametrize("text", ["[a\n", "a = " + "9" * 5_000, "a = " + "[" * 5_000])
def test_what_is_no_toml_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="no TOML") as raised:
        read_key_structure_file(file(tmp_path, text, "keys.toml"), line_of)
    assert raised.value.where == str(tmp_path / "keys.toml")
