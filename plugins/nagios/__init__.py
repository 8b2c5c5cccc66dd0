"""Nagios Core, Naemon and their kin: notifications of hosts and services, as a notification command posts them."""

import re

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

# $NOTIFICATIONTYPE$; a CUSTOM notification says what the host or the service is in anyway.
TYPES = {
    "problem": State.FIRING,
    "recovery": State.RESOLVED,
    "acknowledgement": State.ACKNOWLEDGED,
}
NO_STATES = ("flapping", "downtime")  # FLAPPINGSTART, FLAPPINGSTOP, DOWNTIMEEND, …: a problem beside them has its own
WELL = {"ok", "up"}

# $SERVICESTATE$ or $HOSTSTATE$: at once what is wrong and how badly. UNKNOWN says that the plugin could not tell.
SEVERITIES = {
    **dict.fromkeys(("critical", "down"), Severity.CRITICAL),
    "unreachable": Severity.HIGH,
    "warning": Severity.MEDIUM,
}
# Macros by names that people choose: compared without case, punctuation, and the prefix NAGIOS of the environment.
TYPE = ("notificationtype", "type")
HOST = ("host", "hostname", "hostalias")
SERVICE = ("service", "servicedesc", "servicedescription", "servicename")
STATE = ("state", "servicestate", "hoststate")
LAST_STATE = ("laststate", "lastservicestate", "lasthoststate")
OUTPUT = ("output", "serviceoutput", "hostoutput", "message")
LONG_OUTPUT = ("longoutput", "longserviceoutput", "longhostoutput")
LABELS = {"address": ("address", "hostaddress"), "hostgroups": ("hostgroups", "hostgroupnames", "hostgroupname")}
LABELS |= {"servicegroups": ("servicegroups", "servicegroupnames", "servicegroupname"), "contact": ("contactname",)}
ANNOTATIONS = {"author": ("author", "notificationauthor"), "comment": ("comment", "notificationcomment")}
LINKS = {"url": "Nagios", "notesurl": "Notes", "servicenotesurl": "Notes", "hostnotesurl": "Notes"}
WHEN = ("time", "timet", "timestamp")


class Nagios(Connector):
    """A host, or a service on it, is the alert: $SERVICEPROBLEMID$ is 0 again as soon as it is over."""

    name = "nagios"
    title = "Nagios"
    setup_guide = """Write a notification command that posts to this address, as the README of the connector shows:

{webhook_url}

Give it to a contact as host_notification_commands and service_notification_commands, recoveries included.
"""
    sample_body = """{"type": "PROBLEM", "host": "web-1", "service": "HTTP", "state": "CRITICAL", "last_state": "OK",
 "output": "HTTP CRITICAL: 503 Service Unavailable", "address": "10.0.4.7", "time": "1767322800"}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(_named(body)) for body in delivery.payload().members()]


def _named(body: Payload) -> Payload:
    named = body.loose().value.items()
    return Payload({name.removeprefix("nagios"): value for name, value in named}, body.path)


def to_event(notice: Payload) -> Event:
    """One notification. In a recovery only the state before it tells how bad it was."""
    host, service = notice.required_text(*HOST), notice.text(*SERVICE)
    kind = notice.text(*TYPE)
    word = notice.text(*STATE)
    if kind.lower().startswith(NO_STATES):
        raise Unsupported(kind[:40])
    state = _state(notice, kind.lower(), word.lower())
    raw_severity = (notice.text(*LAST_STATE) or word) if word.lower() in WELL else word
    return Event(
        title=f"{service} on {host}" if service else f"Host {host}",
        description="\n".join(filter(None, (notice.text(*OUTPUT), _unescaped(notice.text(*LONG_OUTPUT))))),
        state=state,
        severity=SEVERITIES.get(raw_severity.lower(), Severity.UNKNOWN),
        raw_severity=raw_severity,
        dedup_key=fingerprint(host, service),
        service=service,
        resource=host,
        labels={label: text for label, fields in LABELS.items() if (text := notice.text(*fields))},
        annotations={name: text for name, fields in ANNOTATIONS.items() if (text := notice.text(*fields))},
        links=notice.links(LINKS),
        occurred_at=notice.time(*WHEN),
        raw_kind=kind or word,
    )


def _unescaped(long_output: str) -> str:
    """$LONGSERVICEOUTPUT$ has its line ends and backslashes escaped."""
    return re.sub(r"\\([n\\])", lambda escaped: "\n" if escaped[1] == "n" else "\\", long_output)


def _state(notice: Payload, kind: str, word: str) -> State:
    if kind in TYPES:
        return TYPES[kind]
    if kind not in {"", "custom"}:
        raise Malformed(f"{notice.path}.type", f"{kind[:40]!r} is no type of a notification")
    if not word:
        raise Malformed(f"{notice.path}.type", "is missing, as is state")
    return State.RESOLVED if word in WELL else State.FIRING


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Nagios()]
