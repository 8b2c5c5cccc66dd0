"""Use cases of procedures: write, find, change, delete, read the versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts.audit import service as audit
from hub.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from hub.database import new_id, now, organization_of
from hub.listing import Listing, Page, among, containing, created, overlapping
from hub.procedures import markdown, rules, versions
from hub.procedures.models import Procedure

LISTING = Listing(
    Procedure,
    sorts={
        "created_at": Procedure.created_at,
        "updated_at": Procedure.updated_at,
        "title": Procedure.title,
        "status": Procedure.status,
        "execution_count": Procedure.execution_count,
    },
    filters={
        "status": among(Procedure.status),
        "kind": among(Procedure.kind),
        "category": among(Procedure.category),
        "tag": overlapping(Procedure.tags),
        "severity": overlapping(Procedure.severities),
        "service": overlapping(Procedure.services),
        "q": containing(Procedure.title, Procedure.description, Procedure.category),
        **created(Procedure),
    },
)


@dataclass(frozen=True, slots=True)
class Editor:
    """Who writes; `may_change_all` is False for those who may change their own procedures only."""

    user_id: UUID
    may_change_all: bool


def write(session: Session, author_id: UUID | None, *, status: str = "published", **fields: Any) -> Procedure:
    """A new procedure. Without `steps` they are derived from `content`."""
    at = now(session)
    procedure = Procedure(
        organization_id=organization_of(session),
        id=new_id(),
        author_id=author_id,
        status=status,
        created_at=at,
        updated_at=at,
        reviewed_at=at,
        published_at=at if status == "published" else None,
        version=1,
        execution_count=0,
        success_count=0,
        failure_count=0,
        **_complete({**_EMPTY, **fields}, fields.get("steps")),
    )
    session.add(procedure)
    session.flush()
    versions.keep(session, procedure, author_id)
    audit.note(session, "procedures:create", procedure.id, title=procedure.title)
    index(session, [procedure.id])
    return procedure


def get(session: Session, procedure_id: UUID) -> Procedure:
    """Raises NotFound."""
    found = session.get(Procedure, (organization_of(session), procedure_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of procedures."""
    return LISTING.page(session, query)


def change(session: Session, procedure_id: UUID, editor: Editor, fields: Mapping[str, Any]) -> Procedure:
    """Changes the given fields; what people read gets a new version.

    Raises Conflict for a move the status does not allow, Forbidden for somebody else's procedure.
    """
    procedure = _get_for_change(session, procedure_id, editor)
    wanted = dict(fields)
    at = now(session)
    status = wanted.pop("status", procedure.status)
    if status != procedure.status:
        _move(procedure, status, at)
    before = versions.said(procedure)
    own_steps = wanted.get("steps", procedure.steps if procedure.has_own_steps else None)
    for name, value in _complete(before | wanted, own_steps).items():
        setattr(procedure, name, value)
    if versions.said(procedure) != before:
        procedure.version += 1
        procedure.reviewed_at = at
        versions.keep(session, procedure, editor.user_id)
    procedure.updated_at = at
    session.flush()
    audit.note(session, "procedures:update", procedure.id, fields=sorted(fields), version=procedure.version)
    index(session, [procedure.id])
    return procedure


def delete(session: Session, procedure_id: UUID) -> None:
    """Its versions go with it, and search forgets it in the same transaction; its executions stay."""
    procedure = get(session, procedure_id)
    audit.note(session, "procedures:delete", procedure.id, title=procedure.title, status=procedure.status)
    session.delete(procedure)
    session.flush()
    # search has forgotten it already; a worker that was just indexing it may have written it anew
    index(session, [procedure_id])


def index(session: Session, procedure_ids: Sequence[UUID]) -> None:
    """Leaves it to the workers to bring search up to date."""
    outbox.enqueue(session, "index", "procedure", procedure_ids)


_EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(("description", "content", "category", "source_url"), ""),
    **dict.fromkeys(("tags", "severities", "services", "variables"), ()),
    "kind": "manual",
}


def _complete(fields: Mapping[str, Any], own_steps: Sequence[dict[str, Any]] | None) -> dict[str, Any]:
    """The fields with their steps, derived from the text where nobody gave them, and all variables of their commands.

    Raises Invalid for a variable that is declared twice.
    """
    _refuse_doubles(fields["variables"])
    steps = _derived(fields["content"], fields["title"]) if own_steps is None else own_steps
    return {
        **{name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()},
        "steps": [_step(step["title"]) | step for step in steps],
        "has_own_steps": own_steps is not None,
        "variables": rules.declared(fields["variables"], steps),
    }


def _derived(content: str, title: str) -> list[dict[str, Any]]:
    found = markdown.steps_of(content, title) if content.strip() else []
    return [_step(each.title, each.instructions, each.command) for each in found]


def _step(title: str, instructions: str = "", command: str = "") -> dict[str, Any]:
    return {
        "title": title,
        "instructions": instructions,
        "command": command or None,
        "expected": None,
        "requires_approval": False,
        "estimated_minutes": None,
    }


def _refuse_doubles(variables: Sequence[Mapping[str, Any]]) -> None:
    names = [each["name"] for each in variables]
    if len(set(names)) != len(names):
        raise Invalid({"variables": ["Each variable can be declared once."]})


def _move(procedure: Procedure, status: str, at: datetime) -> None:
    allowed = rules.MOVES[procedure.status]
    if status not in allowed:
        raise Conflict(f"From {procedure.status} a procedure can only move to {' or '.join(sorted(allowed))}.")
    procedure.status = status
    procedure.archived_at = at if status == "archived" else None
    if status == "published":
        procedure.published_at = procedure.reviewed_at = at


def _get_for_change(session: Session, procedure_id: UUID, editor: Editor) -> Procedure:
    found = session.scalar(
        select(Procedure)
        .where(Procedure.organization_id == organization_of(session), Procedure.id == procedure_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound
    if not editor.may_change_all and found.author_id != editor.user_id:
        raise Forbidden("This procedure is somebody else's: to change it needs the permission procedures:update.")
    return found
