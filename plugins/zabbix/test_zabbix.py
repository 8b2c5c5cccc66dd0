"""Zabbix: the kit, and what is special about macros, updates and tags."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.zabbix import Zabbix

FOLDER = Path(__file__).parent
PROBLEM = {"event_id": "7", "event_value": "1", "event_name": "Disk is full", "host": "db-1"}
VALUES = {
    "{EVENT.ID}": "7",
    "{EVENT.VALUE}": "0",
    "{EVENT.NAME}": "Disk is full",
    "{EVENT.NSEVERITY}": "5",
    "{EVENT.TAGSJSON}": '[{"tag":"service","value":"storage"}]',
    "{TRIGGER.ID}": "9",
}


def event_of(**fields: Any) -> Event:
    (event,) = Zabbix().normalise(Delivery(body=json.dumps(PROBLEM | fields).encode()), {})
    return event


class TestZabbix(ConnectorTests):
    connector = Zabbix()
    folder = FOLDER


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"event_value": "1"}, "firing"),
        ({"event_value": 0}, "resolved"),
        ({"event_value": "PROBLEM"}, "firing"),
        ({"event_value": None, "trigger_status": "OK"}, "resolved"),
        ({"event_value": None, "status": "RESOLVED"}, "resolved"),
        ({"event_update_status": "1", "event_ack_status": "Yes"}, "acknowledged"),
        ({"event_update_status": "1", "event_update_action": "acknowledged"}, "acknowledged"),
        ({"event_update_status": "1", "event_update_action": "unacknowledged"}, "firing"),
        ({"event_update_status": "1", "event_update_action": "commented"}, "firing"),
        ({"event_value": "0", "event_ack_status": "Yes"}, "resolved"),
        ({"event_value": None, "event_name": None, "subject": "Resolved in 5m 2s: Disk is full"}, "resolved"),
    ],
)
def test_state_is_the_value_unless_it_is_acknowledged(fields: dict[str, Any], state: str) -> None:
    event = event_of(**fields)
    assert (event.state, event.dedup_key) == (state, "7")


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("5", "critical"),
        ("High", "high"),
        (3, "medium"),
        ("Warning", "low"),
        ("information", "info"),
        ("0", "unknown"),
        ("Not classified", "unknown"),
    ],
)
def test_severity_has_five_steps_in_numbers_and_words(word: object, severity: str) -> None:
    assert event_of(event_nseverity=word).severity == severity


@pytest.mark.parametrize(
    "fields",
    [
        {"event_tags": '[{"tag":"service","value":"shop"},{"tag":"canary","value":""}]'},
        {"event_tags": [{"tag": "service", "value": "shop"}, {"tag": "canary"}]},
        {"EVENT.TAGS": "service:shop, canary"},
        {"tags": ["service:shop", "canary"]},
        {"event_tags": "{EVENT.TAGSJSON}", "event_tags_json": '[{"tag":"service","value":"shop"},{"tag":"canary"}]'},
    ],
)
def test_tags_may_be_json_or_a_list_of_texts(fields: dict[str, Any]) -> None:
    event = event_of(**fields)
    assert (event.service, event.labels["canary"]) == ("shop", "true")


def test_problem_without_id_is_known_by_its_trigger_on_its_host() -> None:
    fields = {"event_id": "{EVENT.ID}", "trigger_id": "9"}
    fired, over, other = event_of(**fields), event_of(**fields, event_value="0"), event_of(**fields | {"host": "db-2"})
    assert fired.dedup_key == over.dedup_key != other.dedup_key


def test_update_that_changes_the_severity_has_a_time_of_its_own() -> None:
    first = event_of(event_timestamp="1767322800", event_nseverity="3")
    update = event_of(event_timestamp="1767322800", event_nseverity="5", event_update_timestamp="1767322990")
    assert (first.state, update.state) == ("firing", "firing")
    assert first.occurred_at != update.occurred_at


def test_page_needs_the_address_of_the_frontend() -> None:
    with_address = event_of(trigger_id="9", zabbix_url="https://zabbix.example/")
    assert [link.url for link in with_address.links] == ["https://zabbix.example/tr_events.php?triggerid=9&eventid=7"]
    assert event_of(trigger_id="9").links == ()


def test_parameters_of_the_readme_are_understood_whole() -> None:
    parameters = dict(re.findall(r"^\s*\| `(\w+)` \| `(\S+)` \|$", (FOLDER / "README.md").read_text(), re.MULTILINE))
    event = event_of(**{name: VALUES.get(macro, macro) for name, macro in parameters.items()})
    assert (event.title, event.state, event.severity, event.service) == (
        "Disk is full",
        "resolved",
        "critical",
        "storage",
    )
    assert event.labels.keys() == {"service", "trigger"}


def test_problem_and_recovery_without_an_id_meet_by_the_name_within_their_subjects() -> None:
    names = {"event_id": None, "trigger_id": None, "event_name": None}
    problem = event_of(**names, subject="Problem: Disk is full")
    recovery = event_of(**names, subject="Resolved in 1h 5m: Disk is full", event_value="0")
    assert (problem.title, recovery.title) == ("Disk is full", "Disk is full")
    assert problem.dedup_key == recovery.dedup_key


def test_recovery_need_not_repeat_the_name_of_the_problem() -> None:
    body = json.dumps({"event_id": "77", "event_value": "0"}).encode()
    (event,) = Zabbix().normalise(Delivery(body=body), {})
    assert (event.state, event.dedup_key, event.title) == ("resolved", "77", "Zabbix problem 77")
