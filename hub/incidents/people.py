"""The people around an incident: who may be assigned, who wrote, who is mentioned."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import User
from hub.contracts.errors import Invalid
from hub.database import organization_of
from hub.incidents.mentions import Mentionable


def check_assignable(session: Session, user_id: UUID | None) -> None:
    """Raises Invalid unless it is an active person of the organization, or nobody."""
    if user_id is None:
        return
    found = session.get(User, (organization_of(session), user_id))
    if found is None or found.status != "active":
        raise Invalid({"assignee": ["Not an active person of this organization."]})


def of(session: Session, user_ids: Collection[UUID]) -> dict[UUID, User]:
    """The people with these ids, in one statement."""
    if not user_ids:
        return {}
    found = session.scalars(select(User).where(User.organization_id == organization_of(session), User.id.in_(user_ids)))
    return {user.id: user for user in found}


def mentionable(session: Session) -> list[Mentionable]:
    """Everybody who can be told something."""
    rows = session.execute(
        select(User.id, User.name, User.email).where(
            User.organization_id == organization_of(session), User.status == "active"
        )
    )
    return [Mentionable(*row) for row in rows]
