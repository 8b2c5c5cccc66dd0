"""Datadog monitors: one event per webhook, in whatever template the operator pasted, or the default one."""

import re
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
    fingerprint,
    hookimpl,
    labels_of,
)
from plugins.datadog.api import SETTINGS, DatadogApi
from plugins.datadog.monitor import TEXT, monitor_of, scope_of

# $ALERT_TRANSITION, and the word in the title's brackets; "Re-" before it says only that it is not the first time.
STATES = {
    **dict.fromkeys(("triggered", "alert", "warning", "warn", "renotify", "no data"), State.FIRING),
    **dict.fromkeys(("recovered", "resolved", "ok"), State.RESOLVED),
}

# $ALERT_PRIORITY is what somebody chose for the monitor; without one, $ALERT_TYPE names the threshold that was crossed.
# Its "success" is a state and $PRIORITY's "normal" is for Datadog's event list: neither is a severity.
SEVERITIES = {
    **dict.fromkeys(("p1", "1", "critical"), Severity.CRITICAL),
    **dict.fromkeys(("p2", "2", "high", "error"), Severity.HIGH),
    **dict.fromkeys(("p3", "3", "medium", "warning", "warn"), Severity.MEDIUM),
    **dict.fromkeys(("p4", "4", "low"), Severity.LOW),
    **dict.fromkeys(("p5", "5", "info"), Severity.INFO),
}

# Operators name the fields themselves: compared without case, "_" and "-" (ALERT_ID, alertId), also inside GROUPS.
GROUPS = ("metadata", "event", "alert")
TITLE = ("title", "eventtitle", "alerttitle")
TRANSITION = ("alerttransition", "transition")
STATUS = ("alertstatus", "status", "state")  # of a template without a transition; $ALERT_STATUS itself is a sentence
ONE_PER_EPISODE = ("cyclekey", "alertcyclekey", "aggregkey", "aggregationkey")
WHEN = ("lastupdated", "date", "dateposix", "timestamp")
ANNOTATIONS = {"monitor_id": "monitorid", "query": "alertquery", "metric": "alertmetric", "event_type": "eventtype"}
LINKS = {"url": "Datadog", "link": "Datadog", "eventurl": "Datadog", "snapshot": "Graph"}

_WORD = rf"(?:re-)?(?P<word>{'|'.join(STATES)})"
_TRANSITION = re.compile(_WORD, re.IGNORECASE)
_TITLE = re.compile(  # "[P2] [Triggered on {host:web-1}] Disk is full"; once "[Monitor Alert] Triggered: Disk is full"
    rf"\s*(?:\[(?:test|monitor alert|(?P<priority>P[1-5]))\]\s*)*"
    rf"(?:\[?{_WORD}(?: on \{{(?P<scope>.*?)\}})?[\]:]\s*)?(?P<name>.*)",
    re.IGNORECASE | re.DOTALL,
)


class Datadog(DatadogApi):
    """$ID is new for every event, so it names deliveries; what joins a recovery to its trigger is the cycle key."""

    name = "datadog"
    title = "Datadog"
    config_schema: ClassVar = {"type": "object", "properties": {**SETTINGS}, "additionalProperties": False}
    setup_guide = """In Datadog open Integrations > Webhooks > New, name it "overwatch", set this URL:

{webhook_url}

Paste the payload of the connector's README. Then write @webhook-overwatch into the message of each monitor.
"""
    sample_body = """{"title": "[P2] [Triggered on {host:web-1}] Disk is almost full", "body": "%%%\\n91 % used\\n%%%",
 "alert_transition": "Triggered", "severity": "P2", "alert_type": "error", "monitor_id": "4960770", "hostname": "web-1",
 "cycle_key": "8314927505183948276", "scopes": "host:web-1", "tags": "env:prod,host:web-1,monitor,service:checkout",
 "url": "https://app.datadoghq.com/event/event?id=7012345678901234567", "id": "7012345678901234567",
 "date": "1767322800000", "last_updated": "1767322800000"}"""

    def delivery_key(self, delivery: Delivery) -> str | None:
        """$ID, which some templates fill with the monitor's: only with time, state and title does it name one event."""
        try:
            (alert,) = (body.loose(*GROUPS) for body in delivery.payload().members())
            event, when = alert.text("id", "eventid"), alert.text(*WHEN)
            return fingerprint(event, when, alert.text(*TRANSITION), alert.text(*TITLE)) if event and when else None
        except (Malformed, ValueError):
            return None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(body.loose(*GROUPS)) for body in delivery.payload().members()]


def to_event(alert: Payload) -> Event:
    """One monitor's alert. Any body with a title or a transition is one: a page is not refused for a poor template."""
    heading = _heading(alert)
    word = _state_word(alert, heading["word"])
    severity, raw_severity = _severity(alert, heading["priority"])
    scope = scope_of(alert, heading["scope"])
    labels = alert.tags("tags") | alert.tags("eventtags") | labels_of(scope)
    monitor = monitor_of(alert)
    return Event(
        title=heading["name"] or f"Datadog monitor {monitor}".strip(),
        description=alert.text(*TEXT).replace("%%%", "").strip(),
        state=STATES.get(word, State.FIRING),
        no_data=word == "no data",
        severity=severity,
        raw_severity=raw_severity,
        dedup_key=alert.text(*ONE_PER_EPISODE) or fingerprint(monitor or heading["name"], *scope),
        service=alert.text("service") or labels.get("service", ""),
        resource=alert.text("hostname", "host") or labels.get("host", "") or ", ".join(scope),
        labels=labels,
        annotations={name: text for name, field in ANNOTATIONS.items() if (text := alert.text(field))},
        links=alert.links(LINKS),
        occurred_at=alert.time(*WHEN),
        raw_kind=word,
    )


def _heading(alert: Payload) -> dict[str, str]:
    """The title's parts: name (equal for trigger and recovery), word, scope, priority; "" for those it lacks."""
    found = next(_TITLE.finditer(alert.text(*TITLE)))
    parts = {name: text.strip() for name, text in found.groupdict("").items()}
    if not parts["name"] and not parts["word"] and not alert.text(*TRANSITION):
        raise Malformed(f"{alert.path}.title", "is missing, as is alert_transition")
    return parts


def _state_word(alert: Payload, in_title: str) -> str:
    """A key of STATES, or "" when nothing tells. A word we do not know is refused: it may be a recovery."""
    said = alert.text(*TRANSITION)
    found = _TRANSITION.match(said)
    if said and not found:
        raise Malformed(f"{alert.path}.alert_transition", f"{said[:40]!r} is no transition of Datadog's")
    if found := found or next(filter(None, (_TRANSITION.fullmatch(alert.text(name)) for name in STATUS)), None):
        return found["word"].lower()
    return in_title.lower() or ("recovered" if alert.text("alerttype").lower() == "success" else "")


def _severity(alert: Payload, in_title: str) -> tuple[Severity, str]:
    words = [alert.text("severity", "alertpriority"), in_title, alert.text("priority"), alert.text("alerttype")]
    said = [word for word in words if word]
    known = [word for word in said if word.lower() in SEVERITIES]
    return (SEVERITIES[known[0].lower()], known[0]) if known else (Severity.UNKNOWN, next(iter(said), ""))


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Datadog()]
