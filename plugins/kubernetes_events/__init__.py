"""Kubernetes events: what an exporter in the cluster posts of each, enriched or as the API has it."""

from hub.contracts import Config, Connector, Delivery, Event, Payload, Severity, State, fingerprint, first_of, hookimpl

# A Normal event is news, not trouble: it stays below the threshold for incidents unless somebody lowers that.
SEVERITIES = {"warning": Severity.MEDIUM, "normal": Severity.INFO}

WRAPPERS = ("event", "object", "items")  # of other exporters, of a watch of the API, and of its lists
WHEN = ("lastTimestamp", "series.lastObservedTime", "eventTime", "deprecatedLastTimestamp", "firstTimestamp")
COUNT = ("count", "series.count", "deprecatedCount")
SOURCE = ("source.component", "reportingComponent", "reportingController")
SERVICE_LABELS = (
    *("app.kubernetes.io/name", "app_kubernetes_io/name", "app.kubernetes.io/instance"),  # some exporters replace dots
    *("app", "k8s-app", "name"),
)


class KubernetesEvents(Connector):
    """An alert is a reason of an object: its count grows, and nothing ever says that it is over."""

    name = "kubernetes_events"
    title = "Kubernetes events"
    setup_guide = """Add a receiver to the configuration of kubernetes-event-exporter, and a route that leads to it:

receivers:
  - name: overwatch
    webhook:
      endpoint: "{webhook_url}"
      headers:
        Content-Type: application/json
"""
    sample_body = """{"metadata": {"name": "cart-7f9c.17f2", "namespace": "shop"}, "clusterName": "prod-eu",
 "reason": "BackOff", "message": "Back-off restarting failed container cart", "type": "Warning", "count": 12,
 "source": {"component": "kubelet", "host": "node-3"}, "firstTimestamp": "2026-01-02T02:40:00Z",
 "lastTimestamp": "2026-01-02T03:00:00Z", "eventTime": null,
 "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "cart-7f9c", "uid": "0c1d-55aa", "apiVersion": "v1",
   "labels": {"app.kubernetes.io/name": "cart"}, "ownerReferences": []}}"""

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(event) for body in delivery.json().members() for event in _events_of(body)]


def _events_of(body: Payload) -> list[Payload]:
    """The event itself, or those that are wrapped."""
    wrapper = next((name for name in WRAPPERS if body.has(name) and not body.has("reason")), None)
    return body.get(wrapper).members() if wrapper else [body]


def to_event(event: Payload) -> Event:
    """One event of either API: v1 has `involvedObject`, events.k8s.io has `regarding`."""
    thing = event.get("regarding" if event.has("regarding") else "involvedObject")
    reason, kind = event.required_text("reason"), event.text("type")
    cluster, namespace = event.text("clusterName"), thing.text("namespace") or event.text("metadata.namespace")
    of, name = thing.text("kind"), thing.required_text("name")
    fields = {"cluster": cluster, "namespace": namespace, "kind": of, "name": name, "reason": reason}
    labels = thing.mapping("labels")
    return Event(
        title=f"{reason}: {of} {namespace}/{name}" if namespace else f"{reason}: {of} {name}",
        description=event.text("message", "note"),
        state=State.FIRING,
        severity=SEVERITIES.get(kind.lower(), Severity.UNKNOWN),
        raw_severity=kind,
        dedup_key=fingerprint(cluster, thing.text("uid") or f"{namespace}/{of}/{name}", reason),
        service=first_of(labels, SERVICE_LABELS),
        resource=f"{of}/{name}" if of else name,
        labels=labels | {label: text for label, text in fields.items() if text},
        annotations=_annotations(event),
        occurred_at=event.time(*WHEN),
        raw_kind=kind,
    )


def _annotations(event: Payload) -> dict[str, str]:
    fields = {"count": event.text(*COUNT), "source": event.text(*SOURCE), "node": event.text("source.host")}
    return {name: text for name, text in fields.items() if text}


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [KubernetesEvents()]
