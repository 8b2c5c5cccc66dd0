"""SigNoz: the kit, and what is special about its labels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.signoz import SigNoz

LABELS = {"alertname": "Errors", "service_name": "checkout", "team": "web"}


def event_of(labels: dict[str, str], config: dict[str, str] | None = None, **group: Any) -> Event:
    body = {"alerts": [{"status": "firing", "labels": labels}]} | group
    (event,) = SigNoz().normalise(Delivery(body=json.dumps(body).encode()), config or {})
    return event


class TestSigNoz(ConnectorTests):
    connector = SigNoz()
    folder = Path(__file__).parent

    def test_reminder_is_stored_again(self) -> None:
        assert self.connector.repeats_on_purpose


def test_missing_signal_is_marked_as_no_data() -> None:
    assert event_of(LABELS | {"nodata": "true"}).no_data
    assert not event_of(LABELS).no_data


@pytest.mark.parametrize(("word", "severity"), [("error", "high"), ("Warning", "medium"), ("severe", "unknown")])
def test_severity_is_the_word_of_the_label(word: str, severity: str) -> None:
    event = event_of(LABELS | {"severity": word})
    assert (event.severity, event.raw_severity) == (severity, word)


def test_service_is_the_configured_label_before_that_of_opentelemetry() -> None:
    assert event_of(LABELS).service == "checkout"
    assert event_of(LABELS, {"service_label": "team"}).service == "web"


def test_common_labels_complete_an_alert_but_do_not_change_its_key() -> None:
    completed = event_of(LABELS, commonLabels={"severity": "critical"})
    assert completed.severity == "critical"
    assert completed.dedup_key == event_of(LABELS).dedup_key


@pytest.mark.parametrize(
    "wrap", [lambda alert: alert, lambda alert: {"data": [alert]}, lambda alert: {"data": {"alerts": [alert]}}]
)
def test_alert_of_the_api_or_of_a_relay_is_the_one_of_the_group(wrap: Callable[[Any], Any]) -> None:
    alert = {"status": {"state": "active"}, "labels": LABELS}
    (event,) = SigNoz().normalise(Delivery(body=json.dumps(wrap(alert)).encode()), {})
    assert (event.state, event.dedup_key) == ("firing", event_of(LABELS).dedup_key)


def test_group_that_is_resolved_has_no_alert_that_fires() -> None:
    alert = {"status": "firing", "labels": {"alertname": "Slow"}, "endsAt": "0001-01-01T00:00:00Z"}
    body = json.dumps({"status": "resolved", "alerts": [alert]}).encode()
    (event,) = SigNoz().normalise(Delivery(body=body), {})
    assert event.state == "resolved"
