"""Lists: what one may be filtered and sorted by, and the two statements that answer it however long the page is."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hub.database import PLANNED_ANEW, Base, Tenant, organization_of

Model = TypeVar("Model", bound=Base)
Column = InstrumentedAttribute[Any] | ColumnElement[Any]
Condition = Callable[[Any], ColumnElement[bool]]

_NOT_FILTERS = frozenset({"page", "limit", "sort"})


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and how many there are in all."""

    items: Sequence[Any]
    total: int
    page: int
    limit: int


@dataclass(frozen=True, slots=True)
class Listing(Generic[Model]):
    """A list of a tenant's rows. `sorts` and `filters` are allow-lists: name in the query → column or condition."""

    model: type[Model]
    sorts: Mapping[str, Column]
    filters: Mapping[str, Condition] = field(default_factory=dict)
    default_sort: str = "-created_at"

    def page(self, session: Session, query: Mapping[str, Any], *always: ColumnElement[bool]) -> Page:
        """The page that `query` asks for: `page`, `limit`, `sort` (names, "-" for descending) and filters by name.

        Filters that are None do not filter. Raises KeyError for a name that is not allowed: schemas refuse it before.
        """
        where = [*self._mine(session), *always, *self._conditions(query)]
        counted = select(func.count()).select_from(self.model).where(*where)
        total = session.scalar(counted, execution_options=PLANNED_ANEW) or 0
        number, limit = query["page"], query["limit"]
        statement = select(self.model).where(*where).order_by(*self._order(query.get("sort") or [self.default_sort]))
        page = statement.limit(limit).offset((number - 1) * limit)
        items = session.scalars(page, execution_options=PLANNED_ANEW).all()
        return Page(items, total, number, limit)

    def _mine(self, session: Session) -> list[ColumnElement[bool]]:
        if not issubclass(self.model, Tenant):
            return []
        return [self.model.organization_id == organization_of(session)]

    def _conditions(self, query: Mapping[str, Any]) -> list[ColumnElement[bool]]:
        wanted = {name: value for name, value in query.items() if name not in _NOT_FILTERS and value is not None}
        return [self.filters[name](value) for name, value in wanted.items()]

    def _order(self, sort: Sequence[str]) -> list[ColumnElement[Any]]:
        """The key comes last, so that rows which are equal otherwise cannot change places between two pages."""
        columns = [(self.sorts[name.removeprefix("-")], name.startswith("-")) for name in sort]
        columns += [(column, sort[-1].startswith("-")) for column in self.model.__table__.primary_key]
        return [_directed(column, falls=falls) for column, falls in columns]


def _directed(column: Column, *, falls: bool) -> ColumnElement[Any]:
    directed = column.desc() if falls else column.asc()
    # without need it would keep the index of `created_at` from giving the rows in order
    return directed.nulls_last() if getattr(column, "nullable", True) else directed


def among(column: Column, **words: Collection[str]) -> Condition:
    """The column has one of the values; `words` stand for several, e.g. open=("active", "in_progress")."""

    def condition(values: Collection[Any]) -> ColumnElement[bool]:
        return column.in_({one for value in values for one in words.get(value, (value,))})

    return condition


def spelt_out(column: Column) -> Condition:
    """As `among`, for words of ours: they stand in the statement itself.

    A plan that is kept for any word does not find an index that is partial by one, and reads the whole table.
    """
    return lambda words: column.in_(bindparam(None, sorted(set(words)), expanding=True, literal_execute=True))


def overlapping(column: InstrumentedAttribute[Any]) -> Condition:
    """The array column has one of the values or more."""
    return lambda values: column.bool_op("&&")(list(values))


def since(column: Column) -> Condition:
    """At or after the moment; with `before` it makes windows without gap or overlap."""
    return lambda moment: column >= moment


def before(column: Column) -> Condition:
    """Before the moment."""
    return lambda moment: column < moment


def containing(*columns: Column) -> Condition:
    """Plain text: every word stands in one of the columns, in either case."""

    def condition(text: str) -> ColumnElement[bool]:
        return and_(*(or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in text.split()))

    return condition


def created(model: Any) -> dict[str, Condition]:
    """The filters `created_after` and `created_before`, which every list has."""
    return {"created_after": since(model.created_at), "created_before": before(model.created_at)}


def ranked(column: Column, best_first: Sequence[str]) -> ColumnElement[Any]:
    """Sorts words by their rank instead of their letters: the first of `best_first` is the greatest."""
    return case({word: len(best_first) - place for place, word in enumerate(best_first)}, value=column, else_=0)
