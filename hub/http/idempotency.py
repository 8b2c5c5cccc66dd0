"""Idempotency-Key: a POST that is sent again is carried out once, and answered again as it was the first time.

The key is stored in the transaction of the effect, so a crash in between leaves both or neither. The answer is stored
behind it, encrypted with a key that needs the client's own: it may carry a secret that is shown this once.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask, Response, current_app, g, request
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.contracts.errors import BadRequest, Conflict, Invalid

HEADER = "Idempotency-Key"
KEPT_HOURS = 24

_EXTENSION = "overwatch.idempotency_key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NONCE_BYTES = 12
_MINE = "organization_id = :organization_id AND user_id = :user_id AND key_hash = :key_hash"


class InFlight(Conflict):
    """The first request with this key has not been answered yet, or its answer was lost in a crash."""

    code = "idempotency_in_flight"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One request with a key: whose it is, and what it asks for."""

    owner: dict[str, Any]
    request_hash: bytes
    cipher: AESGCM


def install(app: Flask, secret: str) -> None:
    """Tells the app the secret that, with the client's key, encrypts stored answers."""
    app.extensions[_EXTENSION] = secret.encode()


def once(run: Callable[[], Response]) -> Response:
    """Carries out the POST, unless its key says that it has been. Raises Invalid, InFlight or BadRequest.

    Without a key, or without a caller whose key it could be, it is simply carried out. Errors are not stored: they
    had no effect, and the same key may try again.
    """
    key = request.headers.get(HEADER)
    caller = g.get("caller")
    if key is None or caller is None:
        return run()
    if not _KEY.fullmatch(key):
        raise BadRequest(f"{HEADER} is 1 to 255 visible ASCII characters.")
    attempt = _attempt(key, caller)
    session: Session = g.session  # the guard of the route has begun it
    stored = _begin(session, attempt)
    if stored is not None:
        return stored
    response = run()
    if response.status_code < 400:
        _store(session, attempt, response)
    return response


def _attempt(key: str, caller: Any) -> _Attempt:
    identity = f"{caller.organization_id}|{caller.user_id}|{key}".encode()
    asked = f"{request.method} {request.full_path}".encode()
    owner = {
        "organization_id": caller.organization_id,
        "user_id": caller.user_id,
        "key_hash": hashlib.sha256(identity).digest(),
    }
    cipher = AESGCM(hmac.digest(current_app.extensions[_EXTENSION], identity, "sha256"))
    return _Attempt(owner, hashlib.sha256(asked + b"\0" + g.get("raw_body", b"")).digest(), cipher)


def _begin(session: Session, attempt: _Attempt) -> Response | None:
    """The stored answer, or None when this is the first; its key is then in the open transaction."""
    lock = "SELECT pg_try_advisory_xact_lock(hashtextextended(encode(:key_hash, 'hex'), 0))"
    if not session.execute(text(lock), attempt.owner).scalar_one():
        raise _in_flight()
    expired = f"DELETE FROM idempotency_keys WHERE created_at < overwatch_now() - interval '{KEPT_HOURS} hours'"
    session.execute(text(expired))
    found = session.execute(text(f"SELECT * FROM idempotency_keys WHERE {_MINE}"), attempt.owner).one_or_none()
    if found is None:
        session.execute(
            text(
                "INSERT INTO idempotency_keys (organization_id, user_id, key_hash, request_hash)"
                " VALUES (:organization_id, :user_id, :key_hash, :request_hash)"
            ),
            attempt.owner | {"request_hash": attempt.request_hash},
        )
        return None
    if found.request_hash != attempt.request_hash:
        raise Invalid({HEADER: ["This key was used for another request."]})
    if found.answer is None:
        raise _in_flight()
    plain = attempt.cipher.decrypt(found.answer[:_NONCE_BYTES], found.answer[_NONCE_BYTES:], None)
    return Response(plain, found.status, {"Idempotency-Replayed": "true"}, content_type=found.content_type)


def _store(session: Session, attempt: _Attempt, response: Response) -> None:
    """Also where the view has committed nothing, and the key went with its transaction."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    session.execute(
        text(
            "INSERT INTO idempotency_keys"
            " (organization_id, user_id, key_hash, request_hash, status, content_type, answer)"
            " VALUES (:organization_id, :user_id, :key_hash, :request_hash, :status, :content_type, :answer)"
            " ON CONFLICT (organization_id, user_id, key_hash) DO UPDATE"
            " SET status = excluded.status, content_type = excluded.content_type, answer = excluded.answer"
        ),
        attempt.owner
        | {
            "request_hash": attempt.request_hash,
            "status": response.status_code,
            "content_type": response.content_type,
            "answer": nonce + attempt.cipher.encrypt(nonce, response.get_data(), None),
        },
    )
    session.commit()


def _in_flight() -> InFlight:
    return InFlight("The first request with this Idempotency-Key is not answered yet; see what it did, or try again.")
