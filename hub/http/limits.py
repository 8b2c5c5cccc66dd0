"""Rate limits: who is counted, what is left, and the headers that show the limit nearest to running out."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from limits import RateLimitItemPerMinute

from hub.contracts.errors import TooManyRequests
from hub.database import Database
from hub.http import rate_store
from hub.settings import Settings

_EXTENSION = "overwatch.limiter"
_AUTH_LIMIT = "AUTH_REQUESTS_PER_MINUTE"
_SCOPE = "requests"
_SLOTS = 2  # a person and the organization, or an address alone

_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests a minute for the subject, e.g. Allowance("user:0190…", 60)."""

    subject: str
    per_minute: int


def install(app: Flask, settings: Settings, database: Database) -> None:
    """Counts on Redis when the settings name one, else on our own Postgres."""
    uri = settings.rate_limit_url or f"{rate_store.SCHEME}://"
    options: dict[str, Any] = {} if settings.rate_limit_url else {"database": database, "wanted": _wanted}
    limiter = Limiter(get_remote_address, app=app, storage_uri=uri, storage_options=options)
    # it would look for limits of each view before the view runs; ours are counted by `admit` only
    limiter.request_filter(lambda: "allowances" not in g)
    app.config[_AUTH_LIMIT] = settings.auth_requests_per_minute
    app.extensions[_EXTENSION] = _Counter(limiter)
    app.after_request(_show)


def admit(*allowances: Allowance) -> None:
    """Counts this request once for each subject, in this order. Raises TooManyRequests at the first that is spent."""
    g.allowances = allowances
    try:
        _counter().count()
    except RateLimitExceeded as error:
        left = min(_windows(), key=lambda window: window.remaining)
        raise TooManyRequests(
            f"More than {left.amount} requests in a minute; wait until the limit starts anew.", left.seconds
        ) from error


def per_address(view: _View) -> _View:
    """Counts the route's requests by the caller's address: for routes that nobody has to be known for."""

    @wraps(view)
    def counted(*args: Any, **kwargs: Any) -> Any:
        address = f"{request.endpoint}:{get_remote_address()}"
        admit(Allowance(address, current_app.config[_AUTH_LIMIT]))
        return view(*args, **kwargs)

    counted.is_limited_per_address = True  # type: ignore[attr-defined]  # read by the OpenAPI document
    return cast(_View, counted)


class _Counter:
    """flask-limiter knows its limits before any request; each of these looks up for whom this request counts."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.count: Callable[[], None] = _admitted
        for number in range(_SLOTS):
            limit = limiter.shared_limit(partial(_text, number), scope=_SCOPE, key_func=partial(_subject, number))
            self.count = limit(self.count)


def _admitted() -> None:
    """What the limits are put around."""


@dataclass(frozen=True, slots=True)
class _Window:
    amount: int
    remaining: int
    reset_at: int

    @property
    def seconds(self) -> int:
        """Until it starts anew; 1 or more."""
        return max(1, math.ceil(self.reset_at - time.time()))


def _text(number: int) -> str:
    allowances: Sequence[Allowance] = g.get("allowances", ())
    return f"{allowances[number].per_minute} per minute" if number < len(allowances) else ""


def _subject(number: int) -> str:
    return cast(Sequence[Allowance], g.allowances)[number].subject


def _wanted() -> dict[str, int]:
    """How many requests each window allows that this one counts in, by the library's name for it."""
    limits = {allowance.subject: RateLimitItemPerMinute(allowance.per_minute) for allowance in g.allowances}
    return {limit.key_for(subject, _SCOPE): limit.amount for subject, limit in limits.items()}


def _counter() -> _Counter:
    return cast(_Counter, current_app.extensions[_EXTENSION])


def _windows() -> list[_Window]:
    limits = _counter().limiter.current_limits
    return [_Window(limit.limit.amount, limit.remaining, limit.reset_at) for limit in limits]


def _show(response: Response) -> Response:
    windows = _windows()
    if windows:
        left = min(windows, key=lambda window: window.remaining / window.amount)
        response.headers["X-RateLimit-Limit"] = str(left.amount)
        response.headers["X-RateLimit-Remaining"] = str(left.remaining)
        response.headers["X-RateLimit-Reset"] = str(left.reset_at)
    return response
