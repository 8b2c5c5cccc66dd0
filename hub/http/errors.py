"""One error shape for everything that can go wrong."""

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, jsonify, request
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from hub.contracts.errors import OverwatchError
from hub.http.published import written

log = logging.getLogger(__name__)

_STORE_RETRY_SECONDS = 2
_NO_SUCH_PATH = "There is no such path; /docs lists them all."
_LOCATIONS = frozenset({"json", "query", "headers", "path", "form"})


def register(app: Flask) -> None:
    """Answers every exception in the one shape."""
    app.register_error_handler(OverwatchError, _known)
    app.register_error_handler(HTTPException, _from_framework)
    app.register_error_handler(OperationalError, _store_unavailable)
    app.register_error_handler(PoolTimeout, _store_unavailable)
    app.register_error_handler(Exception, _unforeseen)


def answer(status: int, message: str, code: str, /, **extra: Any) -> Response:
    """The error shape of the contract; `extra` adds `details` where there are any."""
    now = written(datetime.now(UTC))
    shape = {"error": message, "status_code": status, "timestamp": now, "path": request.path, "code": code}
    response = jsonify(shape | {"request_id": g.get("request_id", "")} | extra)
    response.status_code = status
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="overwatch"'
    return response


def _known(error: OverwatchError) -> Response:
    extra = {"details": error.details} if hasattr(error, "details") else {}
    response = answer(error.status, str(error), error.code, **extra)
    if hasattr(error, "retry_after_seconds"):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _from_framework(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    phrase = HTTPStatus(status).phrase
    messages = getattr(error, "data", {}).get("messages")
    if messages is not None:
        return answer(status, "Validation error", "validation_error", details=_by_field(messages))
    code = phrase.lower().replace(" ", "_")
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        allowed = ", ".join(sorted(error.valid_methods))
        response = answer(status, f"This method is not allowed here; use one of {allowed}.", code)
        response.headers["Allow"] = allowed
        return response
    message = _NO_SUCH_PATH if isinstance(error, NotFound) else error.description or phrase
    return answer(status, message, code)


def _store_unavailable(error: DBAPIError | PoolTimeout) -> Response:
    # the text of a driver's error may hold addresses and statements: it stays in the log
    log.warning("the database does not answer: %s", type(error).__name__)
    response = answer(503, "The store does not answer now; try again.", "unavailable")
    response.headers["Retry-After"] = str(_STORE_RETRY_SECONDS)
    return response


def _unforeseen(error: Exception) -> Response:
    if isinstance(error, IntegrityError):
        log.info("two requests wanted the same thing: %s", type(error.orig).__name__)
        return answer(409, "Another request has just changed the same thing; read it again.", "conflict")
    log.error("request %s failed", g.get("request_id", ""), exc_info=error)
    return answer(500, "Something went wrong here; it is logged under this request id.", "internal_error")


def _by_field(messages: Any) -> dict[str, list[str]]:
    """Webargs nests messages by where the value came from, marshmallow by field; the contract has field → messages."""
    if isinstance(messages, dict) and len(messages) == 1 and set(messages) <= _LOCATIONS:
        (messages,) = messages.values()
    return _flatten(messages)


def _flatten(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    if isinstance(messages, list):
        return {prefix or "_schema": [str(message) for message in messages]}
    if not isinstance(messages, dict):
        return {prefix or "_schema": [str(messages)]}
    flat: dict[str, list[str]] = {}
    for key, value in messages.items():
        for field, texts in _flatten(value, f"{prefix}.{key}" if prefix else str(key)).items():
            flat.setdefault(field, []).extend(texts)
    return flat
