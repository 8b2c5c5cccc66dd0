"""Opsgenie: the kit, and what is special about actions, priorities and times."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.contracts import Delivery, Event, Unsupported
from hub.contracts.testing import ConnectorTests
from plugins.opsgenie import Opsgenie

ALERT = {"alertId": "a1", "message": "Payments fail", "createdAt": 1767322800000, "updatedAt": 1767322860000000000}


def event_of(action: str = "Create", **fields: Any) -> Event:
    body = json.dumps({"action": action, "alert": ALERT | fields}).encode()
    (event,) = Opsgenie().normalise(Delivery(body=body), {})
    return event


class TestOpsgenie(ConnectorTests):
    connector = Opsgenie()
    folder = Path(__file__).parent
    credentials: ClassVar = {"api_key": "k" * 36}


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("Create", "firing"),
        ("Acknowledge", "acknowledged"),
        ("UnAcknowledge", "firing"),
        ("Close", "resolved"),
        ("Delete", "resolved"),
    ],
)
def test_action_tells_the_state_of_one_alert(action: str, state: str) -> None:
    event = event_of(action)
    assert (event.state, event.dedup_key) == (state, "a1")


@pytest.mark.parametrize("action", ["AddNote", "Escalate", "AddTags", "UpdatePriority", "Snooze", "RestartService"])
def test_action_that_tells_no_state_is_ignored_by_its_name(action: str) -> None:
    with pytest.raises(Unsupported, match=action):
        event_of(action)


@pytest.mark.parametrize(
    ("priority", "severity"),
    [
        ("P1", "critical"),
        (2, "high"),
        ("3", "medium"),
        ("P4", "low"),
        ("P5", "info"),
        (None, "unknown"),
        (9, "unknown"),
    ],
)
def test_priority_may_be_a_number_or_a_word(priority: object, severity: str) -> None:
    assert event_of(priority=priority).severity == severity


def test_action_happened_at_the_last_change_whatever_its_unit() -> None:
    created, closed = event_of("Create").occurred_at, event_of("Close").occurred_at
    assert created is not None
    assert closed is not None
    assert (closed - created).total_seconds() == 60


def test_next_alert_of_an_alias_is_another_alert() -> None:
    first, second = event_of(alias="checkout"), event_of(alias="checkout", alertId="a2")
    assert first.dedup_key != second.dedup_key
    assert first.labels["alias"] == "checkout"


def test_tags_with_a_value_are_labels_and_may_name_the_service() -> None:
    event = event_of(tags=["env:prod", "service:checkout", "canary"], details={})
    assert (event.service, event.labels["env"], "canary" in event.labels) == ("checkout", "prod", False)


def test_action_need_not_repeat_the_message_of_the_alert() -> None:
    body = json.dumps({"action": "Acknowledge", "alert": {"alertId": "a-1"}}).encode()
    (event,) = Opsgenie().normalise(Delivery(body=body), {})
    assert (event.state, event.dedup_key, event.title) == ("acknowledged", "a-1", "Opsgenie alert a-1")
