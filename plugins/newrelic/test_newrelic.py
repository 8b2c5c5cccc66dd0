"""New Relic: the kit, and what is special about issues, acknowledgements and templates."""

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.newrelic import NewRelic

FOLDER = Path(__file__).parent
ISSUE = {"id": "issue-1", "state": "ACTIVATED", "title": "Errors", "priority": "CRITICAL"}
VALUES = {
    "issueId": "issue-1",
    "state": "ACTIVATED",
    "priority": "HIGH",
    "createdAt": 1767322800000,
    "updatedAt": 1767322800000,
}


def event_of(**body: Any) -> Event:
    (event,) = NewRelic().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


def rendered(template: str, values: dict[str, Any]) -> str:
    """As much of Handlebars as the template in the README uses."""
    conditional = re.sub(r"{{#if (\S+)}}(.*?){{/if}}", lambda found: found[2] if found[1] in values else "", template)
    return re.sub(r"{{ (?:json )?(\S+) }}", lambda found: json.dumps(values.get(found[1], found[1])), conditional)


class TestNewRelic(ConnectorTests):
    connector = NewRelic()
    own_libraries = frozenset({"newrelic_telemetry_sdk", "urllib3"})
    folder = FOLDER
    credentials: ClassVar = {"user_key": "NRAK-1", "account_id": 1}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "firing"),
        ({"trigger": "INCIDENT_ADDED"}, "firing"),
        ({"trigger": "USER_ACTION"}, "acknowledged"),
        ({"trigger": "INCIDENT_ADDED", "acknowledgedAt": 1767322900000}, "acknowledged"),
        ({"isAcknowledged": "true"}, "acknowledged"),
        ({"trigger": "USER_ACTION", "isAcknowledged": False}, "firing"),
        ({"trigger": "USER_ACTION", "state": "CLOSED"}, "resolved"),
        ({"state": "deactivated"}, "resolved"),
    ],
)
def test_acknowledgement_shows_beside_the_state(fields: dict[str, Any], state: str) -> None:
    assert event_of(**ISSUE | fields).state == state


@pytest.mark.parametrize("is_correlated", ["false", False])
def test_correlated_may_be_a_text(is_correlated: object) -> None:
    assert event_of(**ISSUE, isCorrelated=is_correlated).annotations["isCorrelated"] == "false"


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"priority": "HIGH"}, "high"),
        ({"priority": "Low"}, "low"),
        ({"priority": None, "severity": "WARNING"}, "medium"),
        ({"priority": None, "severity": "INFO"}, "info"),
        ({"priority": "URGENT"}, "unknown"),
        ({"priority": "$PRIORITY"}, "unknown"),
    ],
)
def test_severity_is_the_priority_of_an_issue_or_the_severity_of_an_incident(
    fields: dict[str, Any], severity: str
) -> None:
    assert event_of(**ISSUE | fields).severity == severity


def test_rise_in_priority_is_an_event_of_its_own_of_the_same_alert() -> None:
    before, after = event_of(**ISSUE, updatedAt=1767322800000), event_of(**ISSUE, updatedAt=1767322860000)
    assert before.dedup_key == after.dedup_key
    assert before.occurred_at != after.occurred_at


def test_page_of_the_issue_stands_in_for_its_id() -> None:
    page = "https://one.newrelic.com/issues/1?notifier=SLACK"
    opened, closed = (event_of(state=state, issueUrl=page, title=state) for state in ("CREATED", "CLOSED"))
    assert opened.dedup_key == closed.dedup_key


@pytest.mark.parametrize("entities", [["checkout", "cart"], "checkout, cart"])
def test_first_entity_is_the_service_unless_the_template_names_one(entities: object) -> None:
    assert event_of(**ISSUE, impactedEntities=entities).service == "checkout"
    assert event_of(**ISSUE, impactedEntities=entities, service=["shop"]).service == "shop"


@pytest.mark.parametrize("extra", [{}, {"issueAcknowledgedAt": "2026-01-02 03:00 UTC", "owner": "Alice"}])
def test_template_of_the_readme_is_understood_whole(extra: dict[str, str]) -> None:
    template = re.search(r"```handlebars\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert template is not None
    event = event_of(**json.loads(rendered(template[1], VALUES | extra)))
    assert (event.dedup_key, event.severity) == ("issue-1", "high")
    assert event.state == ("acknowledged" if extra else "firing")


def test_names_of_a_template_are_read_in_any_spelling() -> None:
    snake = event_of(issue_id="i-1", issue_title="Slow", state="ACTIVATED", entity_name="pay", labels={"team": "sre"})
    whole = {"conditionName": ["Slow"], "targetName": ["pay"], "rawTag": {"team": ["sre"]}}
    camel = event_of(issueId="i-1", issueTitle="Slow", state="ACTIVATED", accumulations=whole)
    for event in (snake, camel):
        assert (event.dedup_key, event.title, event.resource) == ("i-1", "Slow", "pay")
        assert event.labels["team"] == "sre"


def test_issue_with_a_time_of_closing_is_closed_whatever_its_state_says() -> None:
    assert event_of(id="i-1", state="ACTIVATED", closedAt=1767322800000).state == "resolved"
    assert event_of(id="i-1", state="ACTIVATED", closedAt=None).state == "firing"


def test_entities_may_be_objects() -> None:
    entity = {"guid": "MXxBUE18QQ", "name": "checkout", "type": "APPLICATION"}
    event = event_of(id="i-1", state="ACTIVATED", impactedEntities=[entity, {}], activatedAt=1767322800000)
    assert (event.resource, event.labels["entities"]) == ("checkout", "checkout")
    assert event.occurred_at is not None
