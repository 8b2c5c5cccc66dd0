"""Routes of /auth: log in, refresh, log out, sessions."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from hub.accounts import access, tokens
from hub.accounts.rules import OWN_ACCOUNT
from hub.accounts.sessions import login as logins
from hub.accounts.sessions import service
from hub.accounts.sessions.models import LoginSession
from hub.accounts.sessions.schemas import (
    LoginSchema,
    LogoutSchema,
    RefreshedSchema,
    RefreshSchema,
    SessionQuery,
    SessionSchema,
    TokensSchema,
)
from hub.accounts.sessions.service import LoggedIn
from hub.contracts.errors import Unauthenticated
from hub.http import limits
from hub.http.blueprint import JsonBlueprint
from hub.http.declared import takes_form
from hub.http.ids import from_public
from hub.listing import Page

blp = JsonBlueprint("sessions", __name__, url_prefix="/api/v1/auth", description="Logging in and out")


@blp.route("/login", methods=["POST"])
@takes_form(username="email")
@access.public
@limits.per_address
@blp.arguments(LoginSchema)
@blp.response(200, TokensSchema)
def log_in(credentials: dict[str, Any]) -> dict[str, Any]:
    """Log in with e-mail address and password"""
    session = access.current_session()
    attempt = logins.attempt(session, credentials["email"])
    session.commit()
    logged_in = logins.finish(session, attempt, credentials["password"])
    session.commit()
    return shown(logged_in or _raise(logins.refused()))


@blp.route("/refresh", methods=["POST"])
@access.public
@limits.per_address
@blp.arguments(RefreshSchema)
@blp.response(200, RefreshedSchema)
def refresh(body: dict[str, Any]) -> dict[str, Any]:
    """Get new tokens; the refresh token is spent, and showing it again ends the session"""
    session = access.current_session()
    continued = service.refresh(session, tokens.read_refresh_token(body["refresh_token"]))
    session.commit()
    return shown(continued or _raise(Unauthenticated("This session has ended; log in again.")))


@blp.route("/logout", methods=["POST"])
@access.requires(OWN_ACCOUNT)
@blp.arguments(LogoutSchema)
@blp.response(204)
def log_out(_body: dict[str, Any]) -> None:
    """End this session: its access and refresh tokens are refused from now on"""
    session = access.current_session()
    service.end(session, access.caller().user_id, _current())
    session.commit()


@blp.route("/sessions", methods=["GET"])
@access.requires(OWN_ACCOUNT)
@blp.arguments(SessionQuery, location="query")
@blp.page(SessionSchema)
def list_sessions(query: dict[str, Any]) -> Page:
    """List the own sessions that still stand"""
    page = service.find(access.current_session(), access.caller().user_id, query)
    return replace(page, items=[_shown_session(each) for each in page.items])


@blp.route("/sessions/<session_id>", methods=["DELETE"])
@access.requires(OWN_ACCOUNT)
@blp.response(204)
def end_session(session_id: str) -> None:
    """End one of the own sessions"""
    session = access.current_session()
    service.end(session, access.caller().user_id, from_public("sess", session_id))
    session.commit()


def shown(logged_in: LoggedIn) -> dict[str, Any]:
    """The published answer to a login."""
    pair = tokens.make_pair(logged_in.user.id, logged_in.session_id, logged_in.refresh_token_id)
    return {**pair, "token_type": "bearer", "expires_in": tokens.ACCESS_SECONDS, "user": logged_in.user}


def _shown_session(found: LoginSession) -> dict[str, Any]:
    names = ("id", "address", "user_agent", "created_at", "last_seen_at", "expires_at")
    return {name: getattr(found, name) for name in names} | {"is_current": found.id == _current()}


def _current() -> UUID:
    """The session of a caller who has one: no API key is let in here."""
    session_id = access.caller().session_id
    return session_id or _raise(Unauthenticated("Log in; an API key has no session."))


def _raise(error: Unauthenticated) -> Any:
    raise error
