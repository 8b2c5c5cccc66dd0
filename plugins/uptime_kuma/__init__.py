"""Uptime Kuma: one event per beat that changed a monitor's state, and one for a certificate or domain that expires."""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    State,
    Unsupported,
    fingerprint,
    first_of,
    hookimpl,
    is_web_address,
    labels_of,
    severity_of,
)

# Uptime Kuma itself sends down and up only. Pending is down and tried again; in maintenance nobody is to be woken.
WORDS = {"0": "down", "1": "up", "2": "pending", "3": "maintenance"}
EVENT_TYPES = {"create": "0", "resolve": "1"}  # of its notification type PagerTree, which any hub may stand in for
STATES = {"down": State.FIRING, "pending": State.FIRING, "up": State.RESOLVED, "maintenance": State.RESOLVED}
# Without a beat there is only text: "[Shop][https://shop.example] certificate will expire in 7 days".
_ABOUT = re.compile(r"\[(?P<name>[^\]]*)\]\[(?P<url>[^\]]*)\]")
_EXPIRES = re.compile(r"\bexpire", re.IGNORECASE)
_DAYS = re.compile(r"\bin -?\d+ days?\b")

RESOURCE = ("hostname", "docker_container")
SEVERITY = ("severity", "priority")  # names of tags
LINKS = {"url": "Monitored page"}


class UptimeKuma(Connector):
    """A monitor is an alert; only a tag of it says a severity. The JSON may come inside the field `data` of a form."""

    name = "uptime_kuma"
    title = "Uptime Kuma"
    repeats_on_purpose = True  # "resend notification if down x times consecutively"
    setup_guide = """In Uptime Kuma open Settings > Notifications > Setup Notification, choose Webhook, set this URL:

{webhook_url}

Leave the request body at "Preset - application/json". Switch on "Apply on all existing monitors", press Test, save.
"""
    sample_body = """{"heartbeat": {"monitorID": 7, "status": 0, "time": "2026-01-02 03:00:00.123",
   "msg": "timeout of 48000ms exceeded", "important": true, "timezone": "UTC", "timezoneOffset": "+00:00"},
 "monitor": {"id": 7, "name": "Shop", "type": "http", "url": "https://shop.example/health", "tags": []},
 "msg": "[Shop] [Down] timeout of 48000ms exceeded"}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(_notification(body)) for body in delivery.payload().members()]


def _notification(body: Payload) -> Payload:
    """The form has all of it in `data`; a query, or a template of one's own, may have the two objects as texts."""
    whole = body.get("data").embedded().expect_object() if body.has("data") else body
    parts = {name: whole.get(name).embedded().value for name in ("heartbeat", "monitor")}
    return Payload({**whole.value, **parts}, whole.path)


def to_event(body: Payload) -> Event:
    """One notification; those without a beat are tests, or say that something expires."""
    if not body.has("heartbeat"):
        return _expiry(body.required_text("msg"))
    beat, monitor = body.get("heartbeat"), body.get("monitor")
    key = monitor.text("id") or beat.text("monitorID", "monitor_id") or monitor.required_text("name")
    name = monitor.text("name") or f"Monitor {key}"
    status = EVENT_TYPES.get(body.text("event_type")) or beat.required_text("status")
    if (word := WORDS.get(status)) is None:
        raise Malformed(f"{beat.path}.status", f"{status[:40]!r} is no status of Uptime Kuma's")
    labels = _labels(monitor)
    severity = first_of(labels, SEVERITY)
    return Event(
        title=name,
        description=beat.text("msg") or body.text("msg"),
        state=STATES[word],
        severity=severity_of(severity),
        raw_severity=severity,
        dedup_key=key,
        service=labels.get("service", name),
        resource=_resource(monitor),
        labels=labels,
        links=monitor.links(LINKS),
        occurred_at=_when(beat),
        raw_kind=word,
    )


def _expiry(text: str) -> Event:
    """Nothing ever says that the certificate was renewed; the days left are no part of the key."""
    if text.lower().endswith(" testing"):
        raise Unsupported("test_notification")
    if not _EXPIRES.search(text):
        raise Unsupported("no_heartbeat")
    about = _ABOUT.match(text)
    name, url = (about["name"].strip(), about["url"]) if about else ("", "")
    return Event(
        title=_DAYS.sub("soon", text)[:200] if not name else f"{name} expires soon",
        description=text,
        state=State.FIRING,
        dedup_key=fingerprint(_DAYS.sub("", text)),
        service=name,
        resource=_host(url),
        links=Payload({"url": url}).links(LINKS),
        raw_kind="expiry",
    )


def _when(beat: Payload) -> datetime | None:
    """`time` is UTC; local time counts only with its offset."""
    if beat.has("time"):
        return beat.time("time")
    local, offset = beat.text("localDateTime"), beat.text("timezoneOffset")
    return Payload({"localDateTime": local + offset}, beat.path).time("localDateTime") if local and offset else None


def _resource(monitor: Payload) -> str:
    """What is monitored: Uptime Kuma leaves the address at "https://" for monitors of anything but pages."""
    host, port = monitor.text(*RESOURCE), monitor.text("port")
    return f"{host}:{port}" if host and port else host or _host(monitor.text("url"))


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] if is_web_address(url) else ""


def _labels(monitor: Payload) -> dict[str, str]:
    """The tags, `true` for those without a value, and the type and group of the monitor."""
    fields = {"type": monitor.text("type"), "group": monitor.text("pathName")}
    return _tags(monitor) | {name: text for name, text in fields.items() if text}


def _tags(monitor: Payload) -> dict[str, str]:
    """Objects with a name and a value, or the `name=value` and bare names of a template."""
    tags = monitor.get("tags").value
    if isinstance(tags, list) and any(isinstance(tag, Mapping) for tag in tags):
        return {tag.text("name"): tag.text("value") or "true" for tag in monitor.objects("tags") if tag.text("name")}
    return labels_of(tag.replace("=", ":", 1) for tag in monitor.texts("tags"))


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [UptimeKuma()]
