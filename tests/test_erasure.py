"""An organization is erased with all that it holds, and its neighbours keep theirs."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import NullPool

from hub.database import Database
from hub.settings import Settings
from tests.factories import Person, alertmanager, firing, resolved


@pytest.fixture
def busy(owner: Person) -> Person:
    """An organization with something in every room."""
    owner.push(alertmanager(firing("DiskFull", service="db"), firing("CertificateExpires")))
    owner.hub.work()
    owner.push(alertmanager(resolved("DiskFull", service="db")))
    owner.hub.work()
    incident = owner.get("/incidents")[0]
    owner.post(f"/incidents/{incident['id']}/comments", {"body": "On it."})
    return owner


def rows_of(person: Person) -> dict[str, int]:
    """How many rows each tenant table holds of the person's organization."""
    organization_id = person.tokens["user"]["organization_id"].removeprefix("org_")
    with person.hub.runtime.database.transaction() as session:
        session.execute(text("SELECT set_config('app.organization_id', :id, true)"), {"id": organization_id})
        tables = session.execute(
            text(
                "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)"
                " WHERE column_name = 'organization_id' AND table_type = 'BASE TABLE'"
            )
        ).scalars()
        return {name: session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}


def test_erased_organization_leaves_no_row(busy: Person):
    assert sum(rows_of(busy).values()) > 10
    busy.delete("/organizations/current")
    assert {name: count for name, count in rows_of(busy).items() if count} == {}
    assert busy.call("GET", "/auth/me").status_code == 401


def test_erasure_may_take_longer_than_any_other_statement(busy: Person, hub_settings: Settings):
    slow = "CREATE FUNCTION drag() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN OLD; END'"
    engine = create_engine(hub_settings.owner_database_url, poolclass=NullPool)
    with engine.begin() as owner:
        owner.execute(text(slow))
        owner.execute(text("CREATE TRIGGER drag BEFORE DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION drag()"))
    with impatient(busy.hub.runtime.database):
        busy.delete("/organizations/current")
    with engine.begin() as owner:
        owner.execute(text("DROP FUNCTION drag CASCADE"))
    assert busy.call("GET", "/auth/me").status_code == 401


@contextmanager
def impatient(database: Database) -> Iterator[None]:
    """Two seconds for a statement, instead of fifteen."""

    def hurry(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute("SET statement_timeout = '2s'")
        connection.commit()

    event.listen(database.engine, "checkout", hurry)
    yield
    event.remove(database.engine, "checkout", hurry)
    database.engine.dispose()


def test_neighbour_keeps_everything(busy: Person):
    neighbour = busy.hub.register()
    neighbour.post("/incidents", {"title": "Ours"})
    busy.delete("/organizations/current")
    assert [incident["title"] for incident in neighbour.get("/incidents")] == ["Ours"]


def test_organization_takes_along_what_it_holds_and_no_secret(busy: Person):
    neighbour = busy.hub.register()
    neighbour.post("/incidents", {"title": "Ours"})
    answer = busy.call("GET", "/organizations/current/export")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    exported = Counter(line["table"] for line in lines)
    kept = {name: count for name, count in rows_of(busy).items() if count and name[-1] not in "01234567"}
    # the request itself came by this session and counts nothing else
    assert {name: exported[name] for name in kept} == kept
    assert exported["organizations"] == 1
    assert {line["row"].get("organization_id") for line in lines if line["table"] != "organizations"} == {
        str(busy.organization_id)
    }
    assert not re.search(r'"(secrets|\w*token_hash|password_hash|key_hash)"|argon2', answer.text)


def test_only_the_owner_takes_it_along(busy: Person):
    assert busy.colleague("admin").call("GET", "/organizations/current/export").status_code == 403
