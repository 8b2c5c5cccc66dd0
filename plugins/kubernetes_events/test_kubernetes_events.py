"""Kubernetes events: the kit, and what is special about objects, counts and times."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.kubernetes_events import KubernetesEvents

POD = {"kind": "Pod", "namespace": "shop", "name": "cart-1", "uid": "u1"}
EVENT = {"reason": "BackOff", "type": "Warning", "involvedObject": POD}


def event_of(**body: Any) -> Event:
    (event,) = KubernetesEvents().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


class TestKubernetesEvents(ConnectorTests):
    connector = KubernetesEvents()
    folder = Path(__file__).parent
    resolves = False


def test_growing_count_is_an_event_of_its_own_of_the_same_alert() -> None:
    first, later = (event_of(**EVENT, count=n, lastTimestamp=f"2026-01-02T03:0{n}:00Z") for n in (1, 2))
    assert first.dedup_key == later.dedup_key
    assert first.occurred_at != later.occurred_at


@pytest.mark.parametrize(
    "other", [{"reason": "Unhealthy"}, {"involvedObject": POD | {"uid": "u2"}}, {"clusterName": "b"}]
)
def test_other_reason_object_or_cluster_is_another_alert(other: dict[str, Any]) -> None:
    assert event_of(**EVENT | other).dedup_key != event_of(**EVENT).dedup_key


@pytest.mark.parametrize(
    "times",
    [
        {"lastTimestamp": "2026-01-02T03:00:00Z", "firstTimestamp": "2026-01-02T01:00:00Z"},
        {"lastTimestamp": None, "firstTimestamp": None, "eventTime": "2026-01-02T03:00:00.000000Z"},
        {"lastTimestamp": None, "firstTimestamp": "2026-01-02T03:00:00Z"},
    ],
)
def test_time_is_the_latest_that_is_set(times: dict[str, str | None]) -> None:
    assert event_of(**EVENT | times).occurred_at == datetime.fromisoformat("2026-01-02T03:00:00Z")
