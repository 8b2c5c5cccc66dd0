"""Access and refresh tokens: flask-jwt-extended with a key per purpose and our 401."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Flask, Response
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token

from hub.http.errors import answer
from hub.settings import Secrets

ACCESS_SECONDS = 3_600
REFRESH_SECONDS = 7 * 24 * 3_600

_ISSUER = "overwatch"
_UNAUTHENTICATED = "unauthenticated"


class _RefreshSubject(str):
    """The user of a refresh token: the library tells its key loader the subject and nothing of the token's kind."""


def install(app: Flask, secrets: Secrets) -> None:
    """Configures the app to make and check tokens."""
    app.config.update(
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_TOKEN_LOCATION=["headers"],
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
    manager.unauthorized_loader(lambda reason: _refuse("Log in and send Authorization: Bearer <access token>."))
    manager.invalid_token_loader(lambda reason: _refuse("The token is not valid; log in again."))
    manager.expired_token_loader(lambda _header, _claims: _refuse("The token has expired; refresh it or log in again."))


def make_pair(user_id: UUID, session_id: UUID) -> dict[str, str]:
    """A new access token and the refresh token of its session."""
    claims = {"sid": str(session_id)}
    return {
        "access_token": create_access_token(str(user_id), additional_claims=claims),
        "refresh_token": create_refresh_token(_RefreshSubject(user_id), additional_claims=claims),
    }


def _kind(claims: dict[str, Any]) -> str:
    return "refresh" if claims.get("type") == "refresh" else "access"


def _refuse(message: str) -> Response:
    return answer(401, message, _UNAUTHENTICATED)
