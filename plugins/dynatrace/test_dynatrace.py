"""Dynatrace: the kit, and what is special about placeholders, merged problems and details."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.dynatrace import Dynatrace

FOLDER = Path(__file__).parent
PROBLEM = {"State": "OPEN", "PID": "-1_2V2", "ProblemID": "P-1", "ProblemTitle": "Shop is slow"}
VALUES = {
    "{State}": "OPEN",
    "{PID}": "-1_2V2",
    "{ProblemTitle}": "Shop is slow",
    "{ProblemSeverity}": "PERFORMANCE",
    "{ImpactedEntities}": '[{"type": "SERVICE", "name": "shop", "entity": "SERVICE-1"}]',
    "{ProblemDetailsJSON}": '{"startTime": 1767322800000, "endTime": -1}',
}


def event_of(**fields: Any) -> Event:
    (event,) = Dynatrace().normalise(Delivery(body=json.dumps(PROBLEM | fields).encode()), {})
    return event


class TestDynatrace(ConnectorTests):
    connector = Dynatrace()
    folder = FOLDER


@pytest.mark.parametrize(
    ("word", "state"), [("OPEN", "firing"), ("RESOLVED", "resolved"), ("MERGED", "resolved"), ("closed", "resolved")]
)
def test_merged_problem_is_over_like_a_resolved_one(word: str, state: str) -> None:
    event = event_of(State=word)
    assert (event.state, event.dedup_key) == (state, event_of().dedup_key)


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("AVAILABILITY", "critical"),
        ("ERROR", "critical"),
        ("PERFORMANCE", "medium"),
        ("RESOURCE_CONTENTION", "medium"),
        ("CUSTOM_ALERT", "unknown"),
        ("{ProblemSeverity}", "unknown"),
    ],
)
def test_severity_is_what_kind_of_problem_it_is(word: str, severity: str) -> None:
    assert event_of(ProblemSeverity=word).severity == severity


def test_severity_of_the_default_template_is_within_the_details() -> None:
    assert event_of(ProblemDetails={"severityLevel": "AVAILABILITY"}).severity == "critical"


def test_numbers_for_people_are_the_key_only_without_the_other() -> None:
    assert [event_of().dedup_key, event_of(PID="{PID}").dedup_key] == ["-1_2V2", "P-1"]


@pytest.mark.parametrize("details", ["<p>slow</p>", None, [], {"startTime": -1}])
def test_details_that_tell_no_time_are_passed_over(details: object) -> None:
    assert event_of(ProblemDetails=details).occurred_at is None


@pytest.mark.parametrize("entities", ["shop, web-1", ["shop", "web-1"], [{"name": "shop"}, {"entity": "web-1"}]])
def test_entities_may_be_objects_or_texts(entities: object) -> None:
    assert event_of(ImpactedEntities=entities).resource == "shop, web-1"


def test_problem_may_be_within_the_data_of_a_cloud_event() -> None:
    body = json.dumps({"type": "sh.keptn.event.problem.open", "data": PROBLEM}).encode()
    (event,) = Dynatrace().normalise(Delivery(body=body), {})
    assert (event.title, event.dedup_key) == ("Shop is slow", "-1_2V2")


def test_payload_of_the_readme_is_understood_whole() -> None:
    payload = re.search(r"```\n\s*(\{.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert payload is not None
    filled = re.sub(r"\{[A-Z][A-Za-z]+\}", lambda found: VALUES.get(found[0], f"the {found[0][1:-1]}"), payload[1])
    event = event_of(**json.loads(filled))
    assert (event.title, event.state, event.severity, event.service) == ("Shop is slow", "firing", "medium", "shop")
    assert event.occurred_at is not None


@pytest.mark.parametrize(("status", "state"), [("ACTIVE", "firing"), ("CLOSED", "resolved")])
def test_record_of_a_problem_as_a_workflow_sends_it_is_understood(status: str, state: str) -> None:
    record = {"event.id": "-1_2", "event.status": status, "event.name": "Slow", "event.category": "SLOWDOWN"}
    (event,) = Dynatrace().normalise(Delivery(body=json.dumps(record | {"display_id": "P-1"}).encode()), {})
    assert (event.state, event.severity, event.dedup_key, event.title) == (state, "medium", "-1_2", "Slow")


def test_severity_in_words_of_the_operators_counts() -> None:
    assert event_of(ProblemSeverity="WARNING").severity == "medium"


def test_problem_that_is_over_need_not_repeat_its_title() -> None:
    event = event_of(State="RESOLVED", PID="-7", ProblemTitle="{ProblemTitle}")
    assert (event.state, event.dedup_key, event.title) == ("resolved", "-7", "Problem -7")
