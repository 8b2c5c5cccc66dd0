"""Dynatrace problems, in the template of the README, the default one, or another with the same placeholders."""

from collections.abc import Mapping

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    Severity,
    State,
    hookimpl,
    service_of,
    severity_of,
)

# A merged problem goes on as a part of another one, and is never heard of again.
STATES = {
    **dict.fromkeys(("open", "active"), State.FIRING),
    **dict.fromkeys(("resolved", "closed", "merged"), State.RESOLVED),
}

# What is wrong, not how badly; that something is down or fails outranks that it is slow or short of something.
SEVERITIES = {
    **dict.fromkeys(("availability", "error"), Severity.CRITICAL),
    **dict.fromkeys(("performance", "slowdown", "resourcecontention", "resource"), Severity.MEDIUM),
    **dict.fromkeys(("monitoringunavailable", "info"), Severity.INFO),
}
# Placeholders by names that operators choose: compared without case and punctuation.
# A workflow sends the fields of a problem's record: "event.status" and the like.
STATE = ("state", "status", "problemstate", "eventstatus")
IDENTITY = ("pid", "problemid", "eventid", "displayid")
TITLE = ("problemtitle", "title", "eventname")
SEVERITY = ("problemseverity", "severity", "severitylevel", "eventcategory")
TEXTS = ("problemdetailstext", "details", "description", "eventdescription")
ENTITIES = ("impactedentities", "impactedentity", "impactedentitynames", "namesofimpactedentities")
LABELS = {"impact": "problemimpact", "problem": "problemid", "zone": "managementzones"}
LINKS = {"problemurl": "Dynatrace", "url": "Dynatrace"}


class Dynatrace(Connector):
    """{PID} is the key: {ProblemID} is for people, and is 999 in every test."""

    name = "dynatrace"
    title = "Dynatrace"
    setup_guide = """In Dynatrace open Settings > Integration > Problem notifications > Custom integration; Webhook URL:

{webhook_url}

Paste the payload of the connector's README, switch "Call webhook if problem is closed" on, and send a test.
"""
    sample_body = """{"State": "OPEN", "PID": "-5484712356987412365_1767322800000V2", "ProblemID": "P-2601207",
 "ProblemTitle": "Failure rate increase", "ProblemSeverity": "ERROR", "ProblemImpact": "SERVICE",
 "ProblemURL": "https://abc12345.live.dynatrace.com/#problems/problemdetails;pid=-5484712356987412365_1767322800000V2",
 "ImpactedEntities": [{"type": "SERVICE", "name": "checkout", "entity": "SERVICE-1A2B3C4D5E6F7788"}],
 "Tags": "env:prod, team:shop", "ProblemDetails": {"startTime": 1767322800000, "endTime": -1}}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(body.loose("data")) for body in delivery.json().members()]


def to_event(problem: Payload) -> Event:
    """One change of a problem. Only the details, as JSON, tell when it began and ended."""
    word = problem.required_text(*STATE)
    if word.lower() not in STATES:
        raise Malformed(f"{problem.path}.State", f"{word[:40]!r} is no state of a problem")
    state = STATES[word.lower()]
    labels = problem.tags("tags")
    entities = _entities(problem)
    details, identity = _details(problem), problem.required_text(*IDENTITY)
    severity = problem.text(*SEVERITY) or details.text("severityLevel")
    return Event(
        title=problem.text(*TITLE) or f"Problem {identity}",
        description=problem.text(*TEXTS),
        state=state,
        severity=SEVERITIES.get(severity.lower().replace("_", "")) or severity_of(severity),
        raw_severity=severity,
        dedup_key=identity,
        service=service_of(labels) or next((name for name, kind in entities.items() if kind == "SERVICE"), ""),
        resource=", ".join(entities),
        labels=labels | {name: text for name, field in LABELS.items() if (text := problem.text(field))},
        links=problem.links(LINKS),
        occurred_at=details.time("startTime" if state is State.FIRING else "endTime"),
        raw_kind=word,
    )


def _entities(problem: Payload) -> dict[str, str]:
    """The impacted entities' names with their types; a template has them as objects, or as one text."""
    field = next((field for field in ENTITIES if problem.get(field).value), ENTITIES[0])
    found = problem.get(field)
    if isinstance(found.value, list) and all(isinstance(member, Mapping) for member in found.value):
        named = [(member.text("name", "entity"), member.text("type")) for member in found.members()]
        return {name: kind for name, kind in named if name}
    return dict.fromkeys(problem.texts(field), "")


def _details(problem: Payload) -> Payload:
    """{ProblemDetailsJSON}, where the template has it; elsewhere the same name holds a text or a page."""
    candidates = (problem.get(name) for name in ("problemdetails", "problemdetailsjson", "problemdetailsjsonv2"))
    return next((each for each in candidates if isinstance(each.value, Mapping)), Payload({}))


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Dynatrace()]
