"""A step of the database after the first release locks out nobody for long: its SQL is read, and one is tried."""

import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from hub import migrations
from hub.bench import migration
from hub.migrations import statements_of
from hub.settings import Settings

FIRST_RELEASE = "0008"
VERSIONS = Path(migrations.__file__).parent / "versions"
LATER = [path for path in VERSIONS.glob("*.sql") if path.name[:4] > FIRST_RELEASE and ".down." not in path.name]

# a form that reads or rewrites all rows while it keeps a table locked, and what to say instead
BLOCKING = {
    r"CREATE (UNIQUE )?INDEX(?! CONCURRENTLY)": "CREATE INDEX CONCURRENTLY IF NOT EXISTS, in .beside.sql",
    r"CREATE (UNIQUE )?INDEX CONCURRENTLY": "in .beside.sql: not within a transaction",
    r"\b(REFERENCES|CHECK \()(?!.* NOT VALID)": "NOT VALID here, VALIDATE CONSTRAINT in .beside.sql",
    r"\bADD (CONSTRAINT \w+ )?(UNIQUE|PRIMARY KEY|EXCLUDE)(?! USING INDEX)": "a unique index in .beside.sql",
    r"\bADD COLUMN\b.*\bDEFAULT (?!'|-?\d|true|false|NULL|overwatch_now\(\))": "a constant default",
    r"\bGENERATED\b.*\bSTORED\b": "a column that the code fills",
    r"\bADD COLUMN \w+ \w*serial\b": "a column that the code fills",
    r"\bALTER (COLUMN )?\w+ (SET DATA )?TYPE\b": "a new column",
    r"\bSET NOT NULL\b": "CHECK (… IS NOT NULL) NOT VALID",
    r"\bRENAME\b": "a new name beside the old one, which the version before still uses",
    r"^(UPDATE|DELETE|TRUNCATE|LOCK|CLUSTER|VACUUM|REINDEX|REFRESH)\b": "code that works in small batches",
}
BESIDE = r"(CREATE (UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS|ALTER TABLE \w+ VALIDATE CONSTRAINT) "


def blocking(script: str) -> list[str]:
    """What a step may not say of tables that were there before it; in their own first step anything goes."""
    statements = statements_of(script)
    new = {found[1] for each in statements if (found := re.match(r"CREATE (?:UNLOGGED )?TABLE (\w+)", each))}
    old = [each for each in statements if not any(re.search(rf"\b(TABLE|ON) {name}\b", each) for name in new)]
    clauses = [clause for each in old for clause in re.split(r", (?=ADD|ALTER|DROP)", each)]
    return [better for each in clauses for form, better in BLOCKING.items() if re.search(form, each)]


def test_steps_after_the_first_release_lock_out_nobody():
    beside = {path for path in LATER if path.name.endswith(".beside.sql")}
    assert [each for path in beside for each in statements_of(path.read_text()) if not re.match(BESIDE, each)] == []
    assert {path.name: found for path in set(LATER) - beside if (found := blocking(path.read_text()))} == {}


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX alerts_title ON alerts (title)",
        "CREATE UNIQUE INDEX CONCURRENTLY alerts_title ON alerts (title)",
        "ALTER TABLE alerts ADD COLUMN mark uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE alerts ADD COLUMN mark bigserial",
        "ALTER TABLE alerts ADD COLUMN sum integer GENERATED ALWAYS AS (occurrence_count * 2) STORED",
        "ALTER TABLE alerts ADD FOREIGN KEY (organization_id, person_id) REFERENCES users (organization_id, id)",
        "ALTER TABLE alerts ADD CHECK (title <> ''), ADD CONSTRAINT sound CHECK (mark > 0) NOT VALID",
        "ALTER TABLE alerts ADD COLUMN person_id uuid REFERENCES users (id)",
        "ALTER TABLE alerts ADD CONSTRAINT has_title CHECK (title <> '')",
        "ALTER TABLE alerts ADD UNIQUE (organization_id, title)",
        "ALTER TABLE alerts ALTER COLUMN title TYPE varchar(500)",
        "ALTER TABLE alerts ALTER title SET NOT NULL",
        "ALTER TABLE alerts RENAME COLUMN title TO name",
        "UPDATE alerts SET title = ''",
    ],
)
def test_form_that_keeps_a_table_locked_is_refused(statement: str):
    assert len(blocking(f"-- quick, surely;\n{statement};")) == 1


def test_forms_that_are_over_at_once_are_taken():
    step = (
        "ALTER TABLE alerts ADD COLUMN mark integer NOT NULL DEFAULT 0, ADD COLUMN at timestamptz;"
        "ALTER TABLE alerts ADD CONSTRAINT sound CHECK (mark > 0) NOT VALID;"
        "CREATE TABLE notes (id uuid PRIMARY KEY, body text CHECK (body <> ''));"
        "CREATE INDEX notes_body ON notes (body)"
    )
    assert blocking(step) == []


def test_step_beside_a_writer_does_not_hold_it_up(hub_settings: Settings):
    told = "\n".join(migration.measure(hub_settings, 5_000))
    longest = re.search(r"the longest (\d+) ms", told)
    assert longest is not None, told
    assert int(longest[1]) < 2000
    assert index_is_valid(hub_settings, "bench_alerts_person")


def test_index_whose_build_was_killed_is_built_anew(hub_settings: Settings):
    engine = create_engine(hub_settings.owner_database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    build = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS half_built ON organizations (timezone)"
    with engine.connect() as connection:
        for slug in ("a", "b"):
            row = "INSERT INTO organizations (id, name, slug) VALUES (gen_random_uuid(), 'Twin', :slug)"
            connection.execute(text(row), {"slug": slug})
        with pytest.raises(Exception, match="could not create unique index"):
            migrations.do_beside(hub_settings, [build])
        connection.execute(text("UPDATE organizations SET timezone = slug"))
    migrations.do_beside(hub_settings, [build])
    assert index_is_valid(hub_settings, "half_built")


def index_is_valid(chosen: Settings, name: str) -> bool:
    engine = create_engine(chosen.owner_database_url, poolclass=NullPool)
    with engine.connect() as connection:
        valid = text("SELECT indisvalid FROM pg_index WHERE indexrelid = CAST(:name AS regclass)")
        return bool(connection.execute(valid, {"name": name}).scalar_one())
