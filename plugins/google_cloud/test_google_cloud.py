"""Google Cloud Monitoring: the kit, and what is special about documentation, severities and times."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event, Malformed
from hub.contracts.testing import ConnectorTests
from plugins.google_cloud import GoogleCloud

INCIDENT = {"incident_id": "0.n1", "state": "open", "policy_name": "Errors", "started_at": 1767322800}


def event_of(**fields: Any) -> Event:
    body = json.dumps({"incident": INCIDENT | fields}).encode()
    (event,) = GoogleCloud().normalise(Delivery(body=body), {})
    return event


class TestGoogleCloud(ConnectorTests):
    connector = GoogleCloud()
    folder = Path(__file__).parent


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": "Critical"}, "critical"),
        ({"severity": "Error"}, "high"),
        ({"severity": "Warning"}, "medium"),
        ({"policy_user_labels": {"severity": "error"}}, "high"),
        ({"severity": "Warning", "policy_user_labels": {"severity": "critical"}}, "medium"),
        ({"severity": "No severity"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_severity_is_the_policys_level_and_else_its_label(fields: dict[str, Any], severity: str) -> None:
    assert event_of(**fields).severity == severity


@pytest.mark.parametrize("documentation", ["Call the owner", {"content": "Call the owner"}])
def test_documentation_may_be_a_text_or_an_object(documentation: object) -> None:
    assert event_of(summary="5xx", documentation=documentation).description == "5xx\n\nCall the owner"


@pytest.mark.parametrize("ended_at", [None, 0, 1767323400])
def test_open_incident_began_whatever_its_end_says(ended_at: int | None) -> None:
    began = event_of(ended_at=ended_at).occurred_at
    assert began is not None
    assert began.isoformat() == "2026-01-02T03:00:00+00:00"


def test_incident_keeps_its_key_when_it_closes() -> None:
    opened, closed = event_of(), event_of(state="CLOSED", ended_at=1767323400)
    assert closed.state == "resolved"
    assert closed.dedup_key == opened.dedup_key


@pytest.mark.parametrize(
    ("fields", "service"),
    [
        ({"resource": {"labels": {"service_name": "checkout"}}, "policy_user_labels": {"service": "shop"}}, "shop"),
        ({"resource": {"labels": {"service_name": "checkout"}}}, "checkout"),
        ({"resource": {"labels": {"module_id": "default"}}}, "default"),
        ({"metadata": {"user_labels": {"app": "cart"}}}, "cart"),
        ({"resource": None, "metric": None}, ""),
    ],
)
def test_service_is_the_policys_label_or_what_the_resource_is_called(fields: dict[str, Any], service: str) -> None:
    assert event_of(**fields).service == service


def test_links_of_the_documentation_follow_that_of_the_incident() -> None:
    links = [{"displayName": "Playbook", "url": "https://runbooks.example/5xx"}, {"url": "about:blank"}]
    event = event_of(url="https://console.cloud.google.com/x", documentation={"links": links})
    assert [link.title for link in event.links] == ["Google Cloud", "Playbook"]


def test_incident_that_ends_before_it_has_begun_is_over_all_the_same() -> None:
    begun, ended = event_of(), event_of(state="closed", ended_at=INCIDENT["started_at"] - 60)
    assert begun.occurred_at == ended.occurred_at


@pytest.mark.parametrize("data", ["&", "e30", None, 7])
def test_message_of_pubsub_without_a_notification_is_malformed(data: object) -> None:
    with pytest.raises(Malformed):
        GoogleCloud().normalise(Delivery(body=json.dumps({"message": {"data": data}}).encode()), {})


def test_incident_without_an_id_is_known_by_its_policy_condition_and_labels() -> None:
    on = [{"incident_id": None, "condition_name": "5xx", "policy_user_labels": {"service": name}} for name in "ab"]
    begun, ended, other = event_of(**on[0]), event_of(**on[0], state="closed", ended_at=1767322900), event_of(**on[1])
    assert begun.dedup_key == ended.dedup_key != other.dedup_key
