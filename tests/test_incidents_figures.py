"""Lists at work: as many statements for two hundred rows as for one, and plans that an index carries."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import NullPool

from hub.settings import Settings
from tests.factories import Person, alertmanager, firing

MANY = 60


@contextmanager
def counted(person: Person) -> Iterator[list[str]]:
    """The statements that the hub sends meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = person.hub.runtime.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def busy(owner: Person) -> Person:
    """An owner with many incidents, each with an alert, an assignee and a comment."""
    owner.push(alertmanager(*(firing(f"Alert{number}", service=f"svc{number}") for number in range(MANY))))
    owner.hub.work("ingest")
    me = owner.tokens["user"]["id"]
    first = owner.get("/incidents", limit=200)
    owner.patch(f"/incidents/{first[0]['id']}", {"assignee": me})
    for number in range(MANY):
        owner.post(f"/incidents/{first[0]['id']}/comments", {"body": f"Comment {number}"})
    return owner


@pytest.mark.parametrize("of_one", ["", "/comments", "/timeline", "/alerts", "/why"])
def test_the_number_of_statements_does_not_grow_with_the_page(busy: Person, of_one: str):
    path = f"/incidents/{busy.get('/incidents')[0]['id']}{of_one}" if of_one else "/incidents"
    told = {}
    for limit in (5, 200):
        busy.get(path, limit=limit)  # the first time, a list's rows are looked for as well
        with counted(busy) as statements:
            busy.get(path, limit=limit)
        told[limit] = len(statements)
    assert told[200] == told[5]


def test_the_number_of_statements_for_alerts_does_not_grow_with_the_page(busy: Person):
    told = {}
    for limit in (1, 200):
        with counted(busy) as statements:
            assert len(busy.get("/alerts", limit=limit)) == min(limit, MANY)
        told[limit] = len(statements)
    assert told[200] == told[1]


def test_timeline_of_a_hundred_thousand_entries_is_paged_by_its_index(owner: Person):
    incident = owner.post("/incidents", {"title": "Long"})
    seed = (
        "INSERT INTO timeline (organization_id, id, incident_id, kind, actor, at)"
        " SELECT :organization_id, gen_random_uuid(), i.id, 'changed', 'hub', overwatch_now() + n * interval '1 second'"
        " FROM incidents i, generate_series(1, 100000) n WHERE i.organization_id = :organization_id"
    )
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        session.execute(text(seed), {"organization_id": owner.organization_id})
    answer = owner.call("GET", f"/incidents/{incident['id']}/timeline", query_string={"page": 501, "limit": 200})
    assert (answer.json["meta"]["total"], len(answer.json["data"])) == (100_001, 1)
    report = owner.get(f"/incidents/{incident['id']}/report")["markdown"]
    assert "99801 entries left out" in report


@pytest.mark.parametrize("table", ["incidents", "alerts"])
def test_plain_text_is_found_by_the_index_of_words(busy: Person, hub_settings: Settings, table: str):
    more = (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(row, jsonb_build_object("
        " 'id', gen_random_uuid(), 'dedup_key', 'seed' || n, 'title', 'Seed ' || n, 'correlation_key', NULL))).*"
        f" FROM (SELECT r FROM {table} r WHERE organization_id = '{busy.organization_id}' LIMIT 1) AS one (row),"
        " generate_series(1, 3000) n"
    )
    engine = create_engine(hub_settings.owner_database_url, poolclass=NullPool)
    with engine.begin() as connection:
        of_function = text("SELECT prosrc FROM pg_proc WHERE proname = :name")
        body = str(connection.execute(of_function, {"name": f"{table}_saying"}).scalar_one())
        connection.exec_driver_sql(more)
        connection.exec_driver_sql(f"ANALYZE {table}")
        connection.exec_driver_sql(f"SELECT set_config('app.organization_id', '{busy.organization_id}', true)")
        plan = connection.exec_driver_sql("EXPLAIN " + body.replace("p_query", "CAST('disk' AS tsquery)"))
        assert f"{table}_words" in " ".join(plan.scalars())
