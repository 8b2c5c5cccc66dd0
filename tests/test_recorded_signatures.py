"""Signatures that others published or computed, from the folder that OVERWATCH_EXTRA_PAYLOADS names."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Connector, Delivery, Untrusted
from plugins.grafana import Grafana
from plugins.pagerduty import PagerDuty
from plugins.sentry import Sentry
from plugins.splunk_observability import SplunkObservability

VECTORS: dict[str, Connector] = {
    "grafana-computed": Grafana(),
    "pagerduty-v3": PagerDuty(),
    "sentry-computed": Sentry(),
    "splunk-observability-computed": SplunkObservability(),
}
FOLDER = Path(os.environ.get("OVERWATCH_EXTRA_PAYLOADS", "")) / "signatures"

pytestmark = pytest.mark.skipif(
    "OVERWATCH_EXTRA_PAYLOADS" not in os.environ, reason="OVERWATCH_EXTRA_PAYLOADS names no folder with signatures"
)


def read(name: str) -> dict[str, Any]:
    vector: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return vector


def verify(name: str, vector: dict[str, Any], headers: dict[str, str], **config: str) -> None:
    connector = VECTORS[name]
    received_at = datetime.fromtimestamp(1_700_000_000, UTC)
    named = {header.lower(): value for header, value in headers.items()}
    delivery = Delivery(body=vector["body"].encode(), headers=named, received_at=received_at)
    connector.verify(delivery, {str(connector.signing_secret): vector["secret"]} | config)


@pytest.mark.parametrize("name", VECTORS)
def test_published_signature_is_accepted(name: str) -> None:
    vector = read(name)
    verify(name, vector, vector["headers"])


@pytest.mark.parametrize("name", VECTORS)
def test_published_signature_is_refused_for_another_body(name: str) -> None:
    vector = read(name)
    with pytest.raises(Untrusted):
        verify(name, vector | {"body": vector["body"] + "\n"}, vector["headers"])


def test_signature_that_must_fail_is_refused() -> None:
    vector = read("pagerduty-v3")
    for wrong in vector["must_fail"]:
        with pytest.raises(Untrusted):
            verify("pagerduty-v3", vector, {"X-PagerDuty-Signature": wrong})


def test_time_is_signed_together_with_the_body() -> None:
    vector = read("grafana-computed")
    timed = {"X-At": vector["with_timestamp"]["timestamp"]} | vector["with_timestamp"]
    verify("grafana-computed", vector, timed, timestamp_header="X-At")
    with pytest.raises(Untrusted):
        verify("grafana-computed", vector, timed)
