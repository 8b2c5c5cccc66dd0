"""Alertmanager: the kit, and what is special about groups of alerts."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.alertmanager import Alertmanager

LABELS = {"alertname": "HighErrorRate", "namespace": "shop", "job": "exporter"}


def normalise(body: Any, **config: str) -> list[Event]:
    return Alertmanager().normalise(Delivery(body=json.dumps(body).encode()), config)


def cpu_seconds_of_parsing(body: bytes) -> float:
    began = time.process_time()
    json.loads(body)
    return time.process_time() - began


class TestAlertmanager(ConnectorTests):
    connector = Alertmanager()
    folder = Path(__file__).parent

    def test_reminder_is_stored_again(self) -> None:
        assert self.connector.repeats_on_purpose
        assert self.connector.delivery_key(Delivery(body=self.connector.sample_body.encode())) is None

    def test_megabyte_of_alerts_costs_a_small_multiple_of_parsing_it(self) -> None:
        body = json.loads(self.connector.sample_body)
        body["alerts"] *= 1_000_000 // len(json.dumps(body["alerts"]))
        delivery = Delivery(body=json.dumps(body).encode())
        floor = min(cpu_seconds_of_parsing(delivery.body) for _ in range(5))
        assert min(self.cpu_seconds(delivery) for _ in range(5)) < 60 * floor

    def test_readme_shows_the_receiver_of_the_setup_guide(self) -> None:
        receiver = self.connector.setup_guide.partition("receivers:")[2].split()
        assert " ".join(receiver) in " ".join((self.folder / "README.md").read_text().split())


@pytest.mark.parametrize(
    ("word", "severity"),
    [("page", "critical"), ("Error", "high"), ("WARNING", "medium"), ("minor", "low"), ("severe", "unknown")],
)
def test_severity_is_the_word_of_the_label(word: str, severity: str) -> None:
    (event,) = normalise([{"labels": LABELS | {"severity": word}}])
    assert (event.severity, event.raw_severity) == (severity, word)


def test_service_is_the_configured_label_before_the_usual_ones() -> None:
    (usual,) = normalise([{"labels": LABELS}])
    (configured,) = normalise([{"labels": LABELS}], service_label="namespace")
    assert (usual.service, configured.service) == ("exporter", "shop")


def test_alert_without_fingerprint_is_known_by_its_labels_alone() -> None:
    alert = {"labels": LABELS, "annotations": {"description": "93 %"}, "startsAt": "2026-01-02T03:00:00Z"}
    (before,), (after,) = normalise([alert]), normalise([alert | {"annotations": {"description": "97 %"}}])
    (other,) = normalise([alert | {"labels": LABELS | {"namespace": "web"}}])
    assert before.dedup_key == after.dedup_key != other.dedup_key


def test_common_labels_complete_an_alert_but_do_not_change_its_key() -> None:
    group = {"status": "firing", "alerts": [{"labels": LABELS}]}
    (alone,), (completed,) = normalise(group), normalise(group | {"commonLabels": {"severity": "critical"}})
    assert completed.severity == "critical"
    assert completed.dedup_key == alone.dedup_key


def test_status_object_of_the_api_leaves_the_decision_to_the_end() -> None:
    alert = {"labels": LABELS, "status": {"state": "active"}, "endsAt": "1969-12-31T00:00:00Z"}
    assert [event.state for event in normalise([alert])] == ["resolved"]


def test_group_that_is_resolved_has_no_alert_that_fires() -> None:
    alert = {"status": "firing", "labels": {"alertname": "Slow"}, "endsAt": "0001-01-01T00:00:00Z"}
    body = json.dumps({"status": "resolved", "alerts": [alert]}).encode()
    (event,) = Alertmanager().normalise(Delivery(body=body), {})
    assert event.state == "resolved"
