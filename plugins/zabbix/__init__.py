"""Zabbix: problems, recoveries and updates of a webhook media type, in the template of the README or one like it."""

import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlencode

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
    service_of,
)

# A value of the macro EVENT.VALUE, or a word of EVENT.STATUS or TRIGGER.STATUS.
STATES = {
    **dict.fromkeys(("1", "problem", "firing", "alerting"), State.FIRING),
    **dict.fromkeys(("0", "ok", "resolved", "recovery"), State.RESOLVED),
}
# A number of EVENT.NSEVERITY, or its word; "not classified", 0, is no severity.
SEVERITIES = {
    **dict.fromkeys(("1", "information", "info"), Severity.INFO),
    **dict.fromkeys(("2", "warning"), Severity.LOW),
    **dict.fromkeys(("3", "average"), Severity.MEDIUM),
    **dict.fromkeys(("4", "high"), Severity.HIGH),
    **dict.fromkeys(("5", "disaster"), Severity.CRITICAL),
}
# Macros by names that people choose for the media type's parameters: compared without case and punctuation.
IDENTITY = ("eventid", "problemid", "alertuid", "id")
STATE = ("eventvalue", "eventstatus", "triggerstatus", "triggervalue", "value", "status", "state")
SEVERITY = ("eventnseverity", "eventseverity", "triggernseverity", "triggerseverity", "severity", "priority")
TITLE = ("eventname", "triggername", "trigger", "name", "alertsubject", "subject", "title")
TEXTS = ("alertmessage", "message", "description", "triggerdescription")
HOST = ("hostname", "host", "hosthost")
TAGS = ("eventtagsjson", "eventtags", "tags")
LABELS = {"trigger": ("triggerid",), "group": ("hostgroup", "triggerhostgroupname"), "ip": ("hostip",)}
LINKS = {"page": "Zabbix", "triggerurl": "Trigger", "link": "Link", "linktoupstreamdetails": "Link"}
# An update has a time of its own, so that a changed severity is news; only a recovery has the time of the recovery.
WHEN = ("eventrecoverytimestamp", "eventupdatetimestamp", "eventtimestamp", "timestamp")

# What the default templates put before the name: "Problem: …", "Resolved in 5m: …", "Updated problem in 5m: …".
_SUBJECT = re.compile(r"(?:updated )?(?P<word>problem|resolved)(?: in [^:]{1,40})?: (?P<name>.+)", re.I | re.DOTALL)


class Zabbix(Connector):
    """{EVENT.ID} is the problem's in its recovery and in its updates too; {EVENT.DATE} has no zone and is no time."""

    name = "zabbix"
    title = "Zabbix"
    setup_guide = """In Zabbix open Alerts > Media types > Create media type > Webhook. Copy parameters and script from
the connector's README; the parameter "url" is:

{webhook_url}

Add the media type to a user, and an action with operations, recovery operations and update operations to that user.
"""
    sample_body = """{"event_id": "4711", "event_value": "1", "event_nseverity": "4", "event_name": "Disk is full",
 "event_opdata": "97 %", "event_tags": [{"tag": "service", "value": "storage"}], "trigger_id": "13926",
 "host": "db-1", "host_ip": "10.0.4.7", "message": "Free space is below 3 %", "event_timestamp": "1767322800",
 "zabbix_url": "https://zabbix.example"}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(body.loose()) for body in delivery.payload().members()]


def to_event(problem: Payload) -> Event:
    """One problem. An update is an acknowledgement only where the template says so: it may be a mere comment."""
    subject = _SUBJECT.fullmatch(problem.text(*TITLE))
    in_subject = subject["word"] if subject else ""
    word = problem.text(*STATE) or in_subject or problem.required_text(*STATE)
    if word.lower() not in STATES:
        raise Malformed(f"{problem.path}.event_value", f"{word[:40]!r} is neither 1 nor 0")
    is_acknowledged = STATES[word.lower()] is State.FIRING and _is_acknowledged(problem)
    state = State.ACKNOWLEDGED if is_acknowledged else STATES[word.lower()]
    severity = problem.text(*SEVERITY)
    tags = labels_of(_tags(problem))
    host = problem.text(*HOST)
    identity = problem.text(*IDENTITY)  # a recovery need say no more
    title = subject["name"].strip() if subject else problem.text(*TITLE) or (identity and f"Zabbix problem {identity}")
    if not title:
        raise Malformed(f"{problem.path}.event_name", "is missing, as is event_id")
    return Event(
        title=title,
        description="\n\n".join(filter(None, (problem.text(*TEXTS), problem.text("eventopdata", "opdata")))),
        state=state,
        severity=SEVERITIES.get(severity.lower(), Severity.UNKNOWN),
        raw_severity=severity,
        dedup_key=identity or fingerprint(problem.text("triggerid") or title, host),
        service=service_of(tags),
        resource=host,
        labels=tags | {label: text for label, fields in LABELS.items() if (text := problem.text(*fields))},
        links=Payload({**problem.value, "page": _page(problem)}, problem.path).links(LINKS),
        occurred_at=problem.time(*(WHEN if state is State.RESOLVED else WHEN[1:])),
        raw_kind=state.value,
    )


def _is_acknowledged(problem: Payload) -> bool:
    """{EVENT.ACK.STATUS}, or {EVENT.UPDATE.ACTION}, which lists what an update did."""
    did = problem.text("eventupdateaction", "updateaction").lower()
    return problem.text("eventackstatus", "ackstatus", "acknowledged").lower() in {"yes", "1", "true"} or (
        "acknowledged" in did and "unacknowledged" not in did
    )


def _tags(problem: Payload) -> list[str]:
    """{EVENT.TAGSJSON}, quoted or not, or {EVENT.TAGS}, as `key:value`."""
    field = next((field for field in TAGS if problem.has(field)), TAGS[0])
    found = problem.get(field)
    with suppress(Malformed):
        found = found.embedded()
    if isinstance(found.value, list) and all(isinstance(tag, Mapping) for tag in found.value):
        return [f"{tag.text('tag', 'name')}:{tag.text('value')}" for tag in found.members()]
    return problem.texts(field)


def _page(problem: Payload) -> str:
    """The problem's page; the address of the frontend is the one thing that no built-in macro has."""
    address, trigger, event = (problem.text(*fields) for fields in (("zabbixurl",), ("triggerid",), IDENTITY))
    query = urlencode({"triggerid": trigger, "eventid": event})
    return f"{address.rstrip('/')}/tr_events.php?{query}" if address and trigger and event else ""


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Zabbix()]
