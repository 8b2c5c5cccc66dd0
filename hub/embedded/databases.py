"""Roles, databases and extensions of the embedded Postgres: the same after every start, whatever was there before."""

from collections.abc import Callable, Sequence
from importlib.resources import files

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from hub.settings import Secrets

Connect = Callable[[str], Connection[TupleRow]]
"""Database name → connection of the superuser, autocommit."""

_ROLE_RIGHTS = SQL(
    "ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT -1 PASSWORD {}"
)


def provision(connect: Connect, secrets: Secrets) -> None:
    """Makes what is missing and sets what may have changed: passwords, rights, versions. Raises psycopg.Error."""
    with connect("postgres") as admin:
        _ensure_role(admin, "overwatch_owner", secrets.owner_password)
        _ensure_role(admin, "overwatch_app", secrets.app_password)
        _ensure_role(admin, "overwatch_broker", secrets.broker_password)
        for database in ("postgres", "template1"):
            _close_to_public(admin, database)
        _ensure_database(admin, "overwatch", owner="overwatch_owner", guests=["overwatch_app"])
        _ensure_database(admin, "overwatch_broker", owner="overwatch_broker")
    with connect("overwatch") as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS vector")
        admin.execute("ALTER EXTENSION vector UPDATE")
    with connect("overwatch_broker") as admin:
        _ensure_pgmq(admin)


def create(
    admin: Connection[TupleRow], name: str, *, owner: str, guests: Sequence[str] = (), template: str = "template1"
) -> None:
    """Creates a database that only its owner and `guests` can enter; rights do not come with a template."""
    admin.execute(
        SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(Identifier(name), Identifier(owner), Identifier(template))
    )
    _close_to_public(admin, name, guests)


def drop(admin: Connection[TupleRow], name: str) -> None:
    """Drops the database if it is there, and disconnects who uses it."""
    admin.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def _ensure_role(admin: Connection[TupleRow], role: str, password: str) -> None:
    if not admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
        admin.execute(SQL("CREATE ROLE {}").format(Identifier(role)))
    # Hashed here, so that the password itself is in no statement, hence in no log and no view of activity.
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    admin.execute(_ROLE_RIGHTS.format(Identifier(role), Literal(verifier)))


def _ensure_database(admin: Connection[TupleRow], name: str, *, owner: str, guests: Sequence[str] = ()) -> None:
    if admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
        _close_to_public(admin, name, guests)
    else:
        create(admin, name, owner=owner, guests=guests)


def _close_to_public(admin: Connection[TupleRow], database: str, guests: Sequence[str] = ()) -> None:
    admin.execute(SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(Identifier(database)))
    for guest in guests:
        admin.execute(SQL("GRANT CONNECT ON DATABASE {} TO {}").format(Identifier(database), Identifier(guest)))


def _ensure_pgmq(admin: Connection[TupleRow]) -> None:
    """Installs pgmq's plain SQL as the broker's own; another version of it is replaced, messages and all.

    Messages are wake-ups only: the rows they point to are found again by the sweeper.
    """
    shipped = files("pgmq") / "sql"
    version = (shipped / "VERSION").read_text().strip()
    installed = admin.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'pgmq'"
    ).fetchone()
    if installed == (version,):
        return
    with admin.transaction():
        admin.execute("SET LOCAL ROLE overwatch_broker")
        admin.execute("DROP SCHEMA IF EXISTS pgmq CASCADE")
        admin.execute((shipped / "pgmq.sql").read_bytes())
        admin.execute(SQL("COMMENT ON SCHEMA pgmq IS {}").format(Literal(version)))
