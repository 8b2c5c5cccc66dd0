"""Grafana: one event per alert of unified alerting, one per rule of the legacy alerting before version 9."""

from datetime import datetime
from typing import ClassVar
from urllib.parse import urljoin

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    State,
    check_signature,
    check_signing_time,
    fingerprint,
    hookimpl,
    resource_of,
    service_of,
    severity_of,
)
from plugins.grafana.legacy import legacy_group

# The words of an alert's `status`, of its group's `state`, and of a legacy rule's `state`.
STATES = dict.fromkeys(("firing", "alerting", "no_data"), State.FIRING)
STATES |= dict.fromkeys(("resolved", "ok"), State.RESOLVED)
NO_DATA = {"no_data", "DatasourceNoData"}  # an alertname in the place of the rule's, which is then in `rulename`

TEXTS = ("summary", "description", "message")
LINKS = {"page": "Grafana", "runbook_url": "Runbook", "dashboardURL": "Dashboard", "panelURL": "Panel"}
LINKS |= {"silenceURL": "Silence", "imageURL": "Image"}


class Grafana(Connector):
    """The state, the key and the times are those of each alert, never of the group it came in."""

    name = "grafana"
    title = "Grafana"
    repeats_on_purpose = True  # the same body comes again every repeat interval: it says "still firing"
    signing_secret = "hmac_secret"  # noqa: S105  # the name of the setting
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "hmac_secret": {
                "type": "string",
                "format": "secret",
                "title": "HMAC secret",
                "description": "The secret of the contact point's HMAC signature; empty when it signs nothing.",
            },
            "timestamp_header": {
                "type": "string",
                "title": "Timestamp header",
                "description": "The header that the contact point names for the signed time; empty when it names none.",
                "default": "",
            },
        },
        "additionalProperties": False,
    }
    setup_guide = """In Grafana open Alerting > Contact points > Add contact point, choose Webhook, set this URL:

{webhook_url}

Leave "Disable resolved message" off, press Test, save, and let a notification policy lead to the contact point.
"""
    sample_body = """{"receiver": "overwatch", "status": "firing", "state": "alerting", "title": "[FIRING:1] High",
 "externalURL": "https://grafana.example/", "alerts": [{"status": "firing", "fingerprint": "9a0b7c2f41d6e853",
   "labels": {"alertname": "HighErrorRate", "grafana_folder": "Shop", "service": "checkout", "severity": "critical"},
   "annotations": {"summary": "5 % of requests fail"}, "startsAt": "2026-01-02T03:00:00Z"}]}"""

    def verify(self, delivery: Delivery, config: Config) -> None:
        """The signed text is the body, after the time and a colon where a timestamp header is set up."""
        message = delivery.body
        if name := config.get("timestamp_header"):
            signed_at = delivery.headers.get(name.lower(), "")
            check_signing_time(signed_at, delivery.received_at)
            message = f"{signed_at}:".encode() + message
        check_signature(delivery.headers.get("x-grafana-alerting-signature", ""), message, config["hmac_secret"])

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        groups = [_group(body) for body in delivery.json().members()]
        return [to_event(alert, group, delivery.received_at) for group in groups for alert in group.objects("alerts")]


def _group(body: Payload) -> Payload:
    """A group; a bare alert, as templates of one's own may send it, and a legacy rule are groups of one."""
    if body.has("alerts"):
        return body
    return Payload({"alerts": [body.value]}, body.path) if body.has("labels") else legacy_group(body)


def to_event(alert: Payload, group: Payload, received_at: datetime) -> Event:
    """One alert. What is common to its group holds for it too; its labels alone are its identity."""
    own_labels = alert.mapping("labels")
    labels = group.mapping("commonLabels") | own_labels
    annotations = group.mapping("commonAnnotations") | alert.mapping("annotations")
    ends_at = alert.time("endsAt")
    has_ended = ends_at is not None and ends_at <= received_at
    is_over = group.value.get("status") == "resolved"  # which a group is when all of its alerts are
    word = "resolved" if is_over else alert.text("status") or ("resolved" if has_ended else _state_of_group(group))
    state = _state_of(word, f"{alert.path}.status")
    name = labels.get("alertname", "")
    return Event(
        title=labels.get("rulename") or name or group.text("title") or "Grafana alert",
        description="\n\n".join(dict.fromkeys(annotations[field] for field in TEXTS if field in annotations)),
        state=state,
        no_data=state is State.FIRING and (word in NO_DATA or name in NO_DATA),
        severity=severity_of(labels.get("severity", "")),
        raw_severity=labels.get("severity", ""),
        dedup_key=alert.text("fingerprint") or fingerprint(own_labels or labels),
        service=service_of(labels),
        resource=resource_of(labels),
        labels=labels,
        annotations=annotations,
        links=Payload({**alert.value, **annotations, "page": _page(alert, group)}, alert.path).links(LINKS),
        occurred_at=_occurred_at(alert.time("startsAt"), ends_at, state),
        raw_kind=word.lower(),
    )


def _state_of_group(group: Payload) -> str:
    return group.text("status", "state") or "firing"


def _occurred_at(starts_at: datetime | None, ends_at: datetime | None, state: State) -> datetime | None:
    """Nothing ends before it has begun: else the alert would fire for ever."""
    if state is State.FIRING:
        return starts_at
    return max(starts_at, ends_at) if starts_at and ends_at else ends_at


def _state_of(word: str, field: str) -> State:
    if word.lower() not in STATES:
        raise Malformed(field, f"{word[:40]!r} is no state of Grafana's")
    return STATES[word.lower()]


def _page(alert: Payload, group: Payload) -> str:
    """The rule's page; `generatorURL` may be a mere query, which is meant relative to the group's address."""
    try:
        return urljoin(group.text("externalURL"), alert.text("generatorURL"))
    except ValueError:
        return ""


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Grafana()]
