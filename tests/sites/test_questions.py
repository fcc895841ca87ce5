"""What is asked of the aggregation service is what it takes, and what its pages can tell apart."""

from __future__ import annotations

import pytest

from agent.engines.aggregation.parameters import read_parameters
from agent.model.aggregation import JobParameters
from agent.model.reports import ReportKind
from sites import reach, registrations
from sites.questions import QUESTIONS, Question


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_the_service_takes_the_epsilon_as_it_is_written(question: Question) -> None:
    asked = {"attribution_report_to": "https://adtech.test", "debug_privacy_epsilon": f"{question.epsilon:g}"}
    parameters = read_parameters(asked)
    assert isinstance(parameters, JobParameters)
    assert parameters.debug_privacy_epsilon == question.epsilon


def test_each_question_is_about_production_reports_of_one_kind() -> None:
    kinds = [ReportKind(question.kind) for question in QUESTIONS.values()]
    assert kinds == [ReportKind.AGGREGATABLE, ReportKind.PRIVATE_AGGREGATION]


def test_no_bucket_stands_for_something_in_two_questions() -> None:
    buckets = [bucket for question in QUESTIONS.values() for bucket in question.meanings]
    assert len(set(buckets)) == len(buckets) == 14


def test_the_epsilons_come_to_the_noise_that_the_pages_tell_of() -> None:
    # Scale 65,536 by epsilon: a fifth of a purchase and 205 euros; two browsers, and 0.4 with the default.
    assert 65_536 / registrations.EPSILON / registrations.COUNT_VALUE == 0.2
    assert round(65_536 / registrations.EPSILON / registrations.VALUE_OF_A_EURO) == 205
    assert 65_536 / reach.EPSILON / reach.VALUE == 2
    assert 65_536 / 10 / reach.VALUE == 0.4
