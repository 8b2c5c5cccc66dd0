"""Azure Monitor: the kit, and what is special about its schemas, severities and times."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.azure_monitor import AzureMonitor

ESSENTIALS = {
    "alertId": "a-1",
    "alertRule": "5xx",
    "monitorCondition": "Fired",
    "firedDateTime": "2026-01-02T03:00:00Z",
}


def event_of(data: dict[str, Any]) -> Event:
    (event,) = AzureMonitor().normalise(Delivery(body=json.dumps({"data": data}).encode()), {})
    return event


def common(**essentials: Any) -> Event:
    return event_of({"essentials": ESSENTIALS | essentials})


def activity(**log: Any) -> Event:
    entry = {"eventSource": "ResourceHealth", "resourceId": "/vms/web-1", "operationName": "x", "status": "Active"}
    return event_of({"status": "Activated", "context": {"activityLog": entry | log}})


class TestAzureMonitor(ConnectorTests):
    connector = AzureMonitor()
    folder = Path(__file__).parent


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("Sev0", "critical"),
        ("Sev1", "high"),
        ("Sev2", "medium"),
        ("Sev3", "low"),
        ("Sev4", "info"),
        ("Sev9", "unknown"),
    ],
)
def test_severity_has_five_steps(word: str, severity: str) -> None:
    assert common(severity=word).severity == severity


def test_fired_alert_began_when_it_fired_whatever_else_the_body_says() -> None:
    began = common(resolvedDateTime="2026-01-02T04:00:00Z").occurred_at
    assert began is not None
    assert began.isoformat() == "2026-01-02T03:00:00+00:00"


def test_seven_digits_of_a_second_are_read() -> None:
    ended = common(monitorCondition="Resolved", resolvedDateTime="2026-01-02T03:05:00.7654321Z").occurred_at
    assert ended is not None
    assert ended.isoformat() == "2026-01-02T03:05:00.765432+00:00"


def test_alert_without_id_is_known_by_that_of_its_source() -> None:
    assert common(alertId=None, originAlertId="o-1").dedup_key == "o-1"


def test_old_metric_alert_is_known_by_its_rule_and_what_it_watches() -> None:
    context = {"id": "/rules/cpu", "name": "cpu", "resourceId": "/vms/web-1"}
    fired, over = (event_of({"status": status, "context": context}) for status in ("Activated", "Deactivated"))
    other = event_of({"status": "Activated", "context": context | {"resourceId": "/vms/web-2"}})
    assert (fired.state, over.state) == ("firing", "resolved")
    assert fired.dedup_key == over.dedup_key != other.dedup_key


def test_health_of_a_resource_is_one_alert_over_all_its_operations() -> None:
    sick, well = activity(operationName="…/Activated/action"), activity(operationName="…/Resolved", status="Resolved")
    assert well.state == "resolved"
    assert sick.dedup_key == well.dedup_key


def test_stage_of_a_service_issue_outweighs_the_status_of_its_entry() -> None:
    issue = {"trackingId": "NA0F-BJG", "title": "Outage", "stage": "RCA"}
    assert activity(eventSource="ServiceHealth", status="Active", properties=issue).state == "resolved"


@pytest.mark.parametrize("context", [None, {}, {"condition": None}, {"condition": "CPU > 80"}])
def test_condition_may_be_missing_or_a_text(context: object) -> None:
    assert event_of({"essentials": ESSENTIALS, "alertContext": context}).annotations == {}


def test_dimensions_and_custom_properties_are_labels() -> None:
    criterion = {"dimensions": [{"name": "Instance", "value": "rd-01"}], "linkToSearchResultsUI": "https://a.example/q"}
    event = event_of(
        {
            "essentials": ESSENTIALS,
            "alertContext": {"condition": {"allOf": [criterion]}},
            "customProperties": {"service": "checkout"},
        }
    )
    assert event.labels == {"Instance": "rd-01", "service": "checkout"}
    assert [link.url for link in event.links] == ["https://a.example/q"]


def test_alert_without_a_condition_has_fired() -> None:
    assert common(monitorCondition=None).state == "firing"


@pytest.mark.parametrize("custom", [None, "text", [], 1, True])
def test_alert_is_not_lost_for_properties_that_are_no_object(custom: object) -> None:
    assert event_of({"essentials": ESSENTIALS, "customProperties": custom}).state == "firing"


@pytest.mark.parametrize(("condition", "state"), [("Fired", "firing"), ("Resolved", "resolved")])
def test_alert_as_the_api_of_alerts_management_lists_it_is_understood(condition: str, state: str) -> None:
    essentials = {"monitorCondition": condition, "severity": "Sev1", "alertRule": "/subscriptions/1/alertrules/slow"}
    body = {"id": "/subscriptions/1/alerts/7", "name": "Slow", "properties": {"essentials": essentials}}
    (event,) = AzureMonitor().normalise(Delivery(body=json.dumps(body).encode()), {})
    assert (event.state, event.severity, event.title) == (state, "high", "slow")


def test_alert_that_is_resolved_before_it_has_fired_is_over_all_the_same() -> None:
    times = {"firedDateTime": "2026-01-02T03:00:00Z", "resolvedDateTime": "2019-01-01T00:00:00Z"}
    fired, resolved = (common(monitorCondition=word, **times) for word in ("Fired", "Resolved"))
    assert fired.occurred_at == resolved.occurred_at


def test_alert_without_the_name_of_its_rule_is_called_by_its_id() -> None:
    event = event_of({"essentials": {"alertId": "/subscriptions/1/alerts/7", "monitorCondition": "Resolved"}})
    assert (event.state, event.title) == ("resolved", "Alert 7")
