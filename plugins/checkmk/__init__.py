"""Checkmk: what a notification script posts of its NOTIFY_ variables, under those names or shorter ones."""

import re
from collections.abc import Mapping

from hub.contracts import Config, Connector, Delivery, Event, Malformed, Payload, Severity, State, Unsupported, hookimpl

# NOTIFY_NOTIFICATIONTYPE, compared by its first word: "ALERTHANDLER (OK)", "DOWNTIMESTART". For kinds that are in
# neither table, such as CUSTOM, the state of the check decides.
STATES = {
    "problem": State.FIRING,
    "recovery": State.RESOLVED,
    **dict.fromkeys(("acknowledgement", "ack"), State.ACKNOWLEDGED),
}
IGNORED = {  # Checkmk notifies of a problem again when it outlives its downtime or its flapping
    **dict.fromkeys(("downtime", "downtimestart", "downtimeend", "downtimecancelled"), "downtime"),
    **dict.fromkeys(("flappingstart", "flappingstop", "flappingdisabled"), "flapping"),
    "alerthandler": "alert_handler",
}
BY_CHECK = {
    **dict.fromkeys(("ok", "up"), State.RESOLVED),
    **dict.fromkeys(("warn", "warning", "crit", "critical", "unknown", "unkn", "down", "unreach"), State.FIRING),
    "unreachable": State.FIRING,
    "acknowledged": State.ACKNOWLEDGED,
}

# States of checks: OK and UP are well, and UNKNOWN says that the check could not tell: none of them is a severity.
SEVERITIES = {
    **dict.fromkeys(("crit", "critical", "down"), Severity.CRITICAL),
    **dict.fromkeys(("unreach", "unreachable"), Severity.HIGH),
    **dict.fromkeys(("warn", "warning"), Severity.MEDIUM),
}

# One thing under the names that scripts in use give it, compared without case, "_", "-" and "NOTIFY_".
KIND = ("notificationtype", "type")
HOST = ("hostname", "host")
SERVICE = ("servicedesc", "service", "servicename")
WORDS = ("servicestate", "serviceshortstate", "severity", "hoststate", "hostshortstate", "state", "status")
OUTPUT = ("serviceoutput", "hostoutput", "output")
LONG_OUTPUT = ("longserviceoutput", "longhostoutput", "longoutput")
COMMENT = ("notificationcomment", "comment")
WHEN = ("microtime", "timestamp", "time")
LABELS = {"site": ("omdsite", "site"), "contact": ("contactname",), "check": ("servicecheckcommand", "checkcommand")}
ANNOTATIONS = {"address": ("hostaddress", "address"), "change": ("event",), "author": ("notificationauthor",)}


class Checkmk(Connector):
    """A problem is known by its host and service; the number of the problem is not in every notification."""

    name = "checkmk"
    title = "Checkmk"
    repeats_on_purpose = True  # a rule with periodic notifications says "still a problem"
    setup_guide = """As the site's user save the script of the connector's README as
~/local/share/check_mk/notifications/overwatch and make it executable. Then
open Setup > Notifications > Add rule and choose the method "Overwatch" with this parameter:

{webhook_url}
"""
    sample_body = """{"what": "SERVICE", "notificationtype": "PROBLEM", "hostname": "web-1", "servicedesc": "Disk /",
 "servicestate": "CRITICAL", "serviceoutput": "Used: 98 %", "hostaddress": "10.0.4.7", "omd_site": "prod",
 "microtime": "1767322800000000", "url": "https://checkmk.example/prod/check_mk/view.py?view_name=service&host=web-1"}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(_comparable(body)) for body in delivery.payload().members()]


def to_event(body: Payload) -> Event:
    """One notification. An empty service, or WHAT=HOST, makes it one of the host."""
    host = body.required_text(*HOST)
    service = "" if body.text("what").upper() == "HOST" else body.text(*SERVICE)
    others = "host" if service else "service"  # a service may be well on a host that is down, and the other way round
    words = [said for name in WORDS if not name.startswith(others) and (said := body.text(name))]
    kind = body.text(*KIND).partition(" ")[0].lower()
    severity = next((word for word in words if word.lower() in SEVERITIES), next(iter(words), ""))
    return Event(
        title=f"{service} on {host}" if service else host,
        description="\n".join(filter(None, (body.text(*OUTPUT), body.text(*LONG_OUTPUT), body.text(*COMMENT)))),
        state=_state(kind, [body.text("status"), *words], body.path),
        severity=SEVERITIES.get(severity.lower(), Severity.UNKNOWN),
        raw_severity=severity,
        dedup_key=f"{host};{service}" if service else host,
        service=service,
        resource=host,
        labels={"host": host} | _texts(body, LABELS),
        annotations=_texts(body, ANNOTATIONS),
        links=body.links({"url": "Checkmk"}),
        occurred_at=body.time(*WHEN),
        raw_kind=kind or "state",
    )


def _comparable(body: Payload) -> Payload:
    named = ((re.sub("[_-]", "", name).lower().removeprefix("notify"), value) for name, value in body.value.items())
    return Payload(dict(named), body.path)


def _state(kind: str, words: list[str], path: str) -> State:
    """By the kind, else by the first word for the state of the check."""
    if kind in IGNORED:
        raise Unsupported(IGNORED[kind])
    found = STATES.get(kind) or next((BY_CHECK[word.lower()] for word in words if word.lower() in BY_CHECK), None)
    if found is None:
        raise Malformed(f"{path}.notificationtype", f"{kind[:40]!r} says no state, and there is none of the check")
    return found


def _texts(body: Payload, fields: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {name: text for name, names in fields.items() if (text := body.text(*names))}


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Checkmk()]
