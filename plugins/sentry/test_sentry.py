"""Sentry: the kit, and what is special about issues, their events, metric alerts and the signature."""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import SignedConnectorTests
from plugins.sentry import Sentry

EVENT = {"issue_id": "7", "title": "Error", "datetime": "2026-01-02T03:00:00Z"}


def event_of(body: dict[str, Any], **headers: str) -> Event:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    (event,) = Sentry().normalise(Delivery(body=json.dumps(body).encode(), headers=named), {})
    return event


def issue(action: str, status: str = "unresolved", **fields: Any) -> dict[str, Any]:
    return {"action": action, "data": {"issue": {"id": "7", "title": "Error", "status": status} | fields}}


def metric(action: str, **fields: Any) -> dict[str, Any]:
    started = {"id": "9", "title": "p95", "date_started": "2026-01-02T03:00:00Z"}
    return {"action": action, "data": {"metric_alert": started | fields}}


class TestSentry(SignedConnectorTests):
    connector = Sentry()
    folder = Path(__file__).parent
    window_seconds = None

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        return {"Sentry-Hook-Signature": hmac.digest(secret.encode(), body, "sha256").hex()}


def test_signature_may_be_under_its_older_name() -> None:
    headers = {"sentry-app-signature": hmac.digest(b"secret", b"{}", "sha256").hex()}
    Sentry().verify(Delivery(body=b"{}", headers=headers), {"client_secret": "secret"})


def test_resolving_the_issue_meets_the_event_that_fired_a_rule() -> None:
    fired, resolved = event_of({"data": {"event": EVENT}, "action": "triggered"}), event_of(issue("resolved"))
    assert (fired.state, resolved.state) == ("firing", "resolved")
    assert fired.dedup_key == resolved.dedup_key


@pytest.mark.parametrize(
    ("action", "status", "state"),
    [
        ("created", "unresolved", "firing"),
        ("unresolved", "unresolved", "firing"),
        ("assigned", "unresolved", "acknowledged"),
        ("assigned", "resolved", "resolved"),
        ("resolved", "resolved", "resolved"),
        ("archived", "ignored", "resolved"),
        ("ignored", "ignored", "resolved"),
    ],
)
def test_state_of_an_issue_is_its_action_or_else_its_status(action: str, status: str, state: str) -> None:
    assert event_of(issue(action, status)).state == state


def test_event_beside_an_issue_completes_it() -> None:
    body = issue("triggered")
    body["data"] |= {"event": EVENT | {"tags": {"server_name": "web-1"}, "environment": "production"}}
    event = event_of(body)
    assert (event.resource, event.labels["environment"]) == ("web-1", "production")
    assert event.dedup_key == event_of(issue("resolved")).dedup_key


def test_metric_alert_of_a_relay_is_known_by_its_name() -> None:
    body = {"action": "resolved", "data": {"metric_alert": {"id": "7", "name": "Too many errors"}}}
    assert event_of(body).title == "Too many errors"


def test_issue_and_metric_alert_with_one_number_are_two_alerts() -> None:
    assert event_of(issue("created")).dedup_key != event_of(metric("critical", id="7")).dedup_key


def test_step_from_warning_to_critical_is_an_event_of_its_own() -> None:
    warning, critical = event_of(metric("warning")), event_of(metric("critical"))
    assert (warning.severity, critical.severity) == ("medium", "critical")
    assert warning.dedup_key == critical.dedup_key
    assert warning.event_key != critical.event_key


def test_header_tells_when_an_issue_changed() -> None:
    event = event_of(issue("resolved"), sentry_hook_timestamp="1767322805")
    assert event.occurred_at is not None
    assert event.occurred_at.isoformat() == "2026-01-02T03:00:05+00:00"


@pytest.mark.parametrize("value", ["", "now", "-5", "1e9"])
def test_header_without_a_time_is_passed_over(value: str) -> None:
    assert event_of(issue("resolved"), sentry_hook_timestamp=value).occurred_at is None


@pytest.mark.parametrize(
    ("level", "severity"),
    [("fatal", "critical"), ("error", "high"), ("warning", "medium"), ("info", "info"), ("debug", "info")],
)
def test_severity_is_the_level(level: str, severity: str) -> None:
    assert event_of({"data": {"event": EVENT | {"level": level}}, "action": "triggered"}).severity == severity


@pytest.mark.parametrize("tags", [[["server_name", "web-1"]], [{"key": "server_name", "value": "web-1"}]])
def test_tags_may_be_pairs_or_objects(tags: list[Any]) -> None:
    event = event_of({"data": {"event": EVENT | {"tags": tags}}, "action": "triggered"})
    assert (event.resource, event.labels["server_name"]) == ("web-1", "web-1")


@pytest.mark.parametrize(
    "body",
    [
        issue("created", project={"slug": "checkout"}),
        {"data": {"event": EVENT | {"project": 1, "url": "https://s.io/api/0/projects/acme/checkout/events/5/"}}}
        | {"action": "triggered"},
        {"id": "7", "message": "Error", "project_slug": "checkout"},
        metric("critical", projects=["checkout"]),
    ],
    ids=["issue", "event", "plugin", "metric alert"],
)
def test_service_is_the_slug_of_the_project(body: dict[str, Any]) -> None:
    assert event_of(body).service == "checkout"


def test_issue_that_says_nothing_of_its_state_is_open() -> None:
    assert event_of({"data": {"issue": {"id": "7", "title": "TypeError", "level": "error"}}}).state == "firing"


def test_issue_that_is_resolved_need_not_repeat_its_title() -> None:
    event = event_of({"action": "resolved", "data": {"issue": {"id": "7"}}})
    assert (event.state, event.dedup_key, event.title) == ("resolved", "7", "Sentry issue")


def test_error_without_any_id_is_known_by_its_page() -> None:
    assert event_of({"event": {"title": "TypeError"}, "url": "https://s.example/1"}).dedup_key == "https://s.example/1"


def test_error_without_an_id_or_a_page_is_known_by_what_it_says() -> None:
    body = {"project": "checkout", "message": "TypeError", "level": "error", "server_name": "web-1"}
    first, other = event_of(body), event_of(body | {"project": "billing"})
    assert (first.service, first.resource, first.title) == ("checkout", "web-1", "TypeError")
    assert first.dedup_key != other.dedup_key == event_of(body | {"project": "billing", "level": "fatal"}).dedup_key


def test_firing_and_resolved_issue_meet_by_the_address_of_its_page() -> None:
    issue = {"title": "TypeError", "permalink": "https://sentry.example/issues/7/", "project": {"slug": "checkout"}}
    events = [event_of({"action": action, "data": {"issue": issue}}) for action in ("triggered", "resolved")]
    assert [event.state for event in events] == ["firing", "resolved"]
    assert events[0].dedup_key == events[1].dedup_key
