"""A herd: thousands of alerts of one organization. The others do not wait for it, and its cost does not grow."""

import pytest
from sqlalchemy import text

from hub.auditor import audit_one
from hub.bench.sender import alert_body
from hub.deliveries import turns
from hub.deliveries.turns import MOST_PER_TURN
from tests.factories import Person, alertmanager, firing
from workers.pipeline import STEPS

HERD = 3 * MOST_PER_TURN
SMALL_TURN = HERD // 30


def stampede(owner: Person, run: str = "herd") -> None:
    """Webhooks that nobody has worked on yet."""
    owner.hub.work("ingest")
    for number in range(HERD):
        body = alert_body(range(number, number + 1), run)
        answer = owner.hub.http.post(owner.alertmanager, data=body, content_type="application/json")
        assert answer.status_code == 200


def waiting(owner: Person) -> int:
    """Deliveries that no worker has taken yet."""
    answer = owner.call("GET", "/deliveries", query_string={"status": "pending"})
    return int(answer.json["meta"]["total"])


def rows_read(owner: Person) -> int:
    """Of deliveries and alerts so far, by their indexes or without."""
    statement = (
        "SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ('deliveries', 'alerts'))"
        " + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('deliveries', 'alerts'))"
    )
    with owner.hub.runtime.database.engine.connect() as connection:
        return int(connection.execute(text(statement)).scalar_one())


def test_another_organization_does_not_wait_for_the_herd(owner: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "MOST_PER_TURN", SMALL_TURN)
    stampede(owner)
    another = owner.hub.register()
    another.push(alertmanager(firing("DiskFull")))
    while not another.get("/incidents"):
        STEPS["ingest"](owner.hub.runtime)
    # turns are drawn by lot: that the herd wins fifteen in a row happens once in 32,768 times
    assert waiting(owner) >= HERD - 15 * SMALL_TURN


def test_herd_is_worked_off_in_few_turns_and_the_auditor_finds_nothing(owner: Person):
    stampede(owner)
    taken = 0
    while STEPS["ingest"](owner.hub.runtime):
        taken += 1
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        violations = list(audit_one(session, owner.organization_id))
        (count,) = session.execute(text("SELECT count(*) FROM alerts WHERE incident_id IS NOT NULL")).one()
    assert (taken, count, violations) == (HERD // MOST_PER_TURN, HERD, [])


def test_plans_that_were_made_for_a_few_rows_do_not_outlive_them(owner: Person):
    """Foreign keys to be checked by an index of the organization's rows would read all of them for each event."""
    owner.push(alertmanager(*(firing(f"Alert{number}") for number in range(10))))
    owner.hub.work("ingest")
    stampede(owner)
    before = rows_read(owner)
    owner.hub.work("ingest")
    owner.hub.runtime.database.dispose()  # a connection that ends tells what it has read
    assert rows_read(owner) - before < HERD * HERD / 6
