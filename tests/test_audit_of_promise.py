"""The auditor finds nothing in a hub that works, and each kind of damage that is done to one."""

from uuid import UUID

import pytest
from sqlalchemy import text

from hub.auditor import PROMISES, Violation, audit_one
from hub.search import auditing
from hub.search.embedding.loaded import embedders
from tests.factories import Person, alertmanager, firing, resolved

# what damages the data, and the promise that is broken by it
DAMAGE = {
    "UPDATE deliveries SET finished_at = NULL": "every accepted delivery has exactly one outcome or waits for one",
    "UPDATE deliveries SET status = 'pending', finished_at = NULL, received_at = received_at - interval '1 day',"
    " next_at = next_at - interval '1 day'": "nothing waits for longer than a minute",
    "DELETE FROM events": "a processed delivery has its effect",
    "UPDATE deliveries SET status = 'duplicate' WHERE status = 'processed'": "a duplicate has no effect of its own",
    "UPDATE alerts SET occurrence_count = occurrence_count + 1": "every alert names the events that caused it",
    "DELETE FROM episodes": "episodes are gapless and all were correlated",
    "UPDATE episodes SET number = 7": "episodes are gapless and all were correlated",
    "UPDATE alerts SET status = 'firing'": "an alert is resolved when its last episode is",
    "UPDATE incidents SET alert_count = 9": "an incident counts the alerts that it has",
    "DELETE FROM timeline": "an incident of the hub's own names the alerts that caused it",
    "DELETE FROM jobs": "every incident can be found or waits to be indexed",
    "UPDATE deliveries SET attempts = 9": "attempts are bounded",
    "UPDATE deliveries SET status = 'pending', finished_at = NULL, lease_until = overwatch_now() - interval '1 hour'": (
        "no lease is older than its grace"
    ),
}
# the database itself refuses these: the auditor looks at them for the case that an index is corrupt
HELD_BY_CONSTRAINTS = {
    "delivery keys are unique",
    "event keys are unique",
    "dedup keys are unique",
    "a correlation key has one open incident",
    "foreign keys carry the organization along",
}


def found(owner: Person, damage: str = "SELECT 1") -> list[Violation]:
    organization_id = UUID(owner.get("/auth/me")["organization_id"].removeprefix("org_"))
    with owner.hub.runtime.database.session(organization_id) as session:
        session.execute(text(damage))
        violations = list(audit_one(session, organization_id))
        session.rollback()
    return violations


@pytest.fixture
def busy(owner: Person) -> Person:
    for body in (firing("DiskFull"), firing("DiskFull"), resolved("DiskFull")):
        owner.push(alertmanager(body))
        owner.hub.work("ingest")
    return owner


def test_nothing_is_broken_in_a_hub_that_works(busy: Person):
    assert found(busy) == []


@pytest.mark.parametrize(("damage", "promise"), DAMAGE.items())
def test_damage_is_found(busy: Person, damage: str, promise: str):
    assert promise in {violation.promise for violation in found(busy, damage)}


def test_every_promise_is_tried_or_held_by_the_database():
    assert {*DAMAGE.values(), *HELD_BY_CONSTRAINTS} == set(PROMISES)


@pytest.fixture
def indexed(busy: Person) -> Person:
    busy.hub.work("index")
    return busy


INDEX_DAMAGE = (
    "DELETE FROM documents",
    "UPDATE documents SET text_hash = 'x'",
    "UPDATE documents SET model = 'other'",
    "UPDATE incidents SET title = 'Another'",
)


@pytest.mark.parametrize("damage", INDEX_DAMAGE)
def test_text_that_is_not_indexed_as_it_is_is_found(indexed: Person, damage: str):
    runtime = indexed.hub.runtime
    model_id = embedders(runtime.settings, runtime.connectors, runtime.egress).current_id
    with indexed.hub.runtime.database.session(indexed.organization_id) as session:
        assert auditing.unindexed(session, model_id) == []
        session.execute(text(damage))
        assert len(auditing.unindexed(session, model_id)) == 1
        session.rollback()
