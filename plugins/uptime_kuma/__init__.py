"""Uptime Kuma: one event per beat that changed a monitor's state, and one for a certificate or domain that expires."""

import re
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
    hookimpl,
    is_web_address,
)

STATES = {"0": State.FIRING, "1": State.RESOLVED}
IGNORED = {"2": "pending", "3": "maintenance"}  # between the states: a beat with 0 or 1 follows

# Without a beat there is only text: "[Shop][https://shop.example] certificate will expire in 7 days".
_ABOUT = re.compile(r"\[(?P<name>[^\]]*)\]\[(?P<url>[^\]]*)\]")
_EXPIRES = re.compile(r"\bexpire", re.IGNORECASE)
_DAYS = re.compile(r"\bin -?\d+ days?\b")
_TEST = " testing"

RESOURCE = ("hostname", "docker_container")
LINKS = {"url": "Monitored page"}


class UptimeKuma(Connector):
    """A monitor is an alert. Uptime Kuma says no severity, and may send its JSON inside the field `data` of a form."""

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
    return Event(
        title=name,
        description=beat.text("msg") or body.text("msg"),
        state=_state(beat),
        dedup_key=key,
        service=name,
        resource=_resource(monitor),
        labels=_labels(monitor),
        links=monitor.links(LINKS),
        occurred_at=_when(beat),
        raw_kind="down" if _state(beat) is State.FIRING else "up",
    )


def _expiry(text: str) -> Event:
    """Nothing ever says that the certificate was renewed; the days left are no part of the key."""
    if text.lower().endswith(_TEST):
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


def _state(beat: Payload) -> State:
    word = beat.required_text("status")
    if word in IGNORED:
        raise Unsupported(IGNORED[word])
    if word not in STATES:
        raise Malformed(f"{beat.path}.status", f"{word[:40]!r} is no status of Uptime Kuma's")
    return STATES[word]


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
    tags = {tag.text("name"): tag.text("value") or "true" for tag in monitor.objects("tags") if tag.text("name")}
    fields = {"type": monitor.text("type"), "group": monitor.text("pathName")}
    return tags | {name: text for name, text in fields.items() if text}


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [UptimeKuma()]
