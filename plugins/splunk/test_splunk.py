"""Splunk: the kit, and what is special about runs, rows and keys."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.splunk import Splunk

SID = "scheduler__admin__search__RMD5b1c0e6f_at_{at}_132"
ALERT = {"sid": SID.format(at=1767322800), "search_name": "Errors", "app": "search", "owner": "admin"}


def event_of(config: dict[str, str] | None = None, **fields: Any) -> Event:
    (event,) = Splunk().normalise(Delivery(body=json.dumps(ALERT | fields).encode()), config or {})
    return event


class TestSplunk(ConnectorTests):
    connector = Splunk()
    folder = Path(__file__).parent
    resolves = False


def test_runs_of_one_search_are_one_alert_and_several_events() -> None:
    first, second = event_of(), event_of(sid=SID.format(at=1767323100))
    assert first.dedup_key == second.dedup_key
    assert first.event_key != second.event_key


def test_rows_of_one_run_are_events_of_their_own() -> None:
    first, second = event_of(result={"host": "web-1"}), event_of(result={"host": "web-2"})
    assert first.dedup_key == second.dedup_key
    assert first.event_key != second.event_key


def test_fields_of_the_setting_make_an_alert_of_each_value() -> None:
    config = {"key_fields": "host, region"}
    keys = [event_of(config, result={"host": host, "count": count}).dedup_key for host, count in ("ab", "ac", "db")]
    assert keys[0] == keys[1] != keys[2]


def test_run_without_a_name_is_known_by_its_search() -> None:
    first, second = (event_of(search_name=None, sid=SID.format(at=at)) for at in (1767322800, 1767323100))
    assert first.dedup_key == second.dedup_key


def test_time_is_the_one_of_the_run_where_its_id_tells() -> None:
    told = event_of().occurred_at
    assert told is not None
    assert told.isoformat() == "2026-01-02T03:00:00+00:00"
    assert event_of(sid="1767322800.77").occurred_at is None


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        ({"severity": "critical", "log_level": "INFO"}, "critical"),
        ({"urgency": "high"}, "high"),
        ({"log_level": "WARN"}, "medium"),
        ({"severity": "17"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_severity_is_a_field_of_the_row(row: dict[str, str], severity: str) -> None:
    assert event_of(result=row).severity == severity


def test_internal_fields_are_no_labels_but_the_raw_text_is_the_description() -> None:
    event = event_of(result={"_raw": "ERROR pay", "_time": "1767322790", "host": "web-1"})
    assert event.labels == {"app": "search", "owner": "admin", "host": "web-1"}
    assert event.description == "ERROR pay"
