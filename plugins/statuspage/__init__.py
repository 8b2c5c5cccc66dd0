"""Statuspage: one event per update of an incident, a maintenance or a component of a page that is subscribed to."""

from hub.contracts import Config, Connector, Delivery, Event, Malformed, Payload, Severity, State, Unsupported, hookimpl

INCIDENT_STATES = {
    **dict.fromkeys(("investigating", "identified", "monitoring", "in_progress", "verifying"), State.FIRING),
    **dict.fromkeys(("resolved", "postmortem", "completed"), State.RESOLVED),
}
IGNORED = {"scheduled": "scheduled_maintenance"}  # nothing happens yet; `in_progress` follows

# What the page's owner says of the incident; a `none` is a statement too, and not a missing one.
IMPACTS = {
    "critical": Severity.CRITICAL,
    "major": Severity.HIGH,
    "minor": Severity.MEDIUM,
    **dict.fromkeys(("none", "maintenance"), Severity.INFO),
}

COMPONENT_STATES = {
    "operational": State.RESOLVED,
    **dict.fromkeys(("degraded_performance", "partial_outage", "major_outage", "under_maintenance"), State.FIRING),
}
COMPONENT_SEVERITIES = {
    "major_outage": Severity.CRITICAL,
    "partial_outage": Severity.HIGH,
    "degraded_performance": Severity.MEDIUM,
    "under_maintenance": Severity.INFO,
}

LINKS = {"shortlink": "Statuspage"}


class Statuspage(Connector):
    """An incident and each component are alerts of their own: a component may recover before its incident ends."""

    name = "statuspage"
    title = "Atlassian Statuspage"
    setup_guide = """Open the status page, press "Subscribe to updates", choose the tab of webhooks and set this URL:

{webhook_url}
"""
    sample_body = """{"page": {"id": "p1x9", "status_indicator": "major"},
 "incident": {"id": "inc7", "name": "Payments are slow", "status": "identified", "impact": "major",
   "shortlink": "https://stspg.io/abc", "updated_at": "2026-01-02T03:10:00.000Z",
   "components": [{"id": "cmp1", "name": "Payments API", "status": "partial_outage"}],
   "incident_updates": [{"id": "upd2", "status": "identified", "body": "A database is overloaded.",
     "created_at": "2026-01-02T03:10:00.000Z"}]}}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        bodies = delivery.payload().members()
        return [_of_incident(body) if body.has("incident") else _of_component(body) for body in bodies]


def _of_incident(body: Payload) -> Event:
    incident = body.get("incident")
    status = incident.required_text("status").lower()
    impact = _impact(incident)
    updates = incident.objects("incident_updates")
    components = [name for component in incident.objects("components") if (name := component.text("name"))]
    return Event(
        title=incident.text("name") or f"Incident {incident.text('id')}",
        description=updates[0].text("body") if updates else "",
        state=_incident_state(status, incident.path),
        severity=IMPACTS.get(impact.lower(), Severity.UNKNOWN),
        raw_severity=impact,
        dedup_key=incident.required_text("id"),
        service=next(iter(components), ""),
        labels=_page(body) | ({"components": ", ".join(components)} if components else {}),
        links=incident.links(LINKS),
        occurred_at=incident.time("updated_at", "created_at"),
        raw_kind=status,
    )


def _of_component(body: Payload) -> Event:
    component, update = body.get("component"), body.get("component_update")
    if not body.has("component") and not body.has("component_update"):
        raise Malformed(f"{body.path}.incident", "is missing, as is component")
    status = (update.text("new_status") or component.required_text("status")).lower()
    if status not in COMPONENT_STATES:
        raise Malformed(f"{component.path}.status", f"{status[:40]!r} is no status of a component")
    name = component.text("name")
    return Event(
        title=name or f"Component {update.required_text('component_id')}",
        description=component.text("description"),
        state=COMPONENT_STATES[status],
        severity=COMPONENT_SEVERITIES.get(status, Severity.UNKNOWN),
        raw_severity=status,
        dedup_key=component.text("id") or update.text("component_id") or component.required_text("name"),
        service=name,
        labels=_page(body),
        occurred_at=update.time("created_at") or component.time("updated_at"),
        raw_kind=status,
    )


def _incident_state(status: str, path: str) -> State:
    if status in IGNORED:
        raise Unsupported(IGNORED[status])
    if status not in INCIDENT_STATES:
        raise Malformed(f"{path}.status", f"{status[:40]!r} is no status of an incident")
    return INCIDENT_STATES[status]


def _impact(incident: Payload) -> str:
    """As a label has it, where `none` is a word like others."""
    said = {"impact": incident.get("impact").value}
    return Payload({"said": said}, incident.path).mapping("said").get("impact", "")


def _page(body: Payload) -> dict[str, str]:
    page = body.get("page")
    return {f"page_{name}": text for name in ("id", "name") if (text := page.text(name))}


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Statuspage()]
