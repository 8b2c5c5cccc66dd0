"""Telling a platform's API: JSON out, and what its status means for the next attempt."""

import json
from collections.abc import Mapping
from typing import Any

from hub.contracts.connector import Http, Response
from hub.contracts.errors import Misconfigured, Unavailable

_LATER = frozenset({408, 425, 429})
_LONGEST_WAIT_SECONDS = 3_600


def send_json(
    http: Http, url: str, value: Any, *, headers: Mapping[str, str] | None = None, method: str = "POST"
) -> Response:
    """Sends the value as JSON; gives the answer, whose status is 2xx. Raises Unavailable or Misconfigured."""
    sent = {"Content-Type": "application/json"} | dict(headers or {})
    return expect_success(http.request(method, url, headers=sent, body=json.dumps(value).encode()))


def expect_success(response: Response) -> Response:
    """The answer itself. Raises Unavailable when a later attempt may succeed, Misconfigured when it cannot."""
    if 200 <= response.status < 300:
        return response
    if response.status in _LATER or response.status >= 500:
        raise Unavailable(f"The platform answered {response.status}.", _wait_seconds(response))
    raise Misconfigured(f"The platform answered {response.status}: it does not accept this address or credential.")


def _wait_seconds(response: Response) -> int:
    asked = response.headers.get("retry-after", "")
    return min(int(asked[:6]), _LONGEST_WAIT_SECONDS) if asked.isdecimal() else 5
