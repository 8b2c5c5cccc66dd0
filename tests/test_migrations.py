"""What the migrations make is what the models say; migrating again changes nothing."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from hub import migrations
from hub.database import Base, load_models
from hub.embedded.postgres import EmbeddedPostgres
from hub.settings import Settings


def is_ours(name: str | None, kind: str, parents: dict) -> bool:
    """Partitions repeat their parents, alembic_version is Alembic's own, and SQLAlchemy cannot read xid8."""
    return (kind != "table" or name in Base.metadata.tables) and (kind, name) != ("column", "xid")


@pytest.mark.filterwarnings("ignore:Did not recognize type .xid8.")
def test_models_and_migrations_agree(hub_settings: Settings):
    load_models()
    engine = create_engine(hub_settings.owner_database_url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": is_ours, "compare_type": True, "compare_server_default": False}
        )
        differences = compare_metadata(context, Base.metadata)
    assert [each for each in differences if not _is_only_an_index(each)] == []


def test_migrating_again_changes_nothing(hub_settings: Settings):
    migrations.migrate(hub_settings)
    engine = create_engine(hub_settings.owner_database_url, poolclass=NullPool)
    with engine.connect() as connection:
        assert migrations.is_current(connection)
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_hub_is_ready_beside_the_database_of_the_next_version_and_not_of_the_one_before(hub_settings: Settings):
    engine = create_engine(hub_settings.owner_database_url, poolclass=NullPool)
    with engine.connect() as connection:
        for revision, is_current in {"9999": True, "0001": False}.items():
            connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": revision})
            assert migrations.is_current(connection) is is_current
        connection.rollback()


STRUCTURE = """
    SELECT 'column', table_name, column_name, data_type || is_nullable || coalesce(column_default, '')
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal
    UNION ALL SELECT 'policy', tablename, policyname, qual FROM pg_policies
    UNION ALL SELECT 'table', relname, relrowsecurity::text || relforcerowsecurity, coalesce(reloptions::text, '')
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'function', proname, pg_get_function_identity_arguments(oid), prosrc FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proowner = 'overwatch_owner'::regrole
    ORDER BY 1, 2, 3, 4
"""


@pytest.fixture
def emptied(server: EmbeddedPostgres, session_settings: Settings) -> Iterator[Settings]:
    """A database that is prepared, and has never been migrated."""
    name = f"steps_{uuid4().hex}"
    server.create_database(name, template="overwatch")
    chosen = replace(
        session_settings,
        owner_database_url=session_settings.owner_database_url.replace("/overwatch?", f"/{name}?"),
    )
    migrations.go_back(chosen, "base")
    yield chosen
    server.drop_database(name)


def structure(chosen: Settings) -> list[tuple]:
    engine = create_engine(chosen.owner_database_url, poolclass=NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(STRUCTURE))]


def test_every_step_goes_up_down_and_up_again(emptied: Settings):
    steps = sorted(migrations.revisions())
    for before, step in pairwise(["base", *steps]):
        at_rest = structure(emptied)
        migrations.migrate(emptied, step)
        after = structure(emptied)
        migrations.go_back(emptied, before)
        assert structure(emptied) == at_rest, step
        migrations.migrate(emptied, step)
        assert structure(emptied) == after
    assert "accept_deliveries" not in str(structure(emptied))
    migrations.migrate(emptied)
    assert "accept_deliveries" in str(structure(emptied))


def test_migration_gives_way_to_who_keeps_a_table_locked(emptied: Settings):
    migrations.migrate(emptied, "0005")
    engine = create_engine(emptied.owner_database_url, poolclass=NullPool)
    with engine.connect() as busy:
        busy.execute(text("SELECT count(*) FROM deliveries"))  # and goes on, as a long report does
        migration = threading.Thread(target=migrations.migrate, args=(emptied,))
        migration.start()
        waits = [_seconds_to_write(engine) for _ in range(8) if not time.sleep(0.3)]
    migration.join(60)
    assert max(waits) < 4  # two seconds, on a machine that has other things to do
    with engine.connect() as connection:
        assert migrations.is_current(connection)


def _seconds_to_write(engine: Engine) -> float:
    begun = time.monotonic()
    with engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET attempts = 0 WHERE false"))
    return time.monotonic() - begun


def _is_only_an_index(difference: tuple | list) -> bool:
    """Indexes, keys and constraints are the migrations' own: expressions and predicates have no form in the models."""
    kind = difference[0][0] if isinstance(difference, list) else difference[0]
    return kind.startswith(("add_index", "remove_index", "add_fk", "remove_fk", "add_constraint", "remove_constraint"))


def test_room_imported_alone_knows_the_tables_that_its_own_name():
    alone = "from hub.alerts.models import Alert; Alert(); from hub.database import Base; Base.metadata.sorted_tables"
    done = subprocess.run([sys.executable, "-W", "error", "-c", alone], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
