"""The hot statements read by index: what is stored already costs a turn nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.alerts import ledger, storing
from hub.alerts.intake import Occurrence
from hub.contracts.event import Severity, State
from hub.deliveries import service as deliveries
from hub.deliveries import turns
from hub.deliveries.turns import Outcome
from hub.incidents import context
from tests.factories import Hub, Person, alertmanager, firing

MANY = 5_000
FEW = 20
REMINDER = Occurrence(
    delivery_id=UUID(int=1),
    item=0,
    integration_id=UUID(int=1),
    platform="alertmanager",
    dedup_key="7",
    event_key="7",
    state=State.FIRING,
    severity=Severity.LOW,
    occurred_at=datetime.now(UTC),
    received_at=datetime.now(UTC) + timedelta(hours=1),
    content={},
)


@pytest.fixture(scope="module")
def full(hub: Hub) -> Person:
    """An organization with much behind it, and one delivery that waits."""
    owner = hub.register()
    told = {"org": organization_id(owner), "integration": UUID(owner.alertmanager.split("int_")[1][:32]), "n": MANY}
    with hub.runtime.database.transaction(told["org"]) as session:
        for statement in (
            "INSERT INTO deliveries (organization_id, id, integration_id, headers, query, body, status, finished_at)"
            " SELECT :org, gen_random_uuid(), :integration, '{}', '{}', '', 'processed', now()"
            " FROM generate_series(1, :n)",
            "INSERT INTO incidents (organization_id, id, title, severity, status, last_activity_at)"
            " SELECT :org, gen_random_uuid(), 'Old', 'low', 'active', now() - interval '1 day'"
            " FROM generate_series(1, :n)",
            "INSERT INTO alerts (organization_id, id, integration_id, dedup_key, platform, title, description, status,"
            "   severity, raw_severity, no_data, service, resource, labels, annotations, links, occurrence_count,"
            "   episode_count, started_at, last_seen_at, last_occurred_at)"
            " SELECT :org, gen_random_uuid(), :integration, n, 'alertmanager', '', '', 'firing', 'low', '', false,"
            "   '', '', '{}', '{}', '[]', 1, 1, now(), now(), now() FROM generate_series(1, :n) AS n",
            "INSERT INTO events (organization_id, delivery_id, item, integration_id, alert_id, event_key, state,"
            "   severity, occurred_at, received_at, last_received_at, content)"
            " SELECT :org, d.id, 0, :integration, a.id, a.dedup_key, 'firing', 'low', now(), now(), now(), '{}'"
            " FROM (SELECT id, row_number() OVER () AS n FROM deliveries) d JOIN alerts a ON a.dedup_key = d.n::text",
        ):
            session.execute(text(statement), told)
    owner.push(alertmanager(firing("DiskFull")))
    return owner


@pytest.fixture
def session(full: Person) -> Iterator[Session]:
    full.hub.runtime.database.dispose()  # a new connection has nothing left to tell of what others did on it
    with full.hub.runtime.database.session(organization_id(full)) as session:
        yield session
        session.rollback()


def organization_id(owner: Person) -> UUID:
    return UUID(owner.get("/auth/me")["organization_id"].removeprefix("org_"))


def rows_read(session: Session, table: str) -> int:
    """In this transaction."""
    statement = "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname = :table"
    return int(session.execute(text(statement), {"table": table}).scalar_one())


@pytest.mark.parametrize("status", ["dead", "pending"])
def test_list_of_deliveries_that_need_somebody_does_not_read_the_others(session: Session, status: str):
    session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))  # as a statement that was run often
    page = deliveries.find(session, {"page": 1, "limit": 25, "status": [status]})
    assert page.total == (status == "pending")
    assert rows_read(session, "deliveries") < FEW


def test_claim_never_scans(session: Session):
    claimed = session.execute(text("SELECT id FROM claim_deliveries(gen_random_uuid(), 200, 8000000, 60)")).all()
    scanned = rows_read(session, "deliveries")
    session.execute(text("SELECT pg_advisory_unlock_all()"))
    assert len(claimed) == 1
    assert scanned < FEW


def test_candidates_never_scan(session: Session):
    now = session.execute(text("SELECT now()")).scalar_one()
    context.candidates(session, earliest=now, latest=now, services=["db"], before=[], keys=[])
    assert rows_read(session, "incidents") < FEW


def test_duplicate_checks_never_scan(session: Session, full: Person):
    integration_id = UUID(full.alertmanager.split("int_")[1][:32])
    assert len(ledger.known_alerts(session, [(integration_id, "7"), (integration_id, "new")], [UUID(int=1)])) == 1
    assert rows_read(session, "alerts") < FEW


def test_how_alerts_stand_is_read_by_index(session: Session, full: Person):
    integration_id = UUID(full.alertmanager.split("int_")[1][:32])
    one = "(SELECT id FROM incidents LIMIT 1)"
    session.execute(text(f"UPDATE alerts SET incident_id = {one} WHERE dedup_key IN ('7', '8')"))
    before = rows_read(session, "alerts")
    assert ledger.standing(session, [(integration_id, "7")], 9)[integration_id, "7"].firing_count == 2
    assert rows_read(session, "alerts") - before < FEW


def test_reminders_never_scan(session: Session, full: Person):
    integration_id = UUID(full.alertmanager.split("int_")[1][:32])
    storing.touch(session, [replace(REMINDER, integration_id=integration_id)])
    assert session.execute(text("SELECT count(*) FROM events WHERE last_received_at > now()")).scalar_one() == 1
    assert rows_read(session, "events") < MANY + FEW  # the count reads them all
    assert rows_read(session, "alerts") < FEW


def test_a_finish_never_scans(session: Session):
    ours = session.execute(text("SELECT id FROM deliveries WHERE status <> 'pending' LIMIT 1")).scalar_one()
    before = rows_read(session, "deliveries")
    with pytest.raises(LookupError):  # nobody holds its lease
        turns.finish(session, uuid4(), [Outcome(ours, "processed")])
    assert rows_read(session, "deliveries") < before + FEW


def test_reading_everything_would_be_noticed(session: Session):
    session.execute(text("SELECT count(*) FROM deliveries WHERE body = 'x'"))
    assert rows_read(session, "deliveries") >= MANY


def test_reminders_of_all_alerts_at_once_write_no_index_anew(session: Session, full: Person):
    integration_id = UUID(full.alertmanager.split("int_")[1][:32])
    all_of_them = [replace(REMINDER, integration_id=integration_id, event_key=str(n)) for n in range(1, MANY + 1)]
    storing.touch(session, all_of_them)
    counted = "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE n_tup_upd > 0"
    rows = session.execute(text(f"{counted} ORDER BY relname")).all()
    assert [(row.relname, row.n_tup_upd) for row in rows] == [("alerts", MANY), ("events", MANY)]
    assert all(row.n_tup_hot_upd > 0.95 * MANY for row in rows)
