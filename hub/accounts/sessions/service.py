"""Use cases of sessions: log in, continue, log out, end."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from hub.accounts.audit import service as audit
from hub.accounts.models import User
from hub.accounts.sessions.models import LoginSession, RefreshToken
from hub.accounts.sessions.rules import SESSION_DAYS
from hub.accounts.tokens import Claims
from hub.contracts.errors import NotFound
from hub.database import new_id, now, organization_of, remember_organization
from hub.listing import Listing, Page, created

LISTING = Listing(
    LoginSession,
    sorts={"created_at": LoginSession.created_at, "last_seen_at": LoginSession.last_seen_at},
    filters=created(LoginSession),
)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A user with a session and the refresh token that continues it."""

    user: User
    session_id: UUID
    refresh_token_id: UUID


def begin(session: Session, user: User) -> LoggedIn:
    """Begins a session of this user, who has just proved who it is; the session must be in the organization."""
    audit.become(session, user.id)
    actor = audit.actor_of(session)
    at = now(session)
    begun = LoginSession(
        organization_id=user.organization_id,
        id=new_id(),
        user_id=user.id,
        expires_at=at + timedelta(days=SESSION_DAYS),
        address=actor.address,
        user_agent=actor.user_agent,
    )
    session.add(begun)
    user.last_login_at = at
    session.flush()
    return LoggedIn(user, begun.id, _give_refresh_token(session, begun.id))


def refresh(session: Session, claims: Claims) -> LoggedIn | None:
    """Spends a refresh token and gives the next. None when the session has ended; the caller commits in either case,
    because a token that was spent before ends its session: whoever shows it has stolen it, or it was stolen from them.
    """
    organization_id = session.execute(
        text("SELECT organization_id FROM find_session(:session_id, :user_id)"),
        {"session_id": claims.session_id, "user_id": claims.user_id},
    ).scalar_one_or_none()
    if organization_id is None:
        return None
    remember_organization(session, organization_id)
    audit.become(session, claims.user_id)
    if not _spend(session, claims):
        session.execute(_ending(session, claims.user_id).where(LoginSession.id == claims.session_id))
        audit.note(session, "sessions:refresh", claims.session_id, result=audit.REFUSED, reason="token spent before")
        return None
    user = session.get_one(User, (organization_id, claims.user_id))
    _prolong(session, claims.session_id)
    return LoggedIn(user, claims.session_id, _give_refresh_token(session, claims.session_id))


def end(session: Session, user_id: UUID, session_id: UUID) -> None:
    """Ends one session of this user: its tokens are refused from the commit on. Raises NotFound."""
    ended = session.execute(
        _ending(session, user_id).where(LoginSession.id == session_id).returning(LoginSession.id)
    ).one_or_none()
    if ended is None:
        raise NotFound
    audit.note(session, "sessions:delete", session_id)


def end_all(session: Session, user_id: UUID) -> int:
    """Ends every session of this user, and says how many there were."""
    ended = session.execute(_ending(session, user_id).returning(LoginSession.id)).all()
    return len(ended)


def find(session: Session, user_id: UUID, query: Mapping[str, Any]) -> Page:
    """One page of the user's sessions that still stand."""
    mine = (LoginSession.user_id == user_id, *_standing(session))
    return LISTING.page(session, query, *mine)


def _ending(session: Session, user_id: UUID) -> Any:
    return (
        update(LoginSession)
        .where(LoginSession.organization_id == organization_of(session), LoginSession.user_id == user_id)
        .where(LoginSession.revoked_at.is_(None))
        .values(revoked_at=now(session))
    )


def _standing(session: Session) -> tuple[Any, ...]:
    return (LoginSession.revoked_at.is_(None), LoginSession.expires_at > now(session))


def _spend(session: Session, claims: Claims) -> bool:
    """One statement, so that of two who show the same token at once one comes too late."""
    spent = session.execute(
        update(RefreshToken)
        .where(
            RefreshToken.organization_id == organization_of(session),
            RefreshToken.session_id == claims.session_id,
            RefreshToken.jti_hash == _hash(claims.token_id),
            RefreshToken.spent_at.is_(None),
        )
        .values(spent_at=now(session))
        .returning(RefreshToken.id)
    )
    return spent.one_or_none() is not None


def _prolong(session: Session, session_id: UUID) -> None:
    found = session.scalars(
        select(LoginSession).where(
            LoginSession.organization_id == organization_of(session), LoginSession.id == session_id
        )
    ).one()
    at = now(session)
    found.expires_at = at + timedelta(days=SESSION_DAYS)
    found.last_seen_at = at


def _give_refresh_token(session: Session, session_id: UUID) -> UUID:
    token_id = uuid4()
    session.add(
        RefreshToken(
            organization_id=organization_of(session), id=new_id(), session_id=session_id, jti_hash=_hash(token_id)
        )
    )
    session.flush()
    return token_id


def _hash(token_id: UUID) -> bytes:
    return hashlib.sha256(token_id.bytes).digest()
