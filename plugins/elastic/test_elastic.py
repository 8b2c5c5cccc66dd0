"""Elastic: the kit, and what is special about action groups, names and templates."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.elastic import Elastic

FOLDER = Path(__file__).parent
RULE = {"id": "r-1", "name": "Latency"}
VALUES = {
    "rule.id": "r-1",
    "rule.name": "Latency",
    "rule.tags": "service:checkout,env:prod",
    "alert.id": "checkout",
    "alert.actionGroup": "recovered",
    "date": "2026-01-02T03:00:00.000Z",
    "ctx.watch_id": "cluster-health",
    "ctx.execution_time": "2026-01-02T03:00:00.000Z",
    "ctx.metadata.severity": "critical",
}


def event_of(**body: Any) -> Event:
    (event,) = Elastic().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


def alert(group: str = "threshold_met", **fields: Any) -> dict[str, Any]:
    return {"rule": RULE, "alert": {"id": "checkout", "actionGroup": group} | fields}


def templates() -> list[dict[str, Any]]:
    """The bodies of the README as Mustache renders them; what has no value is left empty, as Mustache does."""
    found = re.findall(r"```json\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    filled = (re.sub(r"\{\{(.*?)\}\}", lambda name: VALUES.get(name[1], ""), text) for text in found)
    return [json.loads(text) for text in filled]


class TestElastic(ConnectorTests):
    connector = Elastic()
    folder = FOLDER


@pytest.mark.parametrize(
    ("group", "state", "no_data"),
    [
        ("threshold_met", "firing", False),
        ("query matched", "firing", False),
        ("metrics.threshold.nodata", "firing", True),
        ("No Data", "firing", True),
        ("recovered", "resolved", False),
        ("Recovered", "resolved", False),
    ],
)
def test_every_action_group_fires_but_the_one_for_the_end(group: str, state: str, no_data: bool) -> None:
    event = event_of(**alert(group))
    assert (event.state, event.no_data) == (state, no_data)


def test_alerts_of_one_rule_are_told_apart_and_meet_their_recovery() -> None:
    fired, recovered, other = (alert(), alert("recovered"), alert(id="cart"))
    keys = [event_of(**body).dedup_key for body in (fired, recovered, other)]
    assert keys[0] == keys[1] != keys[2]


def test_group_of_the_context_may_be_gone_once_it_has_recovered() -> None:
    fired = event_of(**alert(), context={"group": "checkout"})
    assert fired.dedup_key == event_of(**alert("recovered"), context={"group": ""}).dedup_key


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severity": "high"}, "high"),
        ({"context": {"rule": {"severity": "low"}}}, "low"),
        ({"metadata": {"severity": "critical"}}, "critical"),
        ({"alert": {"actionGroupName": "Warning"}}, "medium"),
        ({"severity": "{{context.severity}}", "priority": "P4"}, "low"),
        ({"alert": {"actionGroupName": "Threshold met"}}, "unknown"),
        ({"severity": "severe"}, "unknown"),
    ],
)
def test_severity_is_the_first_word_that_says_one(fields: dict[str, Any], severity: str) -> None:
    assert event_of(rule=RULE, **fields).severity == severity


def test_names_may_be_nested_flat_or_written_otherwise() -> None:
    nested = event_of(rule={"name": "Latency"}, alert={"actionGroup": "recovered"})
    flat = event_of(ruleName="Latency", alert_action_group="recovered")
    assert (nested.title, nested.state) == (flat.title, flat.state) == ("Latency", "resolved")
    assert nested.dedup_key == flat.dedup_key


def test_bodies_of_the_readme_are_understood_whole() -> None:
    rule, watch = (event_of(**body) for body in templates())
    assert (rule.title, rule.state, rule.service) == ("Latency", "resolved", "checkout")
    assert (watch.title, watch.state, watch.severity) == ("cluster-health", "firing", "critical")
    assert rule.occurred_at == watch.occurred_at is not None


def test_summary_has_the_alerts_that_are_new_go_on_and_have_recovered() -> None:
    def document(instance: str, **more: Any) -> dict[str, Any]:
        rule = {"kibana.alert.rule.name": "CPU", "kibana.alert.rule.uuid": "r-1", "kibana.alert.severity": "high"}
        return {"kibana.alert.instance.id": instance, **rule, **more}

    nested = {"kibana": {"alert": {"instance": {"id": "c"}, "rule": {"name": "CPU", "uuid": "r-1"}}}}
    groups = {"new": [document("a")], "ongoing": [nested], "recovered": [document("b")]}
    body = {
        "alerts": {name: {"count": 1, "data": data} for name, data in groups.items()},
        "date": "2026-01-02T03:00:00Z",
    }
    events = Elastic().normalise(Delivery(body=json.dumps(body).encode()), {})
    assert [event.state for event in events] == ["firing", "firing", "resolved"]
    assert [event.title for event in events] == ["CPU"] * 3
    assert (events[0].severity, len({event.dedup_key for event in events})) == ("high", 3)


@pytest.mark.parametrize("field", ["status", "state", "event", "alertState"])
def test_word_that_says_it_is_over_counts_beside_the_action_group_of_the_firing(field: str) -> None:
    body = {"rule": {"id": "r", "name": "CPU"}, "alert": {"id": "a", "actionGroup": "query matched"}, field: "resolved"}
    (event,) = Elastic().normalise(Delivery(body=json.dumps(body).encode()), {})
    assert event.state == "resolved"


def test_labels_of_a_template_name_service_and_resource() -> None:
    body = {"rule": {"id": "r", "name": "CPU"}, "labels": {"service": "checkout", "pod": "checkout-7d9f"}}
    (event,) = Elastic().normalise(Delivery(body=json.dumps(body).encode()), {})
    assert (event.service, event.resource) == ("checkout", "checkout-7d9f")
