"""The clock: it never goes back, can be moved, stopped and run faster."""

from __future__ import annotations

import pytest

from agent.model.clock import DAY, DEFAULT_FROZEN_START, FASTEST, HOUR, LATEST, SECOND, Clock, format_instant

START = 1_000_000


class Wall:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def wall() -> Wall:
    return Wall()


def test_a_clock_goes_with_its_source_and_never_back(wall: Wall) -> None:
    clock = Clock(wall)
    wall.time += 500
    assert clock.now() == START + 500
    wall.time -= 300
    assert clock.now() == START + 500


def test_a_moved_clock_stays_so_far_ahead_of_its_source(wall: Wall) -> None:
    clock = Clock(wall)
    assert clock.advance("2d") == START + 2 * DAY
    wall.time += HOUR
    assert clock.now() == START + 2 * DAY + HOUR
    assert (clock.ahead, clock.lead) == (2 * DAY, 2 * DAY)


@pytest.mark.parametrize("step", [-1, "-1s", "soon", LATEST])
def test_a_step_back_an_unreadable_one_and_one_beyond_the_last_instant_move_nothing(
    wall: Wall, step: int | str
) -> None:
    clock = Clock(wall)
    with pytest.raises(ValueError, match=r"never goes back|is no duration|the clock ends at 9999"):
        clock.advance(step)
    assert (clock.now(), clock.ahead) == (START, 0)


def test_a_stopped_clock_stands_until_it_is_moved_and_goes_on_from_there(wall: Wall) -> None:
    clock = Clock(wall)
    clock.freeze()
    wall.time += HOUR
    assert (clock.now(), clock.speed, clock.stands_still) == (START, 0, True)
    clock.advance(10)
    assert clock.now() == START + 10
    clock.run()
    wall.time += 5
    assert (clock.now(), clock.speed) == (START + 15, 1)


def test_ten_times_as_fast_ten_of_its_seconds_pass_in_one(wall: Wall) -> None:
    clock = Clock(wall)
    clock.run(10)
    wall.time += SECOND
    assert clock.now() == START + 10 * SECOND
    clock.run(2.5)
    wall.time += SECOND
    assert clock.now() == START + 12.5 * SECOND


@pytest.mark.parametrize("speed", [0, -1, 0.5, FASTEST + 1, float("nan"), float("inf")])
def test_a_speed_that_is_none_changes_nothing(wall: Wall, speed: float) -> None:
    clock = Clock(wall)
    with pytest.raises(ValueError, match="1 to 10,000"):
        clock.run(speed)
    assert clock.speed == 1


def test_its_lead_is_how_far_it_stands_ahead_whatever_its_course_was(wall: Wall) -> None:
    clock = Clock(wall)
    clock.run(10)
    wall.time += SECOND
    assert clock.lead == 9 * SECOND
    clock.freeze()
    wall.time += HOUR
    assert clock.lead == 9 * SECOND - HOUR
    assert clock.ahead == 0


def test_a_clock_made_frozen_stands_at_its_start_and_can_run() -> None:
    clock = Clock.frozen()
    assert (clock.now(), clock.stands_still) == (DEFAULT_FROZEN_START, True)
    clock.run(10_000)
    while clock.now() < DEFAULT_FROZEN_START + SECOND:  # a tenth of a millisecond
        pass
    clock.freeze()
    assert clock.now() - DEFAULT_FROZEN_START < DAY
    assert clock.lead == clock.now() - DEFAULT_FROZEN_START


def test_the_real_seconds_until_an_instant_go_by_its_speed(wall: Wall) -> None:
    clock = Clock(wall)
    assert clock.seconds_until(START + 10 * SECOND) == 10
    clock.run(10)
    assert clock.seconds_until(START + 10 * SECOND) == 1
    clock.freeze()
    assert clock.seconds_until(START + 10 * SECOND) is None
    assert clock.seconds_until(START) == 0


def test_at_the_last_instant_it_stands(wall: Wall) -> None:
    clock = Clock(wall)
    clock.advance(LATEST - START)
    wall.time += HOUR
    assert (clock.now(), clock.lead) == (LATEST, LATEST - START - HOUR)
    assert format_instant(clock.now() + DAY) == format_instant(LATEST) == "9999-12-31T23:59:59+00:00"


def test_whoever_listens_is_told_of_every_change_of_its_course(wall: Wall) -> None:
    clock, told = Clock(wall), list[int]()
    clock.on_change(told.append)
    clock.advance(5)
    clock.freeze()
    clock.run(10)
    assert told == [START + 5] * 3
