"""Azure Monitor: the common alert schema, and the older ones of metric, log and activity log alerts."""

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

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
    service_of,
)

# `monitorCondition` of the common schema, `status` of a metric alert, `stage` or `status` of an activity log's event.
STATES = {
    **dict.fromkeys(("fired", "activated", "active", "planned", "in progress", "inprogress", "updated"), State.FIRING),
    **dict.fromkeys(("started", "accepted", "succeeded", "failed"), State.FIRING),
    **dict.fromkeys(("resolved", "deactivated", "complete", "rca", "canceled"), State.RESOLVED),
}
# Azure calls them Critical, Error, Warning, Informational, Verbose; activity logs have the words, older schemas digits.
SEVERITIES = {
    **dict.fromkeys(("sev0", "0", "critical"), Severity.CRITICAL),
    **dict.fromkeys(("sev1", "1", "error"), Severity.HIGH),
    **dict.fromkeys(("sev2", "2", "warning"), Severity.MEDIUM),
    **dict.fromkeys(("sev3", "3", "informational"), Severity.LOW),
    **dict.fromkeys(("sev4", "4", "verbose"), Severity.INFO),
}
CONDITION = ("monitorCondition", "stage", "status")
TITLE = ("alertRule", "name", "AlertRuleName", "title", "operationName")
TEXTS = ("description", "Description", "communication")
ONE_PER_EPISODE = ("alertId", "originAlertId", "trackingId")
RULE = ("id", "AlertRuleName", "eventSource", "alertRule", "name")
TARGET = ("resourceId", "ResourceId", "WorkspaceId")
LABELS = {
    "signal_type": ("signalType", "eventSource", "AlertType"),
    "monitoring_service": ("monitoringService",),
    "subscription": ("subscriptionId", "SubscriptionId"),
    "resource_group": ("targetResourceGroup", "resourceGroupName"),
    "resource_type": ("targetResourceType", "resourceType"),
    "region": ("resourceRegion", "region"),
    "operation": ("operationName",),
}
MEASURE = ("metricName", "operator", "threshold", "metricValue")
LINKS = {"investigationLink": "Azure", "portalLink": "Azure", "linkToSearchResultsUI": "Search results"}
LINKS |= {"LinkToFilteredSearchResultsUI": "Search results", "LinkToSearchResults": "Search results"}


class AzureMonitor(Connector):
    """The common schema knows an alert by its id; the older ones by the rule and what it watches."""

    name = "azure_monitor"
    title = "Azure Monitor"
    setup_guide = """In the Azure portal open Monitor > Alerts > Action groups and add an action of the type Webhook:

{webhook_url}

Switch "Enable the common alert schema" on, save, and choose the action group in your alert rules.
"""
    sample_body = """{"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"alertRule": "checkout-5xx",
 "alertId": "/subscriptions/1/providers/Microsoft.AlertsManagement/alerts/7c6f5e4d-3b2a-1908-f7e6-d5c4b3a29180",
 "severity": "Sev1", "signalType": "Metric", "monitorCondition": "Fired", "monitoringService": "Platform",
 "alertTargetIDs": ["/subscriptions/1/resourcegroups/shop/providers/microsoft.web/sites/checkout"],
 "configurationItems": ["checkout"], "firedDateTime": "2026-01-02T03:00:00.1234567Z", "description": "5xx above 5 %"},
 "alertContext": {}, "customProperties": {"service": "checkout"}}}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(_alert(body)) for body in delivery.json().members()]


def _alert(body: Payload) -> Payload:
    """The alert's fields in one object, whatever the schema; what a person has added is under `custom`."""
    data = body.get("data") if body.has("data") else body
    context = data.get("context")
    if data.has("essentials"):
        return _merged(data.get("alertContext"), data.get("essentials"), custom=data.get("customProperties").value)
    if body.get("properties").has("essentials"):  # an alert as the API of alerts management lists it
        return _merged(body, body.get("properties.essentials"))
    if context.has("activityLog"):
        return _merged(context.get("activityLog.properties"), context.get("activityLog"))
    if context.value is not None:
        return _merged(context, status=data.get("status").value, custom=data.get("properties").value)
    return _merged(data)


def _merged(*parts: Payload, **fields: Any) -> Payload:
    """The fields of all parts, later ones first; each part may be missing."""
    present = [part.expect_object().value for part in parts if part.value is not None]
    return Payload({**ChainMap(*reversed(present)), **fields}, parts[-1].path)


def to_event(alert: Payload) -> Event:
    """One alert, or one entry of the activity log. Without a state, as in old log alerts, it has fired."""
    word = alert.text(*CONDITION) or "fired"
    if word.lower() not in STATES:
        raise Malformed(f"{alert.path}.monitorCondition", f"{word[:40]!r} is no state of Azure Monitor's")
    state = STATES[word.lower()]
    identity = alert.text(*ONE_PER_EPISODE)
    title = alert.text(*TITLE) or (f"Alert {identity.rpartition('/')[2]}" if identity else alert.required_text(*TITLE))
    severity = alert.text("severity", "Severity", "level")
    custom = alert.mapping("custom") if isinstance(alert.get("custom").value, Mapping) else {}
    criteria = _criteria(alert)
    own = {name: text for name, fields in LABELS.items() if (text := alert.text(*fields))}
    dimensions = {each.text("name"): each.text("value") for one in criteria for each in one.objects("dimensions")}
    targets = [
        *alert.texts("configurationItems"),
        *alert.texts("alertTargetIDs"),
        alert.text("resourceName", "targetResourceName", *TARGET),
    ]
    begun_at = alert.time("firedDateTime", "startDateTime", "timestamp", "eventTimestamp")
    ended_at = alert.time("resolvedDateTime", "lastModifiedDateTime") if state is State.RESOLVED else None
    return Event(
        title=title.rpartition("/alertrules/")[2],
        description=alert.text(*TEXTS),
        state=state,
        severity=SEVERITIES.get(severity.lower(), Severity.UNKNOWN),
        raw_severity=severity,
        dedup_key=identity or fingerprint(alert.text(*RULE), alert.text(*TARGET)),
        service=service_of(custom),
        resource=next((target.rpartition("/")[2] for target in targets if target), ""),
        labels=custom | {name: text for name, text in dimensions.items() if name and text} | own,
        annotations={name: text for one in criteria[:1] for name in MEASURE if (text := one.text(name))},
        links=tuple(link for part in (alert, *criteria) for link in part.links(LINKS)),
        occurred_at=max(filter(None, (begun_at, ended_at)), default=None),  # nothing ends before it has begun
        raw_kind=word,
    )


def _criteria(alert: Payload) -> list[Payload]:
    """The conditions of a metric or log alert; other kinds may have a text there."""
    condition = alert.get("condition")
    return condition.objects("allOf") if isinstance(condition.value, Mapping) else []


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [AzureMonitor()]
