"""The engine, the session scope, the tenant context, and the column types that all models share."""

import os
import secrets
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    MetaData,
    Text,
    Uuid,
    create_engine,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, Session, SessionTransaction, mapped_column, sessionmaker

_TENANT = "organization_id"

PLANNED_ANEW = {"is_planned_anew": True}
"""Execution options of a statement whose best plan depends on the organization and on what is asked for.

psycopg prepares what comes for the sixth time, and Postgres soon keeps a plan of it, which suits the average.
"""

# A server that is gone without a word is noticed within half a minute; a socket file knows it at once and ignores this.
_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}

# Short, so that a broken server costs seconds: connect, statement, lock and an idle transaction.
_SERVER_OPTIONS = "-c statement_timeout=15s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
_CONNECT = {"connect_timeout": 3, "options": _SERVER_OPTIONS, "tcp_user_timeout": 25_000, **_KEEPALIVES}


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, 5.7 and method 3 of 6.2) that sorts by when it was made; Postgres 14-17 cannot make one.

    48 bits of milliseconds, 12 bits of the millisecond's fraction, 62 random bits.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62))


class Base(DeclarativeBase):
    """Base of every model; JSON is jsonb, times are timestamptz, ids are UUIDv7."""

    metadata = MetaData()
    type_annotation_map = {str: Text, dict[str, Any]: JSONB, list[Any]: JSONB, datetime: DateTime(timezone=True)}  # noqa: RUF012  # SQLAlchemy reads it as a class attribute


class Tenant:
    """Columns of every tenant table: the key begins with the organization, so that foreign keys carry it along."""

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)


@event.listens_for(Mapper, "before_configured", once=True)
def load_models() -> None:
    """Every room's: a foreign key names a table, and its class may be in a room that this process has not imported."""
    here = Path(__file__).parent
    for path in sorted(here.rglob("models.py")):
        import_module(".".join((here.name, *path.relative_to(here).with_suffix("").parts)))


class Database:
    """One engine for one process. Make it after a fork, never before."""

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            hide_parameters=True,  # they hold what people sent, and exceptions are logged
            connect_args=_CONNECT,
        )
        # for what is one statement, and must neither wait for a transaction nor be undone with one
        self.counting: Engine = create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_reset_on_return=None,  # there is no transaction to end
            hide_parameters=True,
            connect_args=_CONNECT,
        )
        event.listen(self.engine, "do_execute", _plan_anew)
        for engine in (self.engine, self.counting):
            event.listen(engine, "checkout", _refuse_lost)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    def session(self, organization_id: UUID | None = None) -> Session:
        """A session whose every transaction sees one organization; without one, no tenant row at all."""
        return self._sessions(info={_TENANT: organization_id})

    @contextmanager
    def transaction(self, organization_id: UUID | None = None) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back by an exception."""
        with self.session(organization_id) as session, session.begin():
            yield session

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """For one statement over all organizations that is a transaction by itself: without BEGIN and COMMIT.

        Workers look for work all day long, and mostly there is none.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection

    def dispose(self) -> None:
        """Closes every connection of its pools."""
        self.engine.dispose()
        self.counting.dispose()


def _plan_anew(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Whether the statement was executed here, in SQLAlchemy's stead: one with PLANNED_ANEW."""
    if "is_planned_anew" not in context.execution_options:
        return False
    cursor.execute(statement, parameters, prepare=False)
    return True


def _refuse_lost(connection: Any, _record: Any, _proxy: Any) -> None:
    """Has the pool replace a connection that the server has closed; costs no round trip, as SQLAlchemy's ping does.

    An idle connection has nothing to read, unless it was closed, or the server says something that nobody asked for.
    """
    if connection.closed:
        raise DisconnectionError
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return
    try:
        connection.execute("SELECT 1")
        if not connection.autocommit:
            connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


def enter_organization(session: Session, organization_id: UUID) -> None:
    """From here on the session sees this organization, in this transaction and in those that follow."""
    session.info[_TENANT] = organization_id
    _set_tenant(session.connection(), organization_id)


def remember_organization(session: Session, organization_id: UUID) -> None:
    """As `enter_organization`, where a function of the database has let this transaction in already."""
    session.info[_TENANT] = organization_id


def organization_of(session: Session) -> UUID:
    """The organization of the session. Raises LookupError when it has none: deny by default."""
    organization_id = session.info.get(_TENANT)
    if organization_id is None:
        raise LookupError("this session has no organization")
    return UUID(str(organization_id))


@event.listens_for(Session, "after_begin")
def _enter_tenant(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    if session.info.get(_TENANT) is not None:
        _set_tenant(connection, session.info[_TENANT])


def _set_tenant(connection: Connection, organization_id: UUID) -> None:
    connection.exec_driver_sql("SELECT set_config('app.organization_id', %s, true)", (str(organization_id),))


def now(session: Session) -> datetime:
    """The database's clock, the only one that decides about state."""
    found: datetime = session.execute(text("SELECT overwatch_now()")).scalar_one()
    return found


database_now = func.overwatch_now


def database_moment() -> ColumnElement[datetime]:
    """The clock of the moment, not of the transaction's beginning: that was before it waited for a lock."""
    return database_now() + (func.clock_timestamp() - func.now())


def process_name() -> str:
    """This process among all of all machines."""
    return f"{os.uname().nodename}:{os.getpid()}"
