"""Who is calling, and whether they may: every route declares `@requires(...)` or `@public`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import Flask, current_app, g, request
from sqlalchemy.orm import Session

from hub import logs
from hub.accounts import credentials, tokens
from hub.accounts.audit import service as audit
from hub.accounts.credentials import Caller
from hub.accounts.organizations.plans import Plans
from hub.contracts.errors import BadRequest, Forbidden
from hub.database import Database
from hub.http import limits
from hub.http.ids import to_public
from hub.http.limits import Allowance

__all__ = ["Caller", "authenticate", "caller", "current_session", "database", "install", "plans", "public", "requires"]

PUBLIC = "public"

_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_USER_AGENT = 300

_View = TypeVar("_View", bound=Callable[..., Any])


def install(app: Flask, database: Database, plans: Plans) -> None:
    """Gives the app its database and its plans, and closes each request's session."""
    app.extensions["overwatch.database"] = database
    app.extensions["overwatch.plans"] = plans
    app.teardown_appcontext(lambda _error: _close_session())


def requires(permission: str, *, budget: str = "") -> Callable[[_View], _View]:
    """Only callers with the permission; the session is then inside their organization.

    A `budget` of its own has the plan's limits too, and leaves the requests that all other routes share alone.

    A permission that ends in `_own` lets in those who have it for their own things only: the use case then asks
    `caller().may(…)` for the whole one. What is refused, here or by the use case with Forbidden, is noted.
    """

    def decorator(view: _View) -> _View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            found = authenticate()
            limits.admit(*_allowances(found, budget))
            session = current_session()
            subject_id = _subject_id()
            try:
                found.demand(permission)
                if _is_change(permission):
                    audit.announce(session, permission, subject_id)
                answer = view(*args, **kwargs)
                if not _is_change(permission):
                    session.commit()  # with a rollback psycopg would forget the statements it has prepared
                return answer
            except Forbidden as error:
                session.rollback()
                audit.note(session, permission, subject_id, result=audit.REFUSED, reason=str(error))
                session.commit()
                raise

        guarded.permission = permission  # type: ignore[attr-defined]  # read by the test that every route declares one
        return cast(_View, guarded)

    return decorator


def public(view: _View) -> _View:
    """Anybody may call; said aloud, because silence means a failing test."""
    view.permission = PUBLIC  # type: ignore[attr-defined]
    return view


def authenticate() -> Caller:
    """The caller of this request. Raises Unauthenticated, and BadRequest for two credentials at once."""
    key = request.headers.get("X-API-Key")
    if key is not None and "Authorization" in request.headers:
        raise BadRequest("Send either Authorization or X-API-Key, not both.")
    session = current_session()
    if key is None:
        found = credentials.by_session(session, plans(), tokens.read_access_token())
    else:
        found = credentials.by_api_key(session, plans(), key, request.remote_addr or "")
    g.caller = found
    logs.learn(organization_id=to_public("org", found.organization_id))
    return found


def caller() -> Caller:
    """The caller of a guarded route."""
    return cast(Caller, g.caller)


def database() -> Database:
    """The app's database."""
    return cast(Database, current_app.extensions["overwatch.database"])


def plans() -> Plans:
    """What each plan allows on this hub."""
    return cast(Plans, current_app.extensions["overwatch.plans"])


def current_session() -> Session:
    """The request's one session; it sees no tenant until `authenticate` has let it in."""
    if "session" not in g:
        g.session = database().session()
        audit.introduce(g.session, _anonymous())
    return cast(Session, g.session)


def _allowances(found: Caller, budget: str) -> list[Allowance]:
    """The person first: who is stopped there takes nothing from the organization."""
    wanted = (
        (f"{budget}user:{found.user_id}", found.limits.user_requests_per_minute),
        (f"{budget}organization:{found.organization_id}", found.limits.organization_requests_per_minute),
    )
    return [Allowance(subject, per_minute) for subject, per_minute in wanted if per_minute is not None]


def _is_change(permission: str) -> bool:
    """A POST that only reads, a search, is none."""
    return request.method not in _HARMLESS and not permission.endswith(":read")


def _anonymous() -> audit.Actor:
    return audit.Actor(
        kind="anonymous",
        address=request.remote_addr or "",
        user_agent=(request.user_agent.string or "").replace("\0", "")[:_LONGEST_USER_AGENT],
        request_id=g.get("request_id", ""),
    )


def _subject_id() -> UUID | None:
    """The object that the path names, whatever its kind; it need not exist."""
    for text in (request.view_args or {}).values():
        try:
            return UUID(hex=str(text).partition("_")[2])
        except ValueError:
            continue
    return None


def _close_session() -> None:
    session: Session | None = g.pop("session", None)
    if session is not None:
        session.close()
