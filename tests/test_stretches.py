"""A turn's events are worked off in as few stretches as come to the same as one delivery after the other."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from hub.alerts.intake import Occurrence, occurrence
from hub.contracts import Event, Severity, State
from hub.database import new_id
from hub.incidents.stretches import stretches
from tests.factories import START, Person, alertmanager, firing

FIRING, RESOLVED = State.FIRING, State.RESOLVED
Said = tuple[str, State, int]  # the alert, its state, minutes after the start


@pytest.fixture
def firing_together(owner: Person) -> Person:
    """Two alerts, a and b, fire in one incident."""
    owner.push(alertmanager(firing("Full", disk="a"), firing("Full", disk="b")))
    owner.hub.work("ingest")
    (incident,) = owner.get("/incidents")
    assert incident["alert_count"] == 2
    return owner


def heard(owner: Person, said: Sequence[Said]) -> list[Occurrence]:
    """One delivery for each, in this order."""
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        keys = "SELECT labels ->> 'disk' AS disk, integration_id, dedup_key FROM alerts"
        known = {row.disk: (row.integration_id, row.dedup_key) for row in session.execute(text(keys))}
    found = []
    for number, (name, state, minutes) in enumerate(said):
        integration_id, key = known.get(name, (known["a"][0], name))
        at, received_at = START + timedelta(minutes=minutes), START + timedelta(hours=1, seconds=number)
        event = Event(title="Full", state=state, dedup_key=key, severity=Severity.CRITICAL, occurred_at=at)
        identity = {"delivery_id": new_id(), "item": 0, "integration_id": integration_id, "platform": "alertmanager"}
        found.append(occurrence(event, received_at=received_at, **identity))
    return found


def sizes(owner: Person, *said: Said) -> list[int]:
    """How many deliveries each stretch has."""
    events = heard(owner, said)
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        return [len(stretch) for stretch, _ in stretches(session, events)]


def test_resolve_that_leaves_another_alert_firing_begins_no_new_stretch(firing_together: Person):
    assert sizes(firing_together, ("a", RESOLVED, 5), ("c", FIRING, 6), ("a", FIRING, 7)) == [3]


def test_what_fires_after_the_last_of_an_incident_was_resolved_begins_a_new_stretch(firing_together: Person):
    assert sizes(firing_together, ("a", RESOLVED, 5), ("b", RESOLVED, 5), ("c", FIRING, 6)) == [2, 1]


def test_resolve_of_an_alert_that_began_in_the_stretch_may_end_an_incident(firing_together: Person):
    assert sizes(firing_together, ("c", FIRING, 5), ("c", RESOLVED, 6), ("d", FIRING, 7)) == [2, 1]


def test_alert_that_was_resolved_once_counts_once(firing_together: Person):
    assert sizes(firing_together, ("a", RESOLVED, 5), ("a", FIRING, 6), ("a", RESOLVED, 7), ("c", FIRING, 8)) == [3, 1]


def test_firing_that_comes_late_is_no_stretch_of_its_own_while_its_episode_goes_on(firing_together: Person):
    assert sizes(firing_together, ("a", FIRING, 9), ("a", FIRING, 4)) == [2]
    assert sizes(firing_together, ("c", FIRING, 9), ("c", FIRING, 4)) == [1, 1]


def test_replay_takes_nothing_for_granted(firing_together: Person):
    events = heard(firing_together, [("a", RESOLVED, 5), ("c", FIRING, 6)])
    with firing_together.hub.runtime.database.transaction(firing_together.organization_id) as session:
        told = list(stretches(session, events, [events[1].delivery_id]))
    assert [(len(stretch), len(again)) for stretch, again in told] == [(1, 0), (1, 1)]
