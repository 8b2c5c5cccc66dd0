"""Statuspage: the kit, and what is special about impacts, maintenances and components."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.statuspage import Statuspage

INCIDENT = {"id": "inc7", "name": "Payments are slow", "status": "identified", "impact": "major"}


def event_of(**body: Any) -> Event:
    (event,) = Statuspage().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


class TestStatuspage(ConnectorTests):
    connector = Statuspage()
    folder = Path(__file__).parent


@pytest.mark.parametrize(
    ("impact", "severity"),
    [("critical", "critical"), ("minor", "medium"), ("none", "info"), (None, "unknown"), ("huge", "unknown")],
)
def test_impact_is_the_severity_and_none_is_a_word(impact: str | None, severity: str) -> None:
    event = event_of(incident=INCIDENT | {"impact": impact})
    assert (event.severity, event.raw_severity) == (severity, impact or "")


def test_impact_is_no_guess_from_the_status() -> None:
    assert event_of(incident=INCIDENT | {"status": "resolved"}).severity == "high"


def test_component_and_its_incident_are_different_alerts() -> None:
    component = {"id": "cmp1", "name": "Payments API", "status": "major_outage"}
    assert event_of(component=component).dedup_key != event_of(incident=INCIDENT).dedup_key


def test_new_status_of_a_component_counts_before_the_one_it_carries() -> None:
    component = {"id": "cmp1", "name": "Payments API", "status": "major_outage"}
    recovered = event_of(component=component, component_update={"new_status": "operational"})
    assert recovered.state == "resolved"


def test_component_without_an_id_is_known_by_its_name() -> None:
    event = event_of(component={"name": "Payments API"}, component_update={"id": "u1", "new_status": "major_outage"})
    assert (event.dedup_key, event.title, event.state) == ("Payments API", "Payments API", "firing")
