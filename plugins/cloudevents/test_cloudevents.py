"""CloudEvents: the kit, and what is special about modes, identity and words that nobody has fixed."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.cloudevents import CloudEvents

CONTEXT = {"specversion": "1.0", "id": "a-1", "source": "/shop", "type": "com.example.alert"}


def event_of(data: Any = None, **attributes: Any) -> Event:
    body = json.dumps(CONTEXT | {"data": data} | attributes)
    (event,) = CloudEvents().normalise(Delivery(body=body.encode()), {})
    return event


class TestCloudEvents(ConnectorTests):
    connector = CloudEvents()
    folder = Path(__file__).parent

    def test_binary_and_structured_mode_say_the_same(self) -> None:
        data = {"title": "Disk", "severity": "high"}
        headers = {f"ce-{name}": value for name, value in CONTEXT.items()}
        (binary,) = self.normalise(Delivery(body=json.dumps(data).encode(), headers=headers))
        assert binary == event_of(data)

    def test_single_event_is_known_again_and_a_batch_is_not(self) -> None:
        single, batch = (Delivery(body=json.dumps(body).encode()) for body in (CONTEXT, [CONTEXT, CONTEXT]))
        assert self.connector.delivery_key(single) == "/shop|a-1"
        assert self.connector.delivery_key(batch) is None


@pytest.mark.parametrize(
    ("data", "attributes", "key"),
    [
        ({"fingerprint": "f1"}, {"subject": "disk"}, "f1"),
        ({}, {"subject": "disk"}, "/shop|disk"),
        ({}, {"subject": None}, "/shop|a-1"),
        ({"alertId": 7}, {}, "7"),
    ],
)
def test_key_is_that_of_the_data_else_the_subject_else_the_occurrence(
    data: dict[str, Any], attributes: dict[str, Any], key: str
) -> None:
    assert event_of(data, **attributes).dedup_key == key


@pytest.mark.parametrize(
    ("data", "kind", "state"),
    [
        ({"state": "RESOLVED"}, "com.example.alert.firing", "resolved"),
        ({"status": 200}, "com.example.alert.closed", "resolved"),
        ({"status": {"phase": "ok"}}, "com.example.alert", "firing"),
        ({"status": "acked"}, "com.example.alert", "acknowledged"),
    ],
)
def test_state_is_a_known_word_of_the_data_before_that_of_the_type(data: Any, kind: str, state: str) -> None:
    assert event_of(data, type=kind).state == state


@pytest.mark.parametrize(
    ("number", "severity"),
    [(24, "critical"), (17, "high"), (13, "medium"), (9, "info"), (0, "unknown")],
)
def test_severity_number_is_that_of_opentelemetry(number: int, severity: str) -> None:
    assert event_of(severitynumber=number).severity == severity


def test_data_that_no_alert_has_do_no_harm() -> None:
    event = event_of({"title": ["a"], "labels": "none", "severity": {"a": 1}, "host": None})
    assert (event.title, event.severity) == ("com.example.alert", "unknown")
