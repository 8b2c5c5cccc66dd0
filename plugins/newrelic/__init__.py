"""New Relic: issues of workflows, incidents of classic channels, and the alerts of the channels before those."""

from collections.abc import Mapping
from typing import ClassVar

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    Severity,
    State,
    Unsupported,
    fingerprint,
    hookimpl,
)
from plugins.newrelic import names
from plugins.newrelic.api import SETTINGS, NerdGraph

# Of issues, of classic incidents (`current_state`, or `event_type` without its "INCIDENT_") and of the oldest alerts.
STATES = {
    **dict.fromkeys(("created", "activated", "active", "open", "opened", "escalated", "downgraded"), State.FIRING),
    "acknowledged": State.ACKNOWLEDGED,
    **dict.fromkeys(("closed", "close", "deactivated", "resolved", "ended", "cancelled"), State.RESOLVED),
}
TESTS = {"test", "notification"}  # what "send a test notification" of a classic channel says instead of a state

# A workflow calls the critical threshold CRITICAL and the warning threshold HIGH; a classic channel says WARNING.
SEVERITIES = {severity.value: severity for severity in Severity} | {"warning": Severity.MEDIUM}


class NewRelic(NerdGraph):
    """An issue and its key outlive acknowledgement and closing; a correlated issue stands for all its incidents."""

    name = "newrelic"
    title = "New Relic"
    config_schema: ClassVar = {"type": "object", "properties": {**SETTINGS}, "additionalProperties": False}
    setup_guide = """In New Relic open Alerts > Destinations > Webhook and set this endpoint URL:

{webhook_url}

Then open Alerts > Workflows > Add a workflow, choose Webhook under Notify, pick the destination and paste the
template of the connector's README. Switch on the triggers Activated, Acknowledged, Priority changed and Closed.
"""
    sample_body = """{"id": "3f0c7a52-9d41-4b8e-a6f3-1c2d5e7b9a04", "title": "checkout error rate above 5 %",
 "issueUrl": "https://radar-api.service.newrelic.com/accounts/1/issues/3f0c7a52-9d41-4b8e-a6f3-1c2d5e7b9a04",
 "priority": "CRITICAL", "impactedEntities": ["checkout"], "totalIncidents": 1, "state": "ACTIVATED",
 "trigger": "STATE_CHANGE", "isCorrelated": false, "createdAt": 1767322800000, "updatedAt": 1767322800000,
 "sources": ["newrelic"], "alertPolicyNames": ["Golden signals"], "alertConditionNames": ["Error rate"],
 "workflowName": "To Overwatch"}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(_issue(body)) for body in delivery.payload().members()]


def _issue(body: Payload) -> Payload:
    """The oldest channels put the alert, as JSON text, into a form field; a deployment is not an alert."""
    if body.has("deployment"):
        raise Unsupported("deployment")
    issue = body.get("alert").embedded().expect_object() if body.has("alert") else body
    return issue.loose(*names.GROUPS)


def to_event(issue: Payload) -> Event:
    """One issue or incident. `occurred_at` is its last change, so that a rise in priority is an event of its own."""
    word = _state_word(issue)
    raw_severity = issue.text("priority", "severity")
    own = {name: ", ".join(found) for name, fields in names.LABELS.items() if (found := _texts(issue, *fields))}
    labels = _tags(issue) | own
    entity = _first(_texts(issue, *names.ENTITIES, separator=",") or _texts(issue, "targets"))
    return Event(
        title=_title(issue),
        description="\n".join(_texts(issue, *names.TEXT)),
        state=State.ACKNOWLEDGED if _is_acknowledged(issue, word) else STATES[word],
        severity=SEVERITIES.get(raw_severity.lower(), Severity.UNKNOWN),
        raw_severity=raw_severity,
        dedup_key=_dedup_key(issue, own),
        service=_first(_texts(issue, "service")) or labels.get("service") or entity,
        resource=entity,
        labels=labels,
        annotations={name: text for name, field in names.ANNOTATIONS.items() if (text := issue.text(field))},
        links=issue.links(names.LINKS),
        occurred_at=issue.time(*names.WHEN),
        raw_kind=word,
    )


def _state_word(issue: Payload) -> str:
    """A key of STATES; the oldest form has it as the last word of "[checkout] alert opened"."""
    if issue.time(*names.CLOSED):
        return "closed"
    said = issue.text(*names.STATE) or issue.text("shortdescription").rpartition(" ")[2]
    if not said:
        raise Malformed(f"{issue.path}.state", "is missing, as are current_state, event_type")
    word = said.lower().removeprefix("incident_")
    if word in TESTS:
        raise Unsupported("test_notification")
    if word not in STATES:
        raise Malformed(f"{issue.path}.state", f"{said[:40]!r} is no state of New Relic's")
    return word


def _is_acknowledged(issue: Payload, word: str) -> bool:
    """A workflow's state stays ACTIVATED; that a person did something to it tells, unless the template says better."""
    if STATES[word] is not State.FIRING:
        return False
    if said := issue.text("isacknowledged"):
        return said.lower() == "true"
    return bool(issue.text("acknowledgedat")) or issue.text("trigger").upper() == "USER_ACTION"


def _dedup_key(issue: Payload, labels: dict[str, str]) -> str:
    """The id, else the address of its page, which is the same in every state, else what the alert is about."""
    return issue.text(*names.IDENTITY) or _first(_texts(issue, *names.PAGES)) or fingerprint(_title(issue), labels)


def _title(issue: Payload) -> str:
    return _first(_texts(issue, *names.TITLE)) or f"New Relic issue {issue.text(*names.IDENTITY)}".strip()


def _tags(issue: Payload) -> dict[str, str]:
    """The labels of a template, or the tags of a workflow's whole issue, each with a list of values."""
    given = (issue.get(name) for name in ("labels", "rawtag"))
    tags = next((each for each in given if isinstance(each.value, Mapping)), Payload({}))
    return {name: ", ".join(texts) for name in tags.value if (texts := tags.texts(name, "\n"))}


def _texts(issue: Payload, *fields: str, separator: str = "\n") -> list[str]:
    return next((texts for field in fields if (texts := issue.texts(field, separator))), [])


def _first(texts: list[str]) -> str:
    return next(iter(texts), "")


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [NewRelic()]
