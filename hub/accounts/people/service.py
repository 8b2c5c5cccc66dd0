"""Use cases of people: find, change, remove, and help those who are locked out."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.accounts.credentials import Caller
from hub.accounts.mail import service as mail
from hub.accounts.models import Organization, User
from hub.accounts.people import rules
from hub.accounts.people.rules import Person
from hub.accounts.rules import ROLES
from hub.accounts.sessions import login
from hub.accounts.sessions import service as sessions
from hub.contracts.errors import Conflict, Forbidden, NotFound
from hub.database import organization_of
from hub.listing import Listing, Page, among, containing, created, ranked

LISTING = Listing(
    User,
    sorts={
        "created_at": User.created_at,
        "name": User.name,
        "email": User.email,
        "role": ranked(User.role, ROLES),
        "last_login_at": User.last_login_at,
    },
    filters={
        "role": among(User.role),
        "status": among(User.status),
        "q": containing(User.name, User.email),
        **created(User),
    },
)


def get(session: Session, user_id: UUID) -> User:
    """Raises NotFound, also for somebody of another organization."""
    found = session.get(User, (organization_of(session), user_id))
    if found is None:
        raise NotFound
    return found


def find(session: Session, query: Mapping[str, Any]) -> Page:
    """One page of the organization's people."""
    return LISTING.page(session, query)


def change(session: Session, caller: Caller, user_id: UUID, fields: Mapping[str, Any]) -> User:
    """Changes name, timezone, role or status. Raises NotFound, Forbidden or Conflict.

    Whoever is no longer active loses every session at once; API keys are refused by the same look at the status.
    """
    if user_id != caller.user_id and not caller.may("users:update"):
        raise Forbidden(f"Your role {caller.role!r} lets you change your own account only.")
    if rules.is_administrative(fields):
        lock_organization(session)
    user = get(session, user_id)
    target = _person(user)
    rules.check_change(Person(caller.user_id, caller.role), target, fields)
    if rules.is_loss_of_owner(target, fields):
        _keep_an_owner(session)
    changed = {name: value for name, value in fields.items() if getattr(user, name) != value}
    for name, value in changed.items():
        setattr(user, name, value)
    if user.status != "active":
        sessions.end_all(session, user.id)
    session.flush()
    audit.note(session, "users:update", user.id, **changed)
    return user


def deactivate(session: Session, caller: Caller, user_id: UUID) -> None:
    """The person can no longer log in; what they did stays. Raises NotFound, Forbidden or Conflict."""
    lock_organization(session)
    user = get(session, user_id)
    target = _person(user)
    rules.check_may_manage(Person(caller.user_id, caller.role), target.role)
    if rules.is_loss_of_owner(target, {"status": "inactive"}):
        _keep_an_owner(session)
    user.status = "inactive"
    sessions.end_all(session, user.id)
    audit.note(session, "users:delete", user.id)


def unlock(session: Session, caller: Caller, user_id: UUID) -> User:
    """Ends the lock after failed logins."""
    user = _managed(session, caller, user_id)
    login.unlock(session, user.email)
    audit.note(session, "users:unlock", user.id)
    return user


def send_reset(session: Session, caller: Caller, user_id: UUID) -> User:
    """Mails the person a token for a new password."""
    user = _managed(session, caller, user_id)
    if user.status == "pending":
        raise Conflict("This person has not accepted the invitation yet; invite them again.")
    mail.request(session, "reset", user.email)
    audit.note(session, "users:reset_password", user.id)
    return user


def revoke_sessions(session: Session, caller: Caller, user_id: UUID) -> int:
    """Ends every session of the person, and says how many there were."""
    user = _managed(session, caller, user_id)
    ended_count = sessions.end_all(session, user.id)
    audit.note(session, "users:revoke_sessions", user.id, sessions_ended=ended_count)
    return ended_count


def lock_organization(session: Session) -> Organization:
    """The organization, while nobody else can change who belongs to it.

    Taken before owners or seats are counted: two who come at once would otherwise both see one left.
    """
    mine = select(Organization).where(Organization.id == organization_of(session))
    return session.scalars(mine.with_for_update(key_share=True)).one()


def count(session: Session, *statuses: str, role: str | None = None) -> int:
    """How many people of the organization have one of the statuses, and the role if one is named."""
    wanted = select(func.count()).select_from(User).where(User.organization_id == organization_of(session))
    wanted = wanted.where(User.status.in_(statuses))
    return session.scalar(wanted.where(User.role == role) if role else wanted) or 0


def _managed(session: Session, caller: Caller, user_id: UUID) -> User:
    user = get(session, user_id)
    rules.check_may_manage(Person(caller.user_id, caller.role), user.role)
    return user


def _keep_an_owner(session: Session) -> None:
    if count(session, "active", role="owner") < 2:
        raise Conflict("This is the last owner; make somebody else an owner first.")


def _person(user: User) -> Person:
    return Person(user.id, user.role, user.status, user.password_hash is not None)
