"""Splitting CamelCase, snake_case, kebab-case and dotted names into the words they are made of."""

import re
from collections.abc import Iterator

# One word each, though a capital or a digit stands inside: "My SQL" means nothing to a model.
_WHOLE = (
    "ClickHouse|CloudFront|CloudWatch|CockroachDB|DynamoDB|GiB|GitHub|GitLab|GraphQL|InfluxDB|IPv4|IPv6|JavaScript|K3s|"
    "K8s|KiB|LogQL|MariaDB|MiB|MongoDB|MySQL|OAuth|OpenSearch|OpenShift|OpenStack|OpenTelemetry|PagerDuty|PostgreSQL|"
    "PromQL|RabbitMQ|ServiceNow|TiB|TypeScript|VictoriaMetrics|WebSocket|ZooKeeper|eBPF|gRPC|k8s|mTLS"
)

# Latin, Greek and Cyrillic: the scripts in which a capital begins a word.
_UPPER = "".join(filter(str.isupper, map(chr, range(0x530))))
_LOWER = "".join(filter(str.islower, map(chr, range(0x530))))

_HUMP = re.compile(
    "|".join(
        (
            _WHOLE,
            rf"[{_UPPER}]{{2,}}s(?![{_LOWER}])",  # PVCs
            rf"[{_UPPER}]+(?=[{_UPPER}][{_LOWER}])",  # GRPC|Requests
            rf"[{_UPPER}]?[{_LOWER}]+(?:\d+(?![{_LOWER}\d]))?",  # Kube, p99
            rf"[{_UPPER}]+\d*",  # OSD, S3
            rf"\d+[{_LOWER}]*",  # 5xx, 99th
            r"[^\W_]",
        )
    )
)
_SMALL = re.compile(f"[{_LOWER}]")
_CAPITAL = re.compile(f"[{_UPPER}]")
_CAPITALISED = re.compile(rf"[{_UPPER}][{_LOWER}\d]*")
_NAME = re.compile(r"[^\W_]+(?:[_.:/-]+[^\W_]+)*")
_SEPARATOR = re.compile(r"[_.:/-]+")


def parts(name: str) -> list[str]:
    """The words of one name: `KubePVCsFull` is Kube, PVCs, Full. A number with a dot, or a time, stays whole."""
    if not any(map(str.isalpha, name)):
        return [name]
    return [hump for segment in _SEPARATOR.split(name) for hump in _humps(segment)]


def _humps(segment: str) -> list[str]:
    is_mixed = _SMALL.search(segment) and _CAPITAL.search(segment)
    if not is_mixed or _CAPITALISED.fullmatch(segment):
        return [segment]
    return _HUMP.findall(segment)


def split(text: str) -> str:
    """The text with every name replaced by its words: what is embedded."""
    return _NAME.sub(lambda found: " ".join(parts(found[0])), text)


def with_parts(text: str) -> str:
    """The text with the words of every compound name added behind it: what the lexical index gets."""
    return _NAME.sub(lambda found: " ".join(_beside(found[0])), text)


def _beside(name: str) -> list[str]:
    words = parts(name)
    return words if len(words) == 1 else [name, *words]


def compounds(text: str) -> Iterator[str]:
    """The names in the text that are made of two words or more, in order."""
    return (found[0] for found in _NAME.finditer(text) if len(parts(found[0])) > 1)


def fold(name: str) -> str:
    """What makes two spellings of one name equal: `etcd_members-down` and `Etcd Members Down`."""
    return "".join(filter(str.isalnum, name.casefold()))
