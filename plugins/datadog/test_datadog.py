"""Datadog: the kit, and what is special about templates, titles and keys."""

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.datadog import Datadog
from plugins.datadog.api import PAYLOAD

FOLDER = Path(__file__).parent
VALUES = {"$EVENT_TITLE": "[Triggered] Disk is full", "$ALERT_TRANSITION": "Triggered", "$AGGREG_KEY": "group-1"}


def delivery(**body: Any) -> Delivery:
    return Delivery(body=json.dumps(body).encode())


def event_of(**body: Any) -> Event:
    (event,) = Datadog().normalise(delivery(**body), {})
    return event


class TestDatadog(ConnectorTests):
    connector = Datadog()
    own_libraries = frozenset({"datadog_api_client"})
    folder = FOLDER
    credentials: ClassVar = {"api_key": "a" * 32, "app_key": "b" * 40}


@pytest.mark.parametrize(
    ("title", "name", "state", "no_data"),
    [
        ("[Triggered on {host:h1}] Disk", "Disk", "firing", False),
        ("[P1] [Re-Triggered] Disk", "Disk", "firing", False),
        ("[TEST] [P3] [Warn on {a:b,c:d}] [prod] Disk", "[prod] Disk", "firing", False),
        ("[Re-Warn] Disk", "Disk", "firing", False),
        ("[No Data on {host:h1}] Disk", "Disk", "firing", True),
        ("[Re-No Data] Disk", "Disk", "firing", True),
        ("[Recovered on {host:h1}] Disk", "Disk", "resolved", False),
        ("[Monitor Alert] Recovered: Disk", "Disk", "resolved", False),
        ("[Recovered on {path:a[0]}] Disk", "Disk", "resolved", False),
        ("Recovered files are full", "Recovered files are full", "firing", False),
        ("[Alerting] Disk", "[Alerting] Disk", "firing", False),
    ],
)
def test_title_tells_the_state_and_loses_it(title: str, name: str, state: str, no_data: bool) -> None:
    event = event_of(title=title)
    assert (event.title, event.state, event.no_data) == (name, state, no_data)


def test_transition_outweighs_the_title() -> None:
    assert event_of(title="[Triggered] Disk", alert_transition="Recovered").state == "resolved"


def test_success_without_any_other_word_is_a_recovery_and_no_severity() -> None:
    event = event_of(title="Disk", alert_type="success")
    assert (event.state, event.severity, event.raw_severity) == ("resolved", "unknown", "success")


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": "P1", "alert_type": "warning"}, "critical"),
        ({"alert_priority": "P2"}, "high"),
        ({"priority": 3}, "medium"),
        ({"priority": "low"}, "low"),
        ({"severity": "P5"}, "info"),
        ({"priority": "normal", "alert_type": "error"}, "high"),
        ({"alert_type": "metric alert"}, "unknown"),
        ({"alert_transition": "Triggered"}, "unknown"),
    ],
)
def test_severity_is_the_priority_and_else_the_alert_type(fields: dict[str, Any], severity: str) -> None:
    assert event_of(title="Disk", **fields).severity == severity


def test_cycle_key_outweighs_aggregation_key_and_that_the_monitor() -> None:
    monitor = {"title": "Disk", "monitor_id": 1, "scopes": "host:a"}
    aggregated = monitor | {"aggreg_key": "g"}
    assert [event_of(**aggregated, cycle_key="c").dedup_key, event_of(**aggregated).dedup_key] == ["c", "g"]
    assert event_of(**monitor).dedup_key == event_of(**monitor | {"title": "Renamed"}).dedup_key


def test_monitor_alerts_once_per_scope_whatever_its_order() -> None:
    first, same, other = (
        {"title": "Disk", "monitor_id": 1, "scopes": scopes} for scopes in ("a:1,b:2", ["b:2", "a:1"], "a:1")
    )
    assert event_of(**first).dedup_key == event_of(**same).dedup_key != event_of(**other).dedup_key


def test_title_with_its_scope_is_the_last_key() -> None:
    titles = ("[Triggered on {host:a}] Disk", "[P2] [Recovered on {host:a}] Disk", "[Triggered on {host:b}] Disk")
    trigger, recovery, other = (event_of(title=title).dedup_key for title in titles)
    assert trigger == recovery != other


def test_event_id_names_the_delivery_but_not_the_alert() -> None:
    fields = {"title": "Disk", "monitor_id": 1, "date": "1767322800000"}
    keys = [Datadog().delivery_key(delivery(**fields, id=event_id)) for event_id in ("7", "7", "8")]
    assert keys[0] == keys[1] != keys[2]
    assert event_of(**fields, id="7").dedup_key == event_of(**fields, id="8").dedup_key


def test_template_that_sends_the_monitor_as_id_loses_no_recovery() -> None:
    trigger = {"title": "Disk", "id": "4960770", "date": "1767322800000", "alert_transition": "Triggered"}
    recovery = trigger | {"date": "1767322900000", "alert_transition": "Recovered"}
    assert Datadog().delivery_key(delivery(**trigger)) != Datadog().delivery_key(delivery(**recovery))


def test_field_names_are_compared_without_case_and_punctuation() -> None:
    spellings = [
        {"ALERT_TRANSITION": "Recovered"},
        {"alertTransition": "Recovered"},
        {"alert": {"transition": "Recovered"}},
    ]
    assert {event_of(title="Disk", **spelling).state for spelling in spellings} == {"resolved"}


def test_payload_of_the_readme_is_understood_whole() -> None:
    payload = re.search(r"```json\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert payload is not None
    filled = re.sub(r"\$[A-Z_]+", lambda found: VALUES.get(found[0], f"the {found[0][1:]}"), payload[1])
    filled = re.sub(r"the (DATE|LAST_UPDATED)", "1767322800000", filled)
    event = event_of(**json.loads(filled))
    assert (event.title, event.state, event.dedup_key) == ("Disk is full", "firing", "group-1")
    assert json.loads(payload[1]) == PAYLOAD
    assert event.annotations["monitor_id"] == "the ALERT_ID"


@pytest.mark.parametrize(
    ("status", "state"), [("Alert", "firing"), ("No Data", "firing"), ("OK", "resolved"), ("load was > 1", "firing")]
)
def test_status_of_a_template_without_a_transition_tells_the_state_if_it_is_a_word(status: str, state: str) -> None:
    assert event_of(alert_title="Load", alert_id="7", alert_status=status).state == state


def test_tags_may_be_an_object() -> None:
    event = event_of(title="[Triggered] CPU", tags={"service": "checkout", "env": "prod"})
    assert (event.service, event.labels["env"]) == ("checkout", "prod")


def test_payload_that_datadog_proposes_tells_monitor_and_group_in_the_links_of_its_message() -> None:
    def event(word: str, group: str, value: int) -> Event:
        status = f"https://app.datadoghq.com/monitors/42?group={group}&from_ts=1767322800000&to_ts=1767322900000"
        body = f"%%%\nSee /monitors/7 first.\n[[Monitor Status]({status})] [[Edit]({status}/edit)]\n%%%"
        return event_of(id="1", title=f"[P2] [{word}] {value} % of the disk are full", date="1767322800000", body=body)

    begun, ended = (
        event("Triggered", "env%3Aprod%2Chost%3Aweb-1", 91),
        event("Recovered", "env%3Aprod%2Chost%3Aweb-1", 40),
    )
    assert (begun.state, ended.state) == ("firing", "resolved")
    assert begun.dedup_key == ended.dedup_key != event("Triggered", "env%3Aprod%2Chost%3Aweb-2", 91).dedup_key
    assert (begun.resource, begun.labels) == ("web-1", {"env": "prod", "host": "web-1"})
    assert begun.dedup_key == event_of(title="x", monitor_id=42, scopes="host:web-1,env:prod").dedup_key
