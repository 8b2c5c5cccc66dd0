"""Honeycomb: the kit, and what is special about a token instead of a signature, and about groups and tests."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import SignedConnectorTests
from hub.contracts.testing.signatures import varied
from plugins.honeycomb import Honeycomb

TRIGGER = {"id": "t1", "name": "Checkout is slow", "status": "TRIGGERED"}
TOKEN = "x-honeycomb-webhook-token"


def event_of(**body: Any) -> Event:
    (event,) = Honeycomb().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


class TestHoneycomb(SignedConnectorTests):
    connector = Honeycomb()
    folder = Path(__file__).parent
    window_seconds = None

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        return {"X-Honeycomb-Webhook-Token": secret}

    def altered(self, signed: Delivery) -> Delivery:
        """The token says nothing about the body: what can be altered is the token."""
        return replace(signed, headers={TOKEN: signed.headers[TOKEN] + " "})

    def forged(self, signed: Delivery, random: Random) -> Delivery:
        return replace(signed, headers={TOKEN: varied(signed.headers[TOKEN], random)})

    def test_retry_is_known_by_the_id_in_its_header(self) -> None:
        attempts = [Delivery(body=b"{}", headers={"x-honeycomb-webhook-delivery-id": "d-1"}) for _ in range(2)]
        assert [self.connector.delivery_key(attempt) for attempt in attempts] == ["d-1", "d-1"]


@pytest.mark.parametrize(("status", "state"), [("TRIGGERED", "firing"), ("tRiGgErEd", "firing"), ("OK", "resolved")])
def test_status_is_read_in_any_case(status: str, state: str) -> None:
    assert event_of(**TRIGGER | {"status": status}).state == state


def test_press_of_the_test_button_neither_opens_nor_closes_the_alert_of_the_trigger() -> None:
    assert event_of(**TRIGGER, is_test=True).dedup_key != event_of(**TRIGGER).dedup_key


@pytest.mark.parametrize(("word", "severity"), [("critical", "critical"), ("P3", "medium"), (None, "unknown")])
def test_severity_is_what_a_custom_payload_says(word: str | None, severity: str) -> None:
    assert event_of(**TRIGGER, severity=word).severity == severity


def test_service_is_a_column_of_the_groups_that_crossed_the_threshold() -> None:
    groups = [{"Group": {"service.name": name, "zone": "a"}, "Result": 1} for name in ("checkout", "cart")]
    event = event_of(**TRIGGER, result_groups_triggered=groups, dataset="shop")
    assert event.service == "checkout"
    assert event.labels["service.name"] == "checkout, cart"


def test_template_of_ones_own_may_nest_the_alert_and_write_names_as_it_likes() -> None:
    nested = {"ID": "t-1", "Name": "Checkout", "Alert": {"InstanceID": "i-1", "Summary": "slow"}}
    states = [event_of(**nested | {"Alert": nested["Alert"] | {"Status": word}}) for word in ("TRIGGERED", "OK")]
    assert [(event.state, event.dedup_key) for event in states] == [("firing", "i-1"), ("resolved", "i-1")]
    camel = event_of(alert={"title": "Errors", "status": "triggered", "isTest": False, "summary": "spiking"})
    assert (camel.title, camel.state) == ("Errors", "firing")
