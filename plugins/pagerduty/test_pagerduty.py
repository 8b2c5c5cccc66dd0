"""PagerDuty: the kit, and what is special about versions, priorities and the signature."""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.contracts import Delivery, Event, Unsupported
from hub.contracts.testing import SignedConnectorTests
from plugins.pagerduty import PagerDuty

INCIDENT = {"id": "Q1", "type": "incident", "status": "triggered", "title": "Payments fail"}


def delivery(body: Any) -> Delivery:
    return Delivery(body=json.dumps(body).encode())


def event_of(kind: str = "incident.triggered", **fields: Any) -> Event:
    (event,) = PagerDuty().normalise(delivery({"event": {"event_type": kind, "data": INCIDENT | fields}}), {})
    return event


class TestPagerDuty(SignedConnectorTests):
    connector = PagerDuty()
    folder = Path(__file__).parent
    credentials: ClassVar = {"integration_key": "k" * 32}
    window_seconds = None

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        return {"X-PagerDuty-Signature": f"v1={'0' * 64},v1={hmac.digest(secret.encode(), body, 'sha256').hex()}"}


@pytest.mark.parametrize(
    ("kind", "status", "state"),
    [
        ("incident.triggered", "triggered", "firing"),
        ("incident.acknowledged", "acknowledged", "acknowledged"),
        ("incident.unacknowledged", "triggered", "firing"),
        ("incident.resolved", "resolved", "resolved"),
        ("incident.reopened", "triggered", "firing"),
        ("incident.escalated", "triggered", "firing"),
        ("incident.reassigned", "acknowledged", "acknowledged"),
        ("incident.priority_updated", "resolved", "resolved"),
    ],
)
def test_event_tells_the_state_or_leaves_it_to_the_incident(kind: str, status: str, state: str) -> None:
    assert event_of(kind, status=status).state == state


@pytest.mark.parametrize(
    ("priority", "urgency", "severity"),
    [
        ({"summary": "P1"}, "low", "critical"),
        ({"summary": "P2"}, "high", "high"),
        ({"summary": "SEV-3 (minor)"}, "high", "medium"),
        ({"summary": "sev4"}, None, "low"),
        ({"summary": "Critical"}, None, "critical"),
        ({"summary": "Customers"}, "low", "low"),
        (None, "high", "high"),
        (None, None, "unknown"),
    ],
)
def test_severity_is_the_priority_and_else_the_urgency(priority: object, urgency: str | None, severity: str) -> None:
    assert event_of(priority=priority, urgency=urgency).severity == severity


def test_versions_know_an_incident_by_the_same_key() -> None:
    message = {"event": "incident.resolve", "incident": {"id": "Q1", "title": "Payments fail"}}
    (older,) = PagerDuty().normalise(delivery({"messages": [message]}), {})
    assert (older.dedup_key, older.state) == (event_of().dedup_key, "resolved")


@pytest.mark.parametrize("kind", ["pagey.ping", "service.created", "incident.annotated", "incident.responder.added"])
def test_what_is_no_incident_is_ignored_by_its_name(kind: str) -> None:
    body = {"event": {"event_type": kind, "data": {"type": kind.replace(".", "_"), "id": "1"}}}
    with pytest.raises(Unsupported, match=kind):
        PagerDuty().normalise(delivery(body), {})


def test_retry_is_known_by_the_signed_id_of_the_event() -> None:
    body = b'{"event": {"id": "E1", "event_type": "incident.triggered"}}'
    retried = Delivery(body=body, headers={"x-webhook-id": "another"})
    assert PagerDuty().delivery_key(retried) == "E1 incident.triggered"


def test_incident_without_an_id_is_known_by_its_title_and_service() -> None:
    def keyed(word: str, name: str = "Down") -> str:
        data = {"title": name, "service": {"summary": "checkout"}}
        body = json.dumps({"event": {"event_type": f"incident.{word}", "data": data}}).encode()
        return PagerDuty().normalise(Delivery(body=body), {})[0].dedup_key

    assert keyed("triggered") == keyed("resolved") != keyed("triggered", "Slow")
