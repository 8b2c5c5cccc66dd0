"""Access and refresh tokens: flask-jwt-extended with a key per purpose and our 401.

An access token that has been checked is known until it expires: to check it again would say the same, and costs a
tenth of a short request. Whether its session still stands is asked of the database each time.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask, Response, current_app, request
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token, get_jwt
from flask_jwt_extended import verify_jwt_in_request as verify_access_token_in_request

from hub.contracts.errors import Unauthenticated
from hub.http.errors import answer
from hub.remembered import Remembered
from hub.settings import Secrets

ACCESS_SECONDS = 3_600
REFRESH_SECONDS = 7 * 24 * 3_600

_ISSUER = "overwatch"
_CHECKED = "overwatch.checked_tokens"
_MOST_CHECKED = 10_000
_REQUIRED = ("iss", "aud", "exp", "nbf", "iat", "sub", "jti", "typ", "sid")

_MISSING = "Log in and send Authorization: Bearer <access token>."
_BAD = "The token is not valid; log in again."
_EXPIRED = "The token has expired; refresh it or log in again."

# What a token that nobody of us has made can set off in the libraries, beside their own exceptions: a header or a body
# that is not an object, that is nested without end, or an id that is none.
_FORGERIES = (RecursionError, ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that has been checked says."""

    user_id: UUID
    session_id: UUID
    token_id: UUID
    expires_at: float  # epoch seconds


class _RefreshSubject(str):
    """The user of a refresh token: the library tells its key loader the subject and nothing of the token's kind."""


def install(app: Flask, secrets: Secrets) -> None:
    """Configures the app to make and check tokens."""
    app.extensions[_CHECKED] = Remembered[bytes, Claims](_MOST_CHECKED)
    app.config.update(
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_TOKEN_LOCATION=["headers"],
        JWT_COOKIE_CSRF_PROTECT=False,  # there are no cookies to protect
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=ACCESS_SECONDS),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(seconds=REFRESH_SECONDS),
        JWT_ENCODE_ISSUER=_ISSUER,
        JWT_DECODE_ISSUER=_ISSUER,
        JWT_ENCODE_AUDIENCE=_ISSUER,
        JWT_DECODE_AUDIENCE=_ISSUER,
    )
    manager = JWTManager(app)
    keys = {"access": secrets.access_token_key, "refresh": secrets.refresh_token_key}
    manager.decode_key_loader(lambda _header, claims: keys[_kind(claims)])
    manager.encode_key_loader(lambda subject: keys["refresh" if isinstance(subject, _RefreshSubject) else "access"])
    manager.unauthorized_loader(lambda _reason: _refuse(_MISSING))
    manager.invalid_token_loader(lambda _reason: _refuse(_BAD))
    manager.expired_token_loader(lambda _header, _claims: _refuse(_EXPIRED))
    for set_loader in (
        manager.revoked_token_loader,
        manager.needs_fresh_token_loader,
        manager.user_lookup_error_loader,
        manager.token_verification_failed_loader,
    ):
        set_loader(lambda _header, _claims: _refuse(_BAD))


def make_pair(user_id: UUID, session_id: UUID, refresh_token_id: UUID) -> dict[str, str]:
    """A new access token, and the refresh token that the session keeps under this id."""
    sid = str(session_id)
    refresh = {"sid": sid, "typ": "refresh", "jti": str(refresh_token_id)}
    return {
        "access_token": create_access_token(
            str(user_id), additional_claims={"sid": sid, "typ": "access", "jti": str(uuid4())}
        ),
        "refresh_token": create_refresh_token(_RefreshSubject(user_id), additional_claims=refresh),
    }


def read_access_token() -> Claims:
    """The claims of this request's access token. Raises Unauthenticated, or what the library's loaders answer."""
    checked: Remembered[bytes, Claims] = current_app.extensions[_CHECKED]
    shown = hashlib.sha256(request.environ.get("HTTP_AUTHORIZATION", "").encode("utf-8", "surrogatepass")).digest()
    known = checked.get(shown)
    if known is not None and time.time() < known.expires_at:
        return known
    _write_scheme_as_library_expects()
    try:
        verify_access_token_in_request()
        found = _claims(get_jwt(), "access")
    except _FORGERIES as error:
        raise Unauthenticated(_BAD) from error
    checked.put(shown, found)
    return found


def read_refresh_token(token: str) -> Claims:
    """The claims of a refresh token. Raises as read_access_token does."""
    try:
        return _claims(decode_token(token), "refresh")
    except _FORGERIES as error:
        raise Unauthenticated(_BAD) from error


def _write_scheme_as_library_expects() -> None:
    """The scheme counts in either case (RFC 9110, 11.1), and login itself calls it "bearer"; the library knows one."""
    scheme, space, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer{space}{token}"


def _claims(found: Mapping[str, Any], kind: str) -> Claims:
    """Raises Unauthenticated for a claim that is missing and for a token of another kind."""
    if any(found.get(name) is None for name in _REQUIRED) or {found["typ"], found["type"]} != {kind}:
        raise Unauthenticated(_BAD)
    return Claims(UUID(found["sub"]), UUID(found["sid"]), UUID(found["jti"]), float(found["exp"]))


def _kind(claims: Mapping[str, Any]) -> str:
    return "refresh" if claims.get("type") == "refresh" else "access"


def _refuse(message: str) -> Response:
    return answer(401, message, Unauthenticated.code)
