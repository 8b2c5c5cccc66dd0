"""Logging in: the same answer, work and time for an account that exists and for one that does not."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.accounts.models import User
from hub.accounts.passwords import hashing
from hub.accounts.sessions import rules, service
from hub.accounts.sessions.service import LoggedIn
from hub.contracts.errors import TooManyRequests, Unauthenticated
from hub.database import enter_organization, new_id


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that is counted, and what is known of the account, if there is one."""

    email: str
    organization_id: UUID | None
    user_id: UUID | None
    password_hash: str | None
    is_active: bool


def attempt(session: Session, email: str) -> Attempt:
    """Counts the login as failed until `finish` takes that back; commit before finishing.

    Raises TooManyRequests when the account or the sender's address is locked.
    """
    wait_seconds = session.execute(
        text("SELECT begin_login(:subjects, :limits, :lock_seconds, :longest_seconds)"),
        {
            "subjects": [rules.account_subject(email), rules.address_subject(audit.actor_of(session).address)],
            "limits": [rules.ACCOUNT_FAILURES, rules.ADDRESS_FAILURES],
            "lock_seconds": rules.LOCK_SECONDS,
            "longest_seconds": rules.LONGEST_LOCK_SECONDS,
        },
    ).scalar_one()
    if wait_seconds:
        raise TooManyRequests("Too many failed logins; wait, or set a new password.", wait_seconds)
    found = session.execute(text("SELECT * FROM find_login(:email)"), {"email": email}).one_or_none()
    if found is None:
        return Attempt(email, None, None, None, False)
    return Attempt(email, found.organization_id, found.user_id, found.password_hash, found.status == "active")


def finish(session: Session, begun: Attempt, password: str) -> LoggedIn | None:
    """Begins a session when the password is right and the user active; None when not. The caller commits both."""
    is_right = hashing.is_right(password, begun.password_hash)
    if not is_right or not begun.is_active or begun.organization_id is None:
        _note_failure(session, begun.email)
        return None
    enter_organization(session, begun.organization_id)
    session.execute(
        text("SELECT end_login(:account, :address)"),
        {
            "account": rules.account_subject(begun.email),
            "address": rules.address_subject(audit.actor_of(session).address),
        },
    )
    logged_in = service.begin(session, session.get_one(User, (begun.organization_id, begun.user_id)))
    audit.note(session, "sessions:create", logged_in.session_id)
    return logged_in


def unlock(session: Session, email: str) -> None:
    """Ends the lock of an account."""
    session.execute(text("SELECT unlock_login(:account)"), {"account": rules.account_subject(email)})


def refused() -> Unauthenticated:
    """The one answer to an unknown address, a wrong password and a disabled user."""
    return Unauthenticated("The e-mail address or the password is wrong.")


def _note_failure(session: Session, email: str) -> None:
    actor = audit.actor_of(session)
    session.execute(
        text("SELECT note_failed_login(:id, :email, :address, :user_agent, :request_id)"),
        {
            "id": new_id(),
            "email": email,
            "address": actor.address,
            "user_agent": actor.user_agent,
            "request_id": actor.request_id,
        },
    )
