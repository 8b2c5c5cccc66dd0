"""Labels that by the conventions of Prometheus, Kubernetes and OpenTelemetry name the service and the resource."""

from collections.abc import Iterable, Mapping, Sequence

# First what names the service, then what scraped it: `job` is often an exporter, `namespace` often many services.
SERVICE_LABELS = (
    *("service", "service_name", "service.name", "app", "app_kubernetes_io_name", "application"),
    *("job", "namespace"),
)
RESOURCE_LABELS = ("instance", "pod", "node", "host", "hostname", "host.name", "nodename", "device")


def service_of(labels: Mapping[str, str], preferred: str = "") -> str:
    """The value of the `preferred` label, else of the first of SERVICE_LABELS that is set; "" when none is."""
    return first_of(labels, (preferred, *SERVICE_LABELS))


def resource_of(labels: Mapping[str, str]) -> str:
    """The value of the first of RESOURCE_LABELS that is set; "" when none is."""
    return first_of(labels, RESOURCE_LABELS)


def labels_of(tags: Iterable[str]) -> dict[str, str]:
    """`key:value` tags as labels, several values of one key joined; a bare tag such as `canary` is true."""
    values: dict[str, list[str]] = {}
    for tag in dict.fromkeys(tags):
        key, _, value = tag.partition(":")
        values.setdefault(key.strip(), []).append(value.strip() or "true")
    return {key: ", ".join(found) for key, found in values.items() if key}


def first_of(values: Mapping[str, str], names: Sequence[str]) -> str:
    """The first value that is there and not empty; "" when none is."""
    return next((values[name] for name in names if values.get(name)), "")
