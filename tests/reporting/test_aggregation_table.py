from __future__ import annotations

from rich.console import Console

from agent.engines.aggregation.key_structure import BucketName
from agent.reporting.aggregation_table import BAR_WIDTH, bar, summary_table
from agent.reporting.aggregation_view import Row, SummaryView
from tests.reporting.summaries import view


def printed(shown: SummaryView, width: int = 160) -> list[list[str]]:
    """The lines of the table, each as its words."""
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(summary_table(shown, shown.rows))
    return [line.split() for line in capture.get().splitlines() if line.split()]


def row(metric: int, width: int = 0) -> Row:
    return Row(1, None, metric, metric - width, metric + width, None)


def test_a_row_has_bucket_hex_sum_interval_and_amount() -> None:
    lines = printed(view())
    assert lines[0] == ["monday:", "SUCCESS_WITH_ERRORS"]
    assert lines[1] == ["Bucket", "Hex", "Noised", "90", "%", "interval", "That", "is"]
    assert lines[3][:3] == ["5", "0x5", "1,300"]
    assert lines[3][-3:] == ["1,200", "to", "1,400"]
    assert lines[4][:4] == ["sales:", "Summer", "0x559", "-40"]
    assert lines[4][-5:] == ["-140", "to", "60", "-2.50", "EUR"]


def test_the_true_sum_stands_before_the_noised_one() -> None:
    lines = printed(view(reveal=True))
    assert lines[1][:4] == ["Bucket", "Hex", "True", "Noised"]
    assert lines[3][:4] == ["5", "0x5", "1,234", "1,300"]


def test_without_noise_a_sum_has_no_interval() -> None:
    shown = view(scale=0.0)
    assert [str(column.header) for column in summary_table(shown, shown.rows).columns] == [
        "Bucket",
        "Hex",
        "Sum",
        "",
        "That is",
    ]


def test_named_buckets_have_no_number_where_there_is_no_room() -> None:
    shown = view()
    assert [str(c.header) for c in summary_table(shown, shown.rows[1:], narrow=True).columns][:2] == [
        "Bucket",
        "Noised",
    ]
    assert [str(c.header) for c in summary_table(shown, shown.rows, narrow=True).columns][:2] == ["Bucket", "Hex"]


def test_what_looks_like_markup_is_text() -> None:
    shown = view(job_request_id="[red]", rows=(Row(1, BucketName("[bold]x[/bold]"), 0, 0, 0, None),))
    lines = printed(shown)
    assert lines[0][0] == "[red]:"
    assert lines[3][0] == "[bold]x[/bold]"


def test_a_name_and_a_unit_cannot_steer_the_terminal() -> None:
    name = BucketName("a\x1b[2Jb", scale=1.0, unit="\x9b31m")
    line = printed(view(rows=(Row(1, name, 7, 7, 7, None),)))[3]
    assert (line[0], line[-1]) == (r"a\x1b[2Jb", r"\x9b31m")


def test_a_bar_goes_from_zero_to_the_sum() -> None:
    assert bar(row(100), 0, 100, width=10) == "█" * 10
    assert bar(row(50), 0, 100, width=10) == "█" * 6 + " " * 4
    assert bar(row(0), 0, 100, width=10) == "│" + " " * 9
    assert bar(row(-50), -50, 50, width=10) == "█" * 6 + " " * 4


def test_the_interval_lies_over_the_bar_with_the_sum_in_it() -> None:
    assert bar(row(50, 25), 0, 100, width=20) == "█████├────┼────┤    "
    assert bar(row(10, 20), -50, 50, width=20) == "        ├───┼───┤   "


def test_an_interval_too_small_to_be_drawn_is_left_out() -> None:
    assert bar(row(50, 1), 0, 1_000, width=10) == "█" + " " * 9


def test_a_narrow_terminal_has_a_narrow_bar_and_every_number_on_one_line() -> None:
    lines = printed(view(reveal=True), width=80)
    (first,) = [line for line in lines if "0x5" in line]
    assert first[:4] == ["5", "0x5", "1,234", "1,300"]
    assert first[-3:] == ["1,200", "to", "1,400"]
    assert not [word for line in lines for word in line if "…" in word]
    assert max(len(word) for word in first if "█" in word) < BAR_WIDTH
