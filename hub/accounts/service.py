"""Use cases of accounts: register, log in, log out."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.accounts import passwords, rules
from hub.accounts.models import LoginSession, Organization, User
from hub.contracts.errors import Invalid, Unauthenticated
from hub.database import enter_organization, new_id, now

_SESSION_DAYS = 7


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A user with the session that the login began."""

    user: User
    session_id: UUID


def register(session: Session, *, email: str, password: str, name: str, organization: str) -> LoggedIn:
    """Creates an organization with the caller as its owner. Raises Invalid for a weak password or a known address."""
    problems = rules.password_problems(password, rules.DEFAULT_SETTINGS["password_policy"])
    if problems:
        raise Invalid({"password": problems})
    is_first = session.execute(text("SELECT is_first_organization()")).scalar_one()
    organization_id = new_id()
    enter_organization(session, organization_id)
    slug = f"{rules.slug_of(organization)}-{secrets.token_hex(3)}"
    plan = "enterprise" if is_first else "free"
    session.add(Organization(id=organization_id, name=organization, slug=slug, plan=plan))
    user = User(
        organization_id=organization_id,
        email=email,
        name=name,
        password_hash=passwords.hash_password(password),
        role="owner",
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        raise Invalid({"email": ["An account with this address exists; log in instead."]}) from error
    return _begin_session(session, user)


def log_in(session: Session, email: str, password: str) -> LoggedIn:
    """Begins a session. Raises Unauthenticated: the same for an unknown address, a wrong password, a disabled user."""
    found = session.execute(text("SELECT * FROM find_login(:email)"), {"email": email}).one_or_none()
    is_right = passwords.is_right(password, found.password_hash if found else None)
    if found is None or not is_right or found.status != "active":
        raise Unauthenticated("The e-mail address or the password is wrong.")
    enter_organization(session, found.organization_id)
    user = session.get_one(User, (found.organization_id, found.user_id))
    return _begin_session(session, user)


def log_out(session: Session, session_id: UUID) -> None:
    """Ends the session: its tokens are refused from the commit on."""
    session.execute(update(LoginSession).where(LoginSession.id == session_id).values(revoked_at=now(session)))


def _begin_session(session: Session, user: User) -> LoggedIn:
    begun = LoginSession(
        organization_id=user.organization_id,
        id=new_id(),
        user_id=user.id,
        expires_at=now(session) + timedelta(days=_SESSION_DAYS),
    )
    session.add(begun)
    session.flush()
    return LoggedIn(user, begun.id)
