"""Migrations: Alembic's steps, then the functions and grants that are laid anew after every one of them."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from hub.migrations import requirements
from hub.settings import Settings

_REPEATABLE = ("functions.sql", "grants.sql")
_ONE_AT_A_TIME = 0x6F766572  # any fixed number: two migrations at once wait for each other


def migrate(settings: Settings, revision: str = "head") -> None:
    """Brings the database to `revision` as its owner, in one transaction; harmless when it is already there.

    Raises Misconfigured when its administrator has not prepared it.
    """
    engine = create_engine(settings.owner_database_url, poolclass=NullPool)
    with engine.begin() as connection:
        requirements.check(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        command.upgrade(_config(connection), revision)
        for name in _REPEATABLE:
            run_sql(connection, name)


def is_current(connection: Connection) -> bool:
    """Whether the database has the newest revision this code knows."""
    script = ScriptDirectory.from_config(_config(connection))
    return MigrationContext.configure(connection).get_current_revision() == script.get_current_head()


def run_sql(connection: Connection, name: str) -> None:
    """Runs one of the SQL files beside the migrations."""
    # straight to psycopg, without parameters: SQLAlchemy always hands some over, and then % means a placeholder
    connection.connection.cursor().execute(files(__name__).joinpath(name).read_text(encoding="utf-8"))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "hub:migrations")
    config.attributes["connection"] = connection
    return config
