"""Uptime Kuma: the kit, and what is special about forms, missing beats and local times."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event, Unsupported
from hub.contracts.testing import ConnectorTests
from plugins.uptime_kuma import UptimeKuma

MONITOR = {"id": 7, "name": "Shop"}
BEAT = {"status": 0, "localDateTime": "2026-01-02 04:00:00"}


def event_of(**body: Any) -> Event:
    (event,) = UptimeKuma().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


class TestUptimeKuma(ConnectorTests):
    connector = UptimeKuma()
    folder = Path(__file__).parent

    def test_form_and_json_of_one_notification_give_the_same_events(self) -> None:
        page, form = (
            next(each for each in self.fixtures() if each.name == f"{name}-firing") for name in ("page", "form")
        )
        assert self.normalise(page.delivery()) == self.normalise(form.delivery())


def test_local_time_without_its_offset_is_no_time() -> None:
    assert event_of(heartbeat=BEAT, monitor=MONITOR).occurred_at is None
    with_offset = event_of(heartbeat=BEAT | {"timezoneOffset": "+01:00"}, monitor=MONITOR)
    assert with_offset.occurred_at is not None
    assert with_offset.occurred_at.hour == 3


def test_days_left_of_a_certificate_are_no_part_of_its_key() -> None:
    text = "[Shop][https://shop.example] certificate shop.example will expire in {} days"
    week, day = (event_of(heartbeat=None, monitor=None, msg=text.format(days)) for days in (7, 1))
    assert week.dedup_key == day.dedup_key


def test_press_of_the_test_button_is_ignored_by_its_name() -> None:
    with pytest.raises(Unsupported, match="test_notification"):
        event_of(heartbeat=None, monitor=None, msg="Overwatch Testing")


def test_objects_may_be_texts_as_a_template_quotes_them() -> None:
    assert event_of(heartbeat=json.dumps(BEAT), monitor=json.dumps(MONITOR)).dedup_key == "7"


def test_tags_of_a_monitor_say_its_service_and_severity_as_objects_or_as_text() -> None:
    tags = [{"name": "severity", "value": "P2"}, {"name": "service", "value": "payments"}]
    for given in (tags, ["severity=P2", "service=payments", "synthetic"]):
        event = event_of(heartbeat=BEAT, monitor=MONITOR | {"tags": given})
        assert (event.severity, event.service) == ("high", "payments")


@pytest.mark.parametrize(("event_type", "state"), [("create", "firing"), ("resolve", "resolved"), ("", "firing")])
def test_event_type_of_its_notification_for_pagertree_counts(event_type: str, state: str) -> None:
    beat, monitor = {"monitorID": 7, "status": 0}, {"id": 7, "name": "Shop"}
    assert event_of(event_type=event_type, heartbeat=beat, monitor=monitor).state == state
