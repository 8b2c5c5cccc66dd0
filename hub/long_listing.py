"""Lists of very many rows: what a query has found is remembered until a row changes, so that nobody counts again."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Engine, Select, Text, bindparam, cast, func, select, text
from sqlalchemy.orm import Session

from hub.database import PLANNED_ANEW, organization_of
from hub.listing import Listing, Model, Page
from hub.remembered import Remembered

_MOST_REMEMBERED = 1_000
_LONGEST_SECONDS = 600.0  # far less than changes are kept

Key = tuple[Any, ...]

# Transactions whose changes the count has not seen, whatever order they committed in. And what one organization has
# found is no answer for another, by the database's own word for who asks.
_HAS_CHANGED = text(
    "SELECT current_organization() IS DISTINCT FROM :organization_id"
    " OR EXISTS (SELECT FROM changes WHERE organization_id = :organization_id AND kind = :kind"
    " AND xid >= pg_snapshot_xmin(CAST(:snapshot AS pg_snapshot))"
    " AND NOT pg_visible_in_snapshot(xid, CAST(:snapshot AS pg_snapshot)))"
)


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows there are in all and which are on the page, as an organization's snapshot saw them."""

    total: int
    ids: Sequence[UUID]
    organization_id: UUID | None
    snapshot: str
    at: float  # by the monotonic clock


Memory = Remembered[Key, Found]

_MEMORIES: WeakKeyDictionary[Engine, Memory] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class LongListing(Listing[Model]):
    """A list whose rows' changes are told in `changes` as this `kind`; all but what `untold` sorts by."""

    kind: str = ""
    untold: frozenset[str] = frozenset()

    def page(self, session: Session, query: Mapping[str, Any], *always: ColumnElement[bool]) -> Page:
        """As every listing; the ids come first, because the index that gives the order can also count and skip."""
        memory = _MEMORIES.setdefault(session.get_bind().engine, Memory(_MOST_REMEMBERED))
        key = (self.kind, organization_of(session), repr(sorted(query.items(), key=lambda item: item[0])))
        is_told = not always and not {name.removeprefix("-") for name in query.get("sort") or ()} & self.untold
        found = memory.get(key) if is_told else None
        if found is None or time.monotonic() - found.at > _LONGEST_SECONDS or self._has_changed(session, found):
            found = self._find(session, query, *always)
            if is_told and found.organization_id == organization_of(session):
                memory.put(key, found)
        return Page(self._rows(session, found.ids), found.total, query["page"], query["limit"])

    def _has_changed(self, session: Session, found: Found) -> bool:
        told = {"organization_id": organization_of(session), "kind": self.kind, "snapshot": found.snapshot}
        return bool(session.execute(_HAS_CHANGED, told).scalar_one())

    def _find(self, session: Session, query: Mapping[str, Any], *always: ColumnElement[bool]) -> Found:
        where = [*self._mine(session), *always, *self._conditions(query)]
        seen = (func.current_organization(), cast(func.pg_current_snapshot(), Text))
        counted = select(func.count(), *seen).select_from(self.model).where(*where)
        total, organization_id, snapshot = session.execute(counted, execution_options=PLANNED_ANEW).one()
        first = (query["page"] - 1) * query["limit"]
        ids = select(self._id).where(*where).order_by(*self._order(query.get("sort") or [self.default_sort]))
        paged = ids.limit(query["limit"]).offset(first)
        page = session.scalars(paged, execution_options=PLANNED_ANEW).all() if first < total else ()
        return Found(total, page, organization_id, snapshot, time.monotonic())

    def _rows(self, session: Session, ids: Sequence[UUID]) -> list[Any]:
        told = {"organization_id": organization_of(session), "ids": list(ids)}
        rows = session.scalars(_of_ids(self.model), told) if ids else ()
        by_id: dict[Any, Any] = {row.id: row for row in rows}
        return [by_id[row_id] for row_id in ids if row_id in by_id]

    @property
    def _id(self) -> Any:
        return self.model.__table__.c.id


@cache
def _of_ids(model: Any) -> Select[tuple[Any]]:
    """A tenant's rows by their ids; made once, because to make it anew costs as much as to run it."""
    is_mine = model.organization_id == bindparam("organization_id")
    return select(model).where(is_mine, model.id.in_(bindparam("ids", expanding=True)))
