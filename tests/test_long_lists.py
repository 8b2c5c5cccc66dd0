"""Lists of very many rows: what was found is not counted again, and is never older than the last change."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories import Person, alertmanager, firing


@pytest.fixture
def few(owner: Person) -> Person:
    """An organization with three alerts, whose list has been looked at."""
    owner.push(alertmanager(firing("DiskFull"), firing("MemoryLow"), firing("Slow")))
    owner.hub.work("ingest")
    assert total(owner, "/alerts") == 3
    return owner


def total(owner: Person, path: str, **query: object) -> int:
    answer = owner.call("GET", path, query_string=query)
    return int(answer.json["meta"]["total"])


def alerts_read(owner: Person) -> int:
    """Rows of alerts read so far, by indexes or without; a connection that ends tells what it has read."""
    owner.hub.runtime.database.dispose()
    statement = "SELECT sum(seq_tup_read + idx_tup_read) FROM pg_stat_user_tables JOIN (SELECT relid, sum(idx_tup_read)"
    statement += " AS idx_tup_read FROM pg_stat_user_indexes GROUP BY 1) i USING (relid) WHERE relname = 'alerts'"
    with owner.hub.runtime.database.engine.connect() as connection:
        return int(connection.execute(text(statement)).scalar_one())


def open_transaction(owner: Person) -> Session:
    organization_id = owner.organization_id
    return owner.hub.runtime.database.session(organization_id)


def test_list_that_nothing_has_changed_is_not_counted_again(few: Person):
    assert total(few, "/alerts", limit=1) == 3
    before = alerts_read(few)
    assert total(few, "/alerts", limit=1) == 3
    assert alerts_read(few) - before <= 2


@pytest.mark.parametrize("path", ["/alerts", "/incidents"])
def test_new_one_is_in_the_list_at_once(few: Person, path: str):
    before = total(few, path)
    few.call("POST", "/incidents", json={"title": "By hand"})
    few.push(alertmanager(firing("Another", service="elsewhere")))
    few.hub.work("ingest")
    assert total(few, path) > before


def test_change_that_was_begun_before_the_list_and_ended_after_it_is_not_missed(few: Person):
    with open_transaction(few) as session:
        session.execute(text("UPDATE alerts SET severity = 'low' WHERE title LIKE '%Slow%'"))
        assert total(few, "/alerts", severity="low") == 0
        session.commit()
    assert total(few, "/alerts", severity="low") == 1


def test_labels_of_an_alert_are_a_change_for_its_list(few: Person):
    assert total(few, "/alerts", label="team:db") == 0
    with open_transaction(few) as session:
        session.execute(text('UPDATE alerts SET labels = labels || \'{"team": "db"}\''))
        session.commit()
    assert total(few, "/alerts", label="team:db") == 3


def test_deleted_one_is_gone_from_the_list_at_once(few: Person):
    few.call("POST", "/incidents", json={"title": "By hand"})
    first, *rest = few.get("/incidents")
    few.call("DELETE", f"/incidents/{first['id']}")
    assert [each["id"] for each in few.get("/incidents")] == [each["id"] for each in rest]


def test_list_by_the_last_reminder_is_read_anew(few: Person):
    last = few.get("/alerts", sort="-last_seen_at")[-1]["id"]
    with open_transaction(few) as session:
        session.execute(
            text("UPDATE alerts SET last_seen_at = now() + interval '1 day' WHERE id = CAST(:id AS uuid)"),
            {"id": last.removeprefix("alrt_")},
        )
        session.commit()
    assert few.get("/alerts", sort="-last_seen_at")[0]["id"] == last


def prepared(owner: Person) -> list[str]:
    """The statements that the server keeps for the connections of the pool; one, while one person asks."""
    with owner.hub.runtime.database.engine.connect() as connection:
        return list(connection.scalars(text("SELECT statement FROM pg_prepared_statements")))


def test_what_is_read_often_stays_prepared_and_what_depends_on_values_is_planned_anew(few: Person):
    few.hub.runtime.database.dispose()
    for _ in range(8):
        few.call("GET", "/alerts")
        few.call("GET", "/procedures")
    kept = prepared(few)
    assert any("find_session" in each for each in kept)
    assert any("FROM changes" in each for each in kept)
    assert not [each for each in kept if "LIMIT" in each or "count(" in each]


def test_no_index_of_words_lets_many_new_rows_wait_for_searches_to_read(few: Person):
    lax = text(
        "SELECT relname FROM pg_class WHERE relam = (SELECT oid FROM pg_am WHERE amname = 'gin')"
        " AND NOT coalesce(reloptions, '{}') && '{fastupdate=off,gin_pending_list_limit=128}'"  # kB
    )
    with few.hub.runtime.database.engine.connect() as connection:
        assert connection.scalars(lax).all() == []
