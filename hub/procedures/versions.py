"""Versions of procedures: kept as they are written, told with what each changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.listing import Listing, Page
from hub.procedures import rules
from hub.procedures.models import Procedure, ProcedureVersion

LISTING = Listing(
    ProcedureVersion,
    sorts={"number": ProcedureVersion.number},
    default_sort="-number",
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version with what it changed."""

    number: int
    said: Mapping[str, Any]
    changes: Mapping[str, str]
    author_id: UUID | None
    created_at: datetime


def said(procedure: Procedure) -> dict[str, Any]:
    """What people read of it, as versions keep it."""
    return {name: getattr(procedure, name) for name in rules.SAID}


def keep(session: Session, procedure: Procedure, author_id: UUID | None) -> None:
    """Keeps what the procedure says now as its version."""
    session.add(
        ProcedureVersion(
            organization_id=procedure.organization_id,
            procedure_id=procedure.id,
            number=procedure.version,
            said=said(procedure),
            author_id=author_id,
            created_at=procedure.reviewed_at,
        )
    )
    session.flush()


def of(session: Session, procedure_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of the procedure's versions, newest first."""
    ours = ProcedureVersion.organization_id == organization_of(session)
    page = LISTING.page(session, query, ours, ProcedureVersion.procedure_id == procedure_id)
    numbers = {each.number - 1 for each in page.items} | {each.number for each in page.items}
    known = {
        each.number: each.said
        for each in session.scalars(
            select(ProcedureVersion).where(
                ours, ProcedureVersion.procedure_id == procedure_id, ProcedureVersion.number.in_(numbers)
            )
        )
    }
    told = [
        Version(
            each.number,
            each.said,
            rules.difference(known.get(each.number - 1), each.said),
            each.author_id,
            each.created_at,
        )
        for each in page.items
    ]
    return Page(told, page.total, page.page, page.limit)
