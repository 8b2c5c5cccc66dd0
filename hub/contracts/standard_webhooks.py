"""Standard Webhooks (standardwebhooks.com): what its senders sign, under its own header names and those of Svix."""

import base64
from collections.abc import Mapping
from datetime import datetime

from hub.contracts.signing import check_signature, check_signing_time

_PREFIXES = ("webhook", "svix")
_SECRET_PREFIX = "whsec_"  # noqa: S105  # what a secret begins with


def is_standard_webhook(headers: Mapping[str, str]) -> bool:
    """Whether the lower-case headers have a signature of this scheme."""
    return any(f"{prefix}-signature" in headers for prefix in _PREFIXES)


def message_id(headers: Mapping[str, str]) -> str:
    """The sender's id of the message, equal over its retries; "" without one."""
    return _header(headers, "id")


def check_standard_webhook(headers: Mapping[str, str], body: bytes, secret: str, received_at: datetime) -> None:
    """Accepts a body that one of the signatures `v1,<base64>` covers with its id and time. Raises Untrusted.

    The time must be within 5 minutes of the arrival. `secret` is `whsec_` and base64, or any other text as it is.
    """
    signed_at = _header(headers, "timestamp")
    check_signing_time(signed_at, received_at)
    message = f"{message_id(headers)}.{signed_at}.".encode() + body
    signatures = _header(headers, "signature")
    check_signature(signatures, message, _key(secret), prefix="v1,", separator=" ", encoding="base64")


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((headers[f"{prefix}-{name}"] for prefix in _PREFIXES if f"{prefix}-{name}" in headers), "")


def _key(secret: str) -> bytes:
    if not secret.startswith(_SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError:
        return secret.encode()
