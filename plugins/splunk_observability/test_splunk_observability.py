"""Splunk Observability Cloud: the kit, and what is special about statuses, severities and the signature."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import SignedConnectorTests
from plugins.splunk_observability import SplunkObservability

INCIDENT = {"incidentId": "i-1", "statusExtended": "anomalous", "rule": "Latency is high"}


def event_of(**fields: Any) -> Event:
    body = json.dumps(INCIDENT | fields).encode()
    (event,) = SplunkObservability().normalise(Delivery(body=body), {})
    return event


class TestSplunkObservability(SignedConnectorTests):
    connector = SplunkObservability()
    folder = Path(__file__).parent
    window_seconds = None

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        return {"X-SFX-Signature": base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()}


@pytest.mark.parametrize("word", ["ok", "manually resolved", "Stopped", "auto resolved"])
def test_every_way_to_end_resolves_the_incident(word: str) -> None:
    fired, over = event_of(), event_of(statusExtended=word)
    assert (fired.state, over.state) == ("firing", "resolved")
    assert fired.dedup_key == over.dedup_key


def test_extended_status_outweighs_the_coarse_one() -> None:
    assert event_of(status="ok").state == "firing"
    assert event_of(statusExtended=None, status="ok").state == "resolved"


@pytest.mark.parametrize(
    ("word", "severity"),
    [("Critical", "critical"), ("Major", "high"), ("Minor", "medium"), ("Warning", "medium"), ("Info", "info")],
)
def test_severity_is_the_one_of_the_rule(word: str, severity: str) -> None:
    event = event_of(severity=word)
    assert (event.severity, event.raw_severity) == (severity, word)


def test_title_does_not_change_with_the_state() -> None:
    titles = {event_of(messageTitle=f"{word}: Latency").title for word in ("Critical Alert", "Back to normal")}
    assert titles == {"Latency is high"}


@pytest.mark.parametrize("dimensions", ["", "host=web-1", None, []])
def test_dimensions_that_are_no_object_are_passed_over(dimensions: object) -> None:
    assert "host" not in event_of(dimensions=dimensions).labels


def test_dimensions_may_be_those_of_the_signals() -> None:
    inputs = {"_S1": {"dimensions": {"host": "web-1", "service": "checkout"}, "value": 96.2}, "_S2": {"value": 1}}
    body = {"incidentId": "i-1", "status": "anomalous", "severity": "Minor", "inputs": inputs}
    (event,) = SplunkObservability().normalise(Delivery(body=json.dumps(body).encode()), {})
    assert (event.service, event.resource, event.title) == ("checkout", "web-1", "Incident i-1")
