"""Many rows in one statement: the ingest path costs a few statements per batch, not one per event."""

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from hub.database import Base, organization_of

Row = Mapping[str, Any]

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects' constructors untyped


def upsert(
    session: Session, model: type[Base], rows: Sequence[Row], *, key: Collection[str], keep: Collection[str] = ("id",)
) -> None:
    """Inserts the rows; where `key` exists, overwrites the columns not in `keep`. All rows name the same columns."""
    if rows:
        session.execute(_upsert(model, tuple(rows[0]), tuple(key), tuple(keep)), {"rows": as_json(rows)})


def insert(session: Session, model: type[Base], rows: Sequence[Row]) -> None:
    """Inserts the rows. All rows name the same columns."""
    if rows:
        session.execute(_insert(model, tuple(rows[0])), {"rows": as_json(rows)})


def update(session: Session, model: type[Base], rows: Sequence[Row], *, key: Collection[str]) -> None:
    """Overwrites the given columns of the rows that `key` finds. All rows name the same columns."""
    if rows:
        session.execute(_update(model, tuple(rows[0]), tuple(key)), {"rows": as_json(rows)})


def run(session: Session, statement: TextClause, rows: Sequence[Row], **parameters: Any) -> None:
    """Runs a statement that reads `:rows`, for the session's `:organization_id`; nothing at all without rows."""
    if rows:
        session.execute(statement, _bound(session, rows, parameters))


def returning(session: Session, statement: TextClause, rows: Sequence[Row], **parameters: Any) -> Sequence[Any]:
    """The same for a statement that returns rows, which this gives."""
    return session.execute(statement, _bound(session, rows, parameters)).all() if rows else []


def _bound(session: Session, rows: Sequence[Row], parameters: Row) -> Row:
    return {"rows": as_json(rows), "organization_id": organization_of(session), **parameters}


def as_json(rows: Sequence[Row] | Row) -> str:
    """Rows, or one, as one parameter; ids and times become text, which Postgres reads back by the column's type."""
    try:
        return orjson.dumps(rows, default=str).decode()
    except TypeError:  # integers beyond 64 bits, halves of surrogate pairs: what to make of them is for Postgres to say
        return json.dumps(rows, default=str)


def recordset(model: type[Base], columns: Collection[str]) -> str:
    """`jsonb_to_recordset(:rows) AS r (id uuid, …)` for these columns of the model."""
    types = model.__table__.columns
    typed = ", ".join(f"{name} {types[name].type.compile(_DIALECT)}" for name in columns)
    return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS r ({typed})"


@cache
def _upsert(model: type[Base], columns: tuple[str, ...], key: tuple[str, ...], keep: tuple[str, ...]) -> TextClause:
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in (*key, *keep))
    return text(f"{_insert_sql(model, columns)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}")


@cache
def _insert(model: type[Base], columns: tuple[str, ...]) -> TextClause:
    return text(_insert_sql(model, columns))


@cache
def _update(model: type[Base], columns: tuple[str, ...], key: tuple[str, ...]) -> TextClause:
    changed = ", ".join(f"{name} = r.{name}" for name in columns if name not in key)
    found = " AND ".join(f"t.{name} = r.{name}" for name in key)
    return text(f"UPDATE {model.__tablename__} t SET {changed} FROM {recordset(model, columns)} WHERE {found}")


def _insert_sql(model: type[Base], columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return f"INSERT INTO {model.__tablename__} ({names}) SELECT {names} FROM {recordset(model, columns)}"
