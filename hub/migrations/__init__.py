"""Migrations: Alembic's steps, then the functions and grants that are laid anew after every one of them.

A step runs beside the version before it, which must not stand still meanwhile: where it must wait for a lock it soon
gives way, to try again, and it keeps none for longer than two seconds on a million rows. What takes longer than that on
a table that grows is done beside the running hub, outside of any transaction, when all steps are committed: the step's
file `NNNN_name.beside.sql` holds statements that lock out nobody, and that change nothing when they are run again. So a
column comes without a computed default, a constraint as NOT VALID; its check, and the index, come in the other file.
Steps up to 0008 are older than the first release, and meet empty tables only; tests/test_migration_steps.py reads every
later one.
"""

import logging
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from hub.contracts.errors import Misconfigured
from hub.migrations import requirements
from hub.settings import Settings

if TYPE_CHECKING:  # Alembic is loaded where something is migrated; most processes only ask whether it is
    from alembic.config import Config

log = logging.getLogger(__name__)

_REPEATABLE = ("functions.sql", "grants.sql")
_ONE_AT_A_TIME = 0x6F766572  # any fixed number: two migrations at once wait for each other
_LOCK_TIMEOUT = "500ms"  # several tables are locked one after the other, and the first of them wait the longest
_MOST_TRIES = 60
_PAUSE_SECONDS = 1.0
# a build that was killed leaves an index that nobody uses, and that the next build takes for its own
_HALF_BUILT = text("SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
                   " WHERE NOT indisvalid AND relkind = 'i' AND relnamespace = 'public'::regnamespace")  # fmt: skip
_FUNCTION = re.compile(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)", re.MULTILINE)
_LAID = text("SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
             " AND proname = ANY(:names)")  # fmt: skip


def migrate(settings: Settings, revision: str = "head") -> None:
    """Brings the database to `revision` as its owner; harmless when it is already there.

    The steps are one transaction; what they leave to be done beside the running hub follows, each statement by itself.
    Raises Misconfigured when its administrator has not prepared it, or when others keep it locked.
    """

    def up(connection: Connection) -> None:
        from alembic import command

        command.upgrade(_config(connection), revision)
        if revision == "head":
            for name in _REPEATABLE:
                run_sql(connection, name)

    carry_out(settings, up)
    do_beside(settings, _left_by_steps(revision))


def go_back(settings: Settings, revision: str) -> None:
    """Takes the database back to `revision`, an older one; the version that goes with it then migrates, and runs.

    What only the newer steps can hold is lost. Raises Misconfigured as `migrate` does.
    """

    def down(connection: Connection) -> None:
        from alembic import command

        names = _FUNCTION.findall(files(__name__).joinpath("functions.sql").read_text(encoding="utf-8"))
        for function in connection.execute(_LAID, {"names": names}).scalars().all():
            connection.exec_driver_sql(f"DROP FUNCTION {function}")
        command.downgrade(_config(connection), revision)

    carry_out(settings, down)


def carry_out(settings: Settings, change: Callable[[Connection], None]) -> None:
    """Changes the database as its owner, all or nothing; gives way to who keeps a table locked, and tries again."""
    engine = create_engine(settings.owner_database_url, poolclass=NullPool)
    for _ in range(_MOST_TRIES):
        try:
            with engine.begin() as connection:
                requirements.check(connection)
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                return change(connection)
        except (OperationalError, LockNotAvailable) as error:  # from SQLAlchemy, or straight from psycopg
            if not isinstance(getattr(error, "orig", error), LockNotAvailable):
                raise
            log.warning("somebody keeps a table locked; the migration gives way and tries again")
            time.sleep(_PAUSE_SECONDS)
    raise Misconfigured("The database cannot be migrated: others keep its tables locked. Look at pg_stat_activity.")


def do_beside(settings: Settings, statements: Sequence[str]) -> None:
    """Runs each by itself, beside the running hub, for as long as it takes; those of two migrations take turns."""
    if not statements:
        return
    engine = create_engine(settings.owner_database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # not pg_advisory_lock: who waits in a statement has a snapshot, for whose end the build of an index waits
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ONE_AT_A_TIME + 1}):
            time.sleep(_PAUSE_SECONDS)
        for index in connection.execute(_HALF_BUILT).scalars().all():
            connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {index}")
        for statement in statements:
            connection.exec_driver_sql(statement)


def _left_by_steps(revision: str) -> list[str]:
    folder = files(__name__).joinpath("versions")
    names = sorted(step.name for step in folder.iterdir() if step.name.endswith(".beside.sql"))
    return [
        statement
        for name in names
        if revision == "head" or name.partition("_")[0] <= revision
        for statement in statements_of(folder.joinpath(name).read_text(encoding="utf-8"))
    ]


def statements_of(script: str) -> list[str]:
    """The statements of a script without bodies of functions, without comments."""
    bare = re.sub(r"--.*", "", script)
    return [" ".join(statement.split()) for statement in bare.split(";") if statement.strip()]


def is_current(connection: Connection) -> bool:
    """Whether the database has the newest revision this code knows, or newer: the version before runs on beside it."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return False
    found = connection.execute(text("SELECT max(version_num) FROM alembic_version")).scalar_one()
    return found is not None and bool(found >= max(revisions()))


@cache
def revisions() -> frozenset[str]:
    """All that this code knows: a step's file begins with its revision, 0001 and on."""
    steps = files(__name__).joinpath("versions").iterdir()
    return frozenset(step.name.partition("_")[0] for step in steps if step.name.endswith(".py"))


def run_sql(connection: Connection, name: str) -> None:
    """Runs one of the SQL files beside the migrations."""
    # straight to psycopg, without parameters: SQLAlchemy always hands some over, and then % means a placeholder
    connection.connection.cursor().execute(files(__name__).joinpath(name).read_text(encoding="utf-8"))


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "hub:migrations")
    config.attributes["connection"] = connection
    return config
