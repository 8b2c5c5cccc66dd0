"""The blast radius of an incident: who depends on what fails, by the catalogue, and what burns there already."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.catalogue import rules
from hub.catalogue import service as catalogue
from hub.catalogue.models import Service
from hub.database import organization_of
from hub.incidents import service as incidents
from hub.incidents.models import Incident
from hub.incidents.rules import OPEN
from hub.listing import overlapping


@dataclass(frozen=True, slots=True)
class Touched:
    """A service that may suffer, whose it is, and which open incidents it has."""

    service: str
    hops: int
    path: tuple[str, ...]
    owner: str
    incident_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Radius:
    """What fails, which of it the catalogue does not know, and who may suffer: nearest first."""

    services: Sequence[str]
    not_in_catalogue: Sequence[str]
    touched: Sequence[Touched]


def radius_of(session: Session, incident_id: UUID) -> Radius:
    """Four statements however large the catalogue is. Raises NotFound."""
    incident = incidents.get(session, incident_id)
    failing = sorted({*incident.services, incident.service} - {""})
    affected = rules.blast_radius(failing, catalogue.dependencies(session))
    owners = _owners(session, [*failing, *(each.service for each in affected)])
    burning = _burning(session, [each.service for each in affected], incident_id)
    return Radius(
        failing,
        [service for service in failing if service not in owners],
        [
            Touched(each.service, each.hops, each.path, owners[each.service], burning.get(each.service, []))
            for each in affected
        ],
    )


def _owners(session: Session, names: Collection[str]) -> dict[str, str]:
    rows = session.execute(
        select(Service.name, Service.owner).where(
            Service.organization_id == organization_of(session), Service.name.in_(names)
        )
    )
    return {row.name: row.owner for row in rows}


def _burning(session: Session, names: Collection[str], besides: UUID) -> dict[str, list[UUID]]:
    """The other open incidents by service, oldest first."""
    rows = session.execute(
        select(Incident.id, Incident.services, Incident.service)
        .where(
            Incident.organization_id == organization_of(session),
            Incident.status.in_(OPEN),
            Incident.merged_into.is_(None),
            Incident.id != besides,
            overlapping(Incident.services)(names) | Incident.service.in_(names),
        )
        .order_by(Incident.created_at, Incident.id)
    )
    found: dict[str, list[UUID]] = defaultdict(list)
    for row in rows:
        for service in {*row.services, row.service}:
            found[service].append(row.id)
    return found
