"""The errors that an operation can answer, and the headers that answers carry."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.http.openapi.examples import MOMENT

Json = dict[str, Any]

_METHODS_WITH_BODY = frozenset({"post", "put", "patch", "delete"})
_CHANGES = frozenset({"put", "patch", "delete"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, with the view behind it."""

    path: str
    method: str
    view: Any
    document: Json
    is_alias: bool = False
    is_versioned: bool = False  # its path answers one object with its version

    @property
    def is_public(self) -> bool:
        """Whether nobody has to be known."""
        return bool(self.view.permission == "public")

    @property
    def is_counted(self) -> bool:
        """Whether its answers carry rate limits."""
        return not self.is_public or getattr(self.view, "is_limited_per_address", False)

    @property
    def takes_anything(self) -> bool:
        """Whether its body may be of any type."""
        return hasattr(self.view, "raw_limit_bytes")

    @property
    def raw_schema(self) -> Mapping[str, Any] | None:
        """Of a body that the view reads itself and needs."""
        found: Mapping[str, Any] | None = getattr(self.view, "raw_schema", None)
        return found

    @property
    def has_etag(self) -> bool:
        """Whether it answers one object with its version."""
        return hasattr(self.view, "reader")


@dataclass(frozen=True, slots=True)
class _Answer:
    name: str
    code: str
    message: str
    applies: Callable[[Operation], bool]


def _always(_operation: Operation) -> bool:
    return True


_ANSWERS: Mapping[int, _Answer] = {
    400: _Answer("BadRequest", "bad_request", "The body is not JSON: Expecting value at line 1, column 1.", _always),
    401: _Answer("Unauthenticated", "unauthenticated", "The token is not valid; log in again.", _always),
    403: _Answer(
        "Forbidden",
        "forbidden",
        "Your role 'viewer' does not have the permission incidents:create.",
        lambda operation: not operation.is_public or "auth" in operation.path,
    ),
    404: _Answer("NotFound", "not_found", "Not found", lambda operation: "{" in operation.path),
    409: _Answer(
        "Conflict",
        "conflict",
        "From closed an incident can only move to active.",
        lambda operation: operation.method in _METHODS_WITH_BODY and not operation.takes_anything,
    ),
    412: _Answer(
        "PreconditionFailed",
        "precondition_failed",
        "Somebody has changed this since; read it again, then repeat the change.",
        lambda operation: operation.is_versioned and operation.method in _CHANGES,
    ),
    413: _Answer(
        "TooLarge",
        "too_large",
        "The body is over the limit of 1000000 bytes.",
        lambda operation: operation.method in _METHODS_WITH_BODY,
    ),
    414: _Answer("UriTooLong", "uri_too_long", "The address is longer than 8192 characters.", _always),
    415: _Answer(
        "UnsupportedMediaType",
        "unsupported_media_type",
        "Send Content-Type: application/json.",
        lambda operation: operation.method in _METHODS_WITH_BODY,
    ),
    422: _Answer("Invalid", "validation_error", "Validation error", _always),
    429: _Answer(
        "TooManyRequests",
        "rate_limited",
        "More than 60 requests in a minute; wait until the limit starts anew.",
        lambda operation: operation.is_counted,
    ),
    431: _Answer("HeadersTooLarge", "headers_too_large", "More than 100 headers, or more than 32768 bytes.", _always),
    500: _Answer(
        "InternalError",
        "internal_error",
        "Something went wrong here; it is logged under this request id.",
        _always,
    ),
    503: _Answer("Unavailable", "unavailable", "The store does not answer now; try again.", _always),
}

_SECONDS = {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}
HEADERS: Json = {
    "X-RateLimit-Limit": {
        "description": "Requests a minute, of the limit nearest to running out: the caller's or the organization's",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Remaining": {"description": "What is left of it", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "When it starts anew, in UTC epoch seconds", "schema": {"type": "integer"}},
    "X-Request-Id": {"description": "Under which the request is logged", "schema": {"type": "string"}},
    "Retry-After": _SECONDS,
    "WWW-Authenticate": {"description": "How to authenticate", "schema": {"type": "string"}},
    "ETag": {"description": "Version of the object, for If-Match and If-None-Match", "schema": {"type": "string"}},
}
_OF_STATUS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")

ERROR_SCHEMA: Json = {
    "type": "object",
    "description": "The one shape of every error",
    "properties": {
        "error": {"type": "string", "description": "What went wrong, and what to do"},
        "status_code": {"type": "integer"},
        "timestamp": {"type": "string", "format": "date-time"},
        "path": {"type": "string"},
        "code": {"type": "string", "description": "Stable; for programs"},
        "request_id": {"type": "string"},
        "details": {
            "type": "object",
            "description": "What is wrong with each field",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["error", "status_code", "timestamp", "path", "code", "request_id"],
}


def responses() -> Json:
    """The error answers as reusable components."""
    return {each.name: _response(status, each) for status, each in _ANSWERS.items()}


def errors_of(operation: Operation) -> Iterator[tuple[str, Json]]:
    """The statuses of the errors that the operation can answer, with references to `responses`."""
    for status, each in _ANSWERS.items():
        if each.applies(operation):
            yield str(status), {"$ref": f"#/components/responses/{each.name}"}


def references(names: tuple[str, ...]) -> Json:
    """These headers, as references to `HEADERS`."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _response(status: int, answer: _Answer) -> Json:
    example: Json = {
        "error": answer.message,
        "status_code": status,
        "timestamp": MOMENT,
        "path": "/api/v1/incidents",
        "code": answer.code,
        "request_id": "4f1c2a9be07d6358",
    }
    if status == 422:
        example["details"] = {"title": ["Missing data for required field."]}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}}
    headers = references((*_OF_STATUS.get(status, ()), *LIMITS, "X-Request-Id"))
    return {"description": answer.name, "content": content, "headers": headers}
