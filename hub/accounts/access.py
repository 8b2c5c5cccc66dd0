"""Who is calling, and whether they may: every route declares `@requires(...)` or `@public`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import Flask, current_app, g
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.accounts import rules
from hub.contracts.errors import Forbidden, Unauthenticated
from hub.database import Database, enter_organization

PUBLIC = "public"

_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind the request."""

    organization_id: UUID
    user_id: UUID
    session_id: UUID
    role: str


def install(app: Flask, database: Database) -> None:
    """Gives the app its database, and closes each request's session."""
    app.extensions["overwatch.database"] = database
    app.teardown_appcontext(lambda _error: _close_session())


def requires(permission: str) -> Callable[[_View], _View]:
    """Only callers whose role has the permission; the session is then inside their organization."""

    def decorator(view: _View) -> _View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            caller = authenticate()
            if not rules.may(caller.role, permission):
                raise Forbidden(f"Your role {caller.role!r} does not have the permission {permission}.")
            return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]  # read by the test that every route declares one
        return cast(_View, guarded)

    return decorator


def public(view: _View) -> _View:
    """Anybody may call; said aloud, because silence means a failing test."""
    view.permission = PUBLIC  # type: ignore[attr-defined]
    return view


def authenticate() -> Caller:
    """The caller of this request. Raises Unauthenticated."""
    verify_jwt_in_request()
    session_id = UUID(get_jwt()["sid"])
    session = current_session()
    row = session.execute(text("SELECT * FROM find_session(:id)"), {"id": session_id}).one_or_none()
    if row is None:
        raise Unauthenticated("This session has ended; log in again.")
    enter_organization(session, row.organization_id)
    g.caller = Caller(row.organization_id, row.user_id, session_id, row.role)
    return cast(Caller, g.caller)


def caller() -> Caller:
    """The caller of a guarded route."""
    return cast(Caller, g.caller)


def database() -> Database:
    """The app's database."""
    return cast(Database, current_app.extensions["overwatch.database"])


def current_session() -> Session:
    """The request's one session; it sees no tenant until `authenticate` has let it in."""
    if "session" not in g:
        g.session = database().session()
    return cast(Session, g.session)


def _close_session() -> None:
    session: Session | None = g.pop("session", None)
    if session is not None:
        session.close()
