"""Lists of very many rows: what a query has found is remembered until a row changes, so that nobody counts again."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Engine, Text, cast, func, select, text
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.listing import Listing, Model, Page

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


class Memory:
    """What was found last, of the least long ago."""

    def __init__(self) -> None:
        self._found: OrderedDict[Key, Found] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Found | None:
        """None when that was never found, too long ago or too much else since."""
        with self._lock:
            found = self._found.get(key)
            if found is None or time.monotonic() - found.at > _LONGEST_SECONDS:
                return None
            self._found.move_to_end(key)
            return found

    def put(self, key: Key, found: Found) -> None:
        """Remembers it, and forgets the one that was asked for least lately."""
        with self._lock:
            self._found[key] = found
            self._found.move_to_end(key)
            if len(self._found) > _MOST_REMEMBERED:
                self._found.popitem(last=False)


_MEMORIES: WeakKeyDictionary[Engine, Memory] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class LongListing(Listing[Model]):
    """A list whose rows' changes are told in `changes` as this `kind`; all but what `untold` sorts by."""

    kind: str = ""
    untold: frozenset[str] = frozenset()

    def page(self, session: Session, query: Mapping[str, Any], *always: ColumnElement[bool]) -> Page:
        """As every listing; the ids come first, because the index that gives the order can also count and skip."""
        memory = _MEMORIES.setdefault(session.get_bind().engine, Memory())
        key = (self.kind, organization_of(session), repr(sorted(query.items(), key=lambda item: item[0])))
        is_told = not always and not {name.removeprefix("-") for name in query.get("sort") or ()} & self.untold
        found = memory.get(key) if is_told else None
        if found is None or self._has_changed(session, found):
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
        total, organization_id, snapshot = session.execute(counted).one()
        first = (query["page"] - 1) * query["limit"]
        ids = select(self._id).where(*where).order_by(*self._order(query.get("sort") or [self.default_sort]))
        page = session.scalars(ids.limit(query["limit"]).offset(first)).all() if first < total else ()
        return Found(total, page, organization_id, snapshot, time.monotonic())

    def _rows(self, session: Session, ids: Sequence[UUID]) -> list[Any]:
        rows = session.scalars(select(self.model).where(*self._mine(session), self._id.in_(ids))) if ids else ()
        by_id: dict[Any, Any] = {getattr(row, self._id.key): row for row in rows}
        return [by_id[row_id] for row_id in ids if row_id in by_id]

    @property
    def _id(self) -> Any:
        return self.model.__table__.c.id
