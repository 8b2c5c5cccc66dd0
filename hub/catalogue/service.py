"""Use cases of the catalogue: add, find, change, remove services, and the graph of who needs whom."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete as delete_rows
from sqlalchemy import insert, or_, select, text
from sqlalchemy.orm import Session, aliased

from hub.catalogue import rules
from hub.catalogue.models import Dependency, Service
from hub.contracts.errors import Conflict, Invalid, NotFound
from hub.database import new_id, organization_of
from hub.listing import Listing, Page, among, containing, created

# procedures are of a later room, so it is their table that is asked
_KNOWN_PROCEDURES = text("SELECT id FROM procedures WHERE organization_id = :organization_id AND id = ANY(:ids)")

LISTING = Listing(
    Service,
    sorts={name: getattr(Service, name) for name in ("name", "owner", "created_at", "updated_at")},
    filters={
        "name": among(Service.name),
        "owner": among(Service.owner),
        "q": containing(Service.name, Service.owner, Service.repository),
        **created(Service),
    },
    default_sort="name",
)


def add(session: Session, *, name: str, depends_on: Sequence[str | UUID] = (), **fields: Any) -> Service:
    """Raises Conflict for a name that is taken, Invalid for dependencies that are unknown or go round in a circle.

    And Invalid for procedures that there are not.
    """
    _lock(session)
    _check_procedures(session, fields)
    service = Service(organization_id=organization_of(session), id=new_id(), name=name, **fields)
    _refuse_taken(session, service)
    session.add(service)
    session.flush()
    return _depend(session, service, depends_on)


def get(session: Session, service_id: UUID) -> Service:
    """Raises NotFound."""
    found = session.get(Service, (organization_of(session), service_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of services."""
    return LISTING.page(session, query)


def change(session: Session, service_id: UUID, fields: Mapping[str, Any]) -> Service:
    """Changes the given fields; `depends_on` replaces all dependencies. Raises as `add` does."""
    _lock(session)
    service = get(session, service_id)
    _check_procedures(session, fields)
    wanted = dict(fields)
    depends_on = wanted.pop("depends_on", None)
    for name, value in wanted.items():
        setattr(service, name, value)
    _refuse_taken(session, service)
    session.flush()
    return service if depends_on is None else _depend(session, service, depends_on)


def remove(session: Session, service_id: UUID) -> None:
    """Removes the service and its place in the graph."""
    session.delete(get(session, service_id))
    session.flush()


def dependencies(session: Session) -> dict[str, frozenset[str]]:
    """The whole graph by name, service → what it depends on, in one statement."""
    needing, needed = aliased(Service), aliased(Service)
    rows = session.execute(
        select(needing.name, needed.name)
        .select_from(Dependency)
        .join(needing, (needing.organization_id == Dependency.organization_id) & (needing.id == Dependency.service_id))
        .join(needed, (needed.organization_id == Dependency.organization_id) & (needed.id == Dependency.depends_on_id))
        .where(Dependency.organization_id == organization_of(session))
    )
    graph: dict[str, set[str]] = defaultdict(set)
    for service, needs in rows:
        graph[service].add(needs)
    return {service: frozenset(needs) for service, needs in graph.items()}


def _depend(session: Session, service: Service, wanted: Sequence[str | UUID]) -> Service:
    needed_ids = _resolved(session, wanted)
    mine = (Dependency.organization_id == service.organization_id) & (Dependency.service_id == service.id)
    session.execute(delete_rows(Dependency).where(mine))
    if service.id in needed_ids:
        raise Invalid({"depends_on": [f"{service.name} cannot depend on itself."]})
    if needed_ids:
        key = {"organization_id": service.organization_id, "service_id": service.id}
        session.execute(insert(Dependency), [{**key, "depends_on_id": needed_id} for needed_id in needed_ids])
    if circle := rules.circle_through(service.name, dependencies(session)):
        raise Invalid({"depends_on": [f"These services would depend on each other in a circle: {' → '.join(circle)}."]})
    session.refresh(service)
    return service


def _resolved(session: Session, wanted: Sequence[str | UUID]) -> list[UUID]:
    """The ids of the services named, each once; Invalid names those that the catalogue does not have."""
    if not wanted:
        return []
    found = session.execute(
        select(Service.id, Service.name).where(
            Service.organization_id == organization_of(session),
            or_(
                Service.id.in_([each for each in wanted if isinstance(each, UUID)]),
                Service.name.in_([each for each in wanted if isinstance(each, str)]),
            ),
        )
    ).all()
    known: set[str | UUID] = {key for row in found for key in row}
    missing = [str(each) if isinstance(each, str) else f"svc_{each.hex}" for each in wanted if each not in known]
    if missing:
        raise Invalid({"depends_on": [f"Not in the catalogue; add first: {', '.join(missing)}."]})
    return [row.id for row in found]


def _check_procedures(session: Session, fields: Mapping[str, Any]) -> None:
    wanted = fields.get("procedures") or []
    asked = {"organization_id": organization_of(session), "ids": wanted}
    known = set(session.scalars(_KNOWN_PROCEDURES, asked)) if wanted else set()
    if missing := [f"proc_{each.hex}" for each in wanted if each not in known]:
        raise Invalid({"procedures": [f"There is no such procedure: {', '.join(missing)}."]})


def _refuse_taken(session: Session, service: Service) -> None:
    with session.no_autoflush:
        taken = session.scalar(
            select(Service.id).where(
                Service.organization_id == service.organization_id,
                Service.name == service.name,
                Service.id != service.id,
            )
        )
    if taken is not None:
        raise Conflict(f"The catalogue has a service {service.name!r} already: svc_{taken.hex}.")


def _lock(session: Session) -> None:
    """One change at a time: two that are harmless alone may close a circle together."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('catalogue:' || :organization_id, 0))"),
        {"organization_id": str(organization_of(session))},
    )
