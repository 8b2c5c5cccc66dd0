"""Elastic: rules of Kibana through its webhook connector, and watches of Watcher, in templates that people write."""

from collections.abc import Iterator, Mapping
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
    labels_of,
    resource_of,
    service_of,
    severity_of,
)

# What Kibana and people call the end of an alert. Any other action group is one of the rule type's own, and fires.
OVER = {"recovered", "resolved", "ok", "closed", "inactive"}
SUMMARY = ("new", "ongoing", "recovered")
NO_DATA = {"nodata", "metrics.threshold.nodata"}

# `rule.name`, `rule_name` and `ruleName` are one name, "rulename"; what is within `ctx` counts as standing outside it.
GROUPS = {"rule": "rule", "alert": "alert", "context": "context", "metadata": "", "ctx": "", "kibana": ""}
DEEPEST = 3  # context.rule.severity, ctx.metadata.severity
GROUP = ("alertactiongroup", "actiongroup")
STATE = (*GROUP, "event", "alertstate", "contextalertstate", "alertstatus", "state", "status")
# Within a summary an alert is its document, "kibana.alert.rule.name" and the like.
RULE = ("ruleid", "watchid", "alertruleuuid")
NAME = ("rulename", "alertrulename", "alertname", "title", "name", "watchid", "ruleid")
INSTANCE = ("alertinstanceid", "alertid", "contextgroup")  # before 8.0 {{alertId}} was the rule
SEVERITY = ("severity", "contextruleseverity", "ruleseverity", "alertseverity", "priority", "alertactiongroupname")
TEXTS = ("contextreason", "contextmessage", "alertreason", "reason", "message", "body", "text")
RESOURCE = ("hostname", "host", "contexthostname", "contextgroup")
SERVICE = ("service", "servicename", "contextservicename")
TAGS = ("ruletags", "alertruletags", "tags", "contexttags")
LABELS = {"rule_type": "ruletype", "space": "rulespaceid", "action_group": "alertactiongroup", "alert": "alertid"}
LINKS = {"ruleurl": "Rule", "contextalertdetailsurl": "Alert", "contextviewinappurl": "Kibana"}
LINKS |= {"contextlink": "Results", "link": "Results", "url": "Link", "kibanabaseurl": "Kibana"}
WHEN = ("date", "contexttimestamp", "@timestamp", "timestamp", "executiontime", "triggeredtime")


class Elastic(Connector):
    """One alert of a rule is known by both their ids: a rule has an alert for each group it watches."""

    name = "elastic"
    title = "Elastic (Kibana and Watcher)"
    setup_guide = """In Kibana open Stack Management > Connectors > Create connector > Webhook; method POST, and URL:

{webhook_url}

Add the connector as an action to your rules with the body of the connector's README: once for the rule's action group,
"On status changes", and once more, with the same body, for "Recovered".
"""
    sample_body = """{"rule": {"id": "8e2c1b40-5a7d-11ef-9f3a-0242ac120002", "name": "Latency of checkout",
 "type": "apm.transaction_duration", "tags": "service:checkout,env:prod", "url": "https://kibana.example/app/rule/8e2c"},
 "alert": {"id": "checkout_production", "actionGroup": "threshold_met", "actionGroupName": "Threshold met"},
 "context": {"reason": "p95 is 1.2 s", "group": "checkout_production"}, "severity": "high",
 "date": "2026-01-02T03:00:00.000Z", "kibanaBaseUrl": "https://kibana.example"}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        alerts = (alert for body in delivery.json().members() for alert in _alerts_of(body))
        return [to_event(Payload(_flat(alert), alert.path)) for alert in alerts]


def _alerts_of(body: Payload) -> Iterator[Payload]:
    """The alert alone, or all of a summary: {{alerts.new.data}}, of what goes on, and of what has recovered."""
    groups = body.get("alerts") if isinstance(body.value.get("alerts"), Mapping) else None
    if groups is None:
        yield body
        return
    for group in SUMMARY:
        for alert in groups.get(group).objects("data") if groups.has(group) else ():
            yield Payload({**body.value, **alert.value, "alerts": None, "event": group}, alert.path)


def _flat(body: Payload, prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """The fields under their loose names, those of the groups with the group's name before theirs."""
    flat: dict[str, Any] = {}
    for written, member in body.loose().value.items():
        name = written.removeprefix("kibana") if written.startswith("kibanaalert") else written
        if isinstance(member, Mapping) and name in GROUPS and depth < DEEPEST:
            flat = _flat(Payload(member, f"{body.path}.{name}"), prefix + GROUPS[name], depth + 1) | flat
        elif not isinstance(member, Mapping) or name == "labels":
            flat[prefix + name] = member
    return flat


def to_event(alert: Payload) -> Event:
    """One alert or one execution of a watch; a watch never says that it is over."""
    name = alert.text(*NAME)
    if not name:
        raise Malformed(f"{alert.path}.rule.name", "is missing, as are rule.id and watch_id")
    word = _state_word(alert)
    comparable = word.lower().replace(" ", "")
    severity = _severity(alert)
    tags = labels_of(tag for field in TAGS for tag in alert.texts(field)) | alert.tags("labels")
    resource = alert.text(*RESOURCE) or resource_of(tags)
    return Event(
        title=name,
        description=alert.text(*TEXTS),
        state=State.RESOLVED if comparable in OVER else State.FIRING,
        no_data=comparable in NO_DATA,
        severity=severity_of(severity),
        raw_severity=severity,
        dedup_key=_dedup_key(alert, name),
        service=alert.text(*SERVICE) or service_of(tags),
        resource="" if resource == "*" else resource,
        labels=tags | {label: text for label, field in LABELS.items() if (text := alert.text(field))},
        links=alert.links(LINKS),
        occurred_at=alert.time(*WHEN),
        raw_kind=word,
    )


def _state_word(alert: Payload) -> str:
    """What says that it is over, wherever it stands: many have one body for all, and add a word to that of the end."""
    said = [word for field in STATE if (word := alert.text(field))]
    return next((word for word in said if word.lower().replace(" ", "") in OVER), next(iter(said), ""))


def _severity(alert: Payload) -> str:
    """The first word that says one; the names of most action groups do not."""
    said = (alert.text(field) for field in SEVERITY)
    return next((word for word in said if severity_of(word) is not Severity.UNKNOWN), alert.text(*SEVERITY[:-1]))


def _dedup_key(alert: Payload, name: str) -> str:
    """By the rule and its alert. {{alert.uuid}} will do too; {{context.group}} may be empty once it has recovered."""
    rule = alert.text(*RULE)
    if not rule and (uuid := alert.text("alertuuid")):
        return uuid
    return fingerprint(rule or name, alert.text(*INSTANCE))


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Elastic()]
