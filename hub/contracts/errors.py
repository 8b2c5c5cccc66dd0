"""The one tree of exceptions: each class means one HTTP answer, or one retry rule in the workers."""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class OverwatchError(Exception):
    """Something went wrong that has a name; the message says what to do next and never carries a secret."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"


# --- what a connector may raise -------------------------------------------------------------------------------------


class Untrusted(OverwatchError):
    """The sender did not prove who it is: 401, nothing is stored."""

    status = 401
    code = "untrusted"


class Malformed(OverwatchError):
    """The body is not what the platform documents; names the field. The delivery ends `dead` and can be replayed."""

    status = 422
    code = "malformed"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class Unsupported(OverwatchError):
    """An event kind that is ignored on purpose; the message is the rule's name. The delivery ends `ignored`."""

    status = 200
    code = "ignored"


class Unconfirmed(Unsupported):
    """The platform asks whether it may send here: the delivery is ignored, and a worker calls `confirm`."""


class Unavailable(OverwatchError):
    """A service does not answer now: 503 with Retry-After, or a later retry by the worker."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Misconfigured(OverwatchError):
    """A setting or an integration's config cannot work; retrying will not help until a person changes it."""

    status = 422
    code = "misconfigured"


# --- what the hub answers -------------------------------------------------------------------------------------------


class BadRequest(OverwatchError):
    """The request cannot be read."""

    status = 400
    code = "bad_request"


class Unauthenticated(OverwatchError):
    """No valid credential."""

    status = 401
    code = "unauthenticated"


class Forbidden(OverwatchError):
    """The caller is known but lacks the permission, which the message names."""

    status = 403
    code = "forbidden"


class NotFound(OverwatchError):
    """Missing, foreign and malformed ids look alike."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "Not found") -> None:
        super().__init__(message)


class Conflict(OverwatchError):
    """The object's state does not allow this; the message names what is allowed."""

    status = 409
    code = "conflict"


class StaleVersion(OverwatchError):
    """If-Match no longer holds: read again, then repeat the change."""

    status = 412
    code = "precondition_failed"


class TooLarge(OverwatchError):
    """The body passes a documented limit."""

    status = 413
    code = "too_large"


class TargetTooLong(OverwatchError):
    """The address passes a documented limit."""

    status = 414
    code = "uri_too_long"


class HeadersTooLarge(OverwatchError):
    """The headers pass a documented limit."""

    status = 431
    code = "headers_too_large"


class WrongMediaType(OverwatchError):
    """The body is not JSON."""

    status = 415
    code = "unsupported_media_type"


class Invalid(OverwatchError):
    """Well-formed but not acceptable; `details` maps each field to its messages."""

    status = 422
    code = "validation_error"

    def __init__(self, details: Mapping[str, Sequence[str]], message: str = "Validation error") -> None:
        super().__init__(message)
        self.details = {field: list(messages) for field, messages in details.items()}


class TooManyRequests(OverwatchError):
    """A rate limit or a lockout is spent."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
