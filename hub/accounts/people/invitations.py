"""Inviting people: a pending user who holds a seat, and a mail."""

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.accounts.credentials import Caller
from hub.accounts.mail import service as mail
from hub.accounts.models import User
from hub.accounts.people import rules, service
from hub.accounts.people.rules import Person
from hub.contracts.errors import Conflict, Invalid
from hub.database import new_id, organization_of

SEATED = ("pending", "active", "suspended")


def invite(session: Session, caller: Caller, *, email: str, name: str, role: str) -> User:
    """Somebody whose invitation waits, or was deleted, is invited anew.

    Raises Forbidden for an owner invited by others, Conflict when the plan has no seat left, Invalid for an address
    that has an account.
    """
    rules.check_may_manage(Person(caller.user_id, caller.role), role)
    service.lock_organization(session)
    user = _invited_before(session, email)
    if user is None or user.status == "inactive":
        _check_seat(session, caller.limits.users)
    if user is None:
        user = User(organization_id=organization_of(session), id=new_id(), email=email)
        session.add(user)
    user.name, user.role, user.status = name, role, "pending"
    try:
        session.flush()
    except IntegrityError as error:
        raise Invalid({"email": ["An account with this address exists."]}) from error
    mail.request(session, "invite", email)
    audit.note(session, "users:create", user.id, email=email, role=role)
    return user


def _invited_before(session: Session, email: str) -> User | None:
    return session.scalars(
        select(User).where(
            User.organization_id == organization_of(session),
            func.lower(User.email) == email.lower(),
            User.password_hash.is_(None),
        )
    ).one_or_none()


def _check_seat(session: Session, most: int | None) -> None:
    if most is not None and service.count(session, *SEATED) >= most:
        raise Conflict(f"The plan has {most} seats and all are taken; choose a larger plan or remove somebody.")
