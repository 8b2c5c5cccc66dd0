"""Icinga: what Icinga Notifications posts for an incident, and what a notification command of Icinga 2 posts."""

import re
from collections.abc import Mapping

from hub.contracts import Config, Connector, Delivery, Event, Malformed, Payload, Severity, State, Unsupported, hookimpl

# `notification_type` of Icinga 2 and `event.type` of Icinga Notifications, compared without case, "-" and "_".
STATES = {
    **dict.fromkeys(("problem", "acknowledgementcleared"), State.FIRING),
    **dict.fromkeys(("acknowledgement", "acknowledgementset"), State.ACKNOWLEDGED),
    "recovery": State.RESOLVED,
}
IGNORED = {  # Icinga notifies of a problem again when it outlives its downtime or its flapping
    **dict.fromkeys(("downtimestart", "downtimeend", "downtimeremoved", "downtimecancelled"), "downtime"),
    **dict.fromkeys(("flappingstart", "flappingend", "flappingstop", "flappingdisabled"), "flapping"),
    **dict.fromkeys(("mute", "unmute"), "mute"),
}
WELL = ("ok", "up")  # of a check; every other word of CHECK_SEVERITIES or INCIDENT_SEVERITIES is a problem

CHECK_SEVERITIES = {
    **dict.fromkeys(("critical", "down"), Severity.CRITICAL),
    "unreachable": Severity.HIGH,
    "warning": Severity.MEDIUM,
    **dict.fromkeys(("unknown", "pending", *WELL), Severity.UNKNOWN),
}
INCIDENT_SEVERITIES = {
    **dict.fromkeys(("emerg", "alert", "crit"), Severity.CRITICAL),
    "err": Severity.HIGH,
    "warning": Severity.MEDIUM,
    **dict.fromkeys(("notice", "info", "debug"), Severity.INFO),
    "ok": Severity.UNKNOWN,
}
SERVICE_NUMBERS = {"0": "ok", "1": "warning", "2": "critical", "3": "unknown"}
HOST_NUMBERS = {"0": "up", "1": "down", "2": "unreachable"}

# One thing under the names that commands in use give it.
HOST = ("hostname", "host", "hostdisplayname", "hostalias")
SERVICE = ("servicename", "servicedesc", "service", "servicedisplayname")
WORD = ("servicestate", "hoststate", "state", "status")
OUTPUT = ("serviceoutput", "hostoutput", "output", "message")
COMMENT = ("notificationcomment", "comment")
WHEN = ("timet", "timestamp", "time", "executionend")
ANNOTATIONS = {"address": ("hostaddress", "address", "address4"), "author": ("notificationauthorname", "author")}


class Icinga(Connector):
    """Icinga Notifications has one incident from problem to recovery; Icinga 2 has the host and service only."""

    name = "icinga"
    title = "Icinga"
    repeats_on_purpose = True  # a notification with an interval comes again: "still a problem"
    setup_guide = """Icinga Notifications: add a channel of the type Webhook with this URL and the default body:

{webhook_url}
Icinga 2 alone: add the two notification commands of the connector's README with the same URL.
"""
    sample_body = """{"object": {"name": "web-1!disk", "url": "https://icinga.example/icingadb/service?name=disk",
   "tags": {"host": "web-1", "service": "disk"}},
 "incident": {"id": 1437, "url": "https://icinga.example/notifications/incident?id=1437", "severity": "crit"},
 "event": {"time": "2026-01-02T03:00:00.445439055Z", "type": "state", "message": "DISK CRITICAL - / 2 % free"}}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        bodies = delivery.payload().members()
        return [_of_incident(body) if body.has("incident") else _of_check(_comparable(body)) for body in bodies]


def _of_incident(body: Payload) -> Event:
    incident, event, thing = body.get("incident"), body.get("event"), body.get("object")
    severity = incident.required_text("severity")
    tags = thing.mapping("tags")
    host, service = tags.get("host", ""), tags.get("service", "")
    return Event(
        title=_title(host, service) or thing.text("name") or f"Icinga incident {incident.required_text('id')}",
        description=event.text("message"),
        state=_state(event.text("type"), severity),
        severity=_known(INCIDENT_SEVERITIES, severity, f"{incident.path}.severity"),
        raw_severity=severity,
        dedup_key=incident.text("id") or _key(host, service) or thing.required_text("name"),
        service=service,
        resource=host,
        labels=tags,
        links=(*incident.links({"url": "Incident"}), *thing.links({"url": "Icinga"})),
        occurred_at=event.time("time"),
        raw_kind=event.text("type") or "state",
    )


def _of_check(body: Payload) -> Event:
    host, service = body.text(*HOST), body.text(*SERVICE)
    if not host:
        raise Malformed(f"{body.path}.host", "is missing, as is incident")
    said = body.required_text(*WORD)
    word = (SERVICE_NUMBERS if service else HOST_NUMBERS).get(said.removesuffix(".0"), said)
    kind = body.text("notificationtype", "type")
    return Event(
        title=_title(host, service),
        description="\n".join(filter(None, (body.text(*OUTPUT), body.text(*COMMENT)))),
        state=_state(kind, word),
        severity=_known(CHECK_SEVERITIES, word, f"{body.path}.state"),
        raw_severity=word,
        dedup_key=_key(host, service),
        service=service,
        resource=host,
        labels={"host": host} | ({"service": service} if service else {}),
        annotations={name: text for name, fields in ANNOTATIONS.items() if (text := body.text(*fields))},
        links=body.links({"url": "Icinga"}),
        occurred_at=body.time(*WHEN),
        raw_kind=kind.lower() or "state",
    )


def _comparable(body: Payload) -> Payload:
    """Names without case, "_" and "-". In the forms of the API the host, the service and the check are objects."""
    checked = body.get("check_result").value
    pairs = {**(checked if isinstance(checked, Mapping) else {}), **body.value}.items()
    return Payload({re.sub("[_-]", "", name).lower(): _name_of(value) for name, value in pairs}, body.path)


def _name_of(value: object) -> object:
    return value.get("name") if isinstance(value, Mapping) else value


def _known(severities: Mapping[str, Severity], word: str, field: str) -> Severity:
    if word.lower() not in severities:
        raise Malformed(field, f"{word[:40]!r} is no state of Icinga's")
    return severities[word.lower()]


def _state(kind: str, word: str) -> State:
    """What the notification is about; for kinds that may be about anything, such as `custom`, the check's own word."""
    comparable = re.sub("[_-]", "", kind).lower()
    if comparable in IGNORED:
        raise Unsupported(IGNORED[comparable])
    return State.RESOLVED if word.lower() in WELL else STATES.get(comparable, State.FIRING)


def _title(host: str, service: str) -> str:
    return f"{service} on {host}" if host and service else host


def _key(host: str, service: str) -> str:
    """The object's name as Icinga writes it."""
    return f"{host}!{service}" if service else host


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Icinga()]
