"""The short way in for webhooks: what is plain is stored and answered before Flask, at a fraction of its cost.

The long way is the route `receive_webhook`: whatever is not plain goes there, and whatever is refused is refused there,
so the two differ in cost only. A hub that traces its requests takes the long way with all of them.
"""

import io
import json
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from hub import logs, telemetry
from hub.contracts import Delivery
from hub.deliveries import rules
from hub.deliveries.inbox import MESSAGE, Inbox
from hub.deliveries.service import Arrival
from hub.http.body import WEBHOOK_LIMIT_BYTES
from hub.http.front_door import headers_of_every_answer, tell
from hub.http.ids import to_public
from hub.integrations.rules import hash_token

RULE = "/api/v1/webhooks/<platform>/<integration_id>"
REFUSED = "overwatch.refused"
"""In the WSGI environment: the exception with which the short way ended, for the long way to tell."""

_PATH = re.compile(r"/api/v1/webhooks/([a-z0-9_-]{1,64})/int_([0-9a-f]{32})")
_QUERY = re.compile(r"[A-Za-z0-9_.~=&-]{0,2048}")
_LENGTH = re.compile(r"[0-9]{1,8}")
_METHODS = frozenset({"POST", "PUT"})
_UNPLAIN = frozenset({"HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"})
_MOST_HEADERS = 50
_LARGEST_HEADERS_BYTES = 16_384


class Express:
    """WSGI middleware around the app."""

    def __init__(self, app: WSGIApplication, inbox: Inbox) -> None:
        self._app = app
        self._inbox = inbox

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        begun, request_id = time.monotonic(), secrets.token_hex(8)
        place = None if telemetry.is_on() else _PATH.fullmatch(environ.get("PATH_INFO", ""))
        headers = _plain_headers(environ) if place else None
        if place is None or headers is None:
            return self._app(environ, start_response)
        length = int(headers["content-length"])
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        if len(body) != length:
            return self._app(environ, start_response)
        logs.begin(request_id=request_id)
        try:
            receipt = self._take(place[1], UUID(hex=place[2]), headers, environ["QUERY_STRING"], body)
        except Exception as error:  # noqa: BLE001  # the app knows how to tell each
            environ[REFUSED] = error
            return self._app(environ, start_response)
        answer = json.dumps({"data": receipt, "message": MESSAGE}).encode()
        about = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(answer))),
            ("X-Request-Id", request_id),
        ]
        dress = headers_of_every_answer(is_secure=environ["wsgi.url_scheme"] == "https")
        start_response("200 OK", [*about, *dress.items()])
        tell(environ["REQUEST_METHOD"], RULE, 200, begun)
        return [answer]

    def _take(
        self, platform: str, integration_id: UUID, headers: Mapping[str, str], query_string: str, body: bytes
    ) -> dict[str, Any]:
        # as werkzeug reads it: the first of a name counts
        query = dict(reversed(parse_qsl(query_string, keep_blank_values=True)))
        arrival = Arrival(
            integration_id=integration_id,
            platform=platform,
            token_hash=hash_token(rules.token_of(headers, query)),
            delivery=Delivery(body=body, headers=headers, query=query, received_at=datetime.now(UTC)),
        )
        accepted = self._inbox.take(arrival)
        return {
            "delivery_id": to_public("dlv", accepted.delivery_id),
            "duplicate": accepted.is_duplicate,
            "integration_id": to_public("int", integration_id),
        }


def _plain_headers(environ: WSGIEnvironment) -> dict[str, str] | None:
    """The headers by their names in lower case; None for a request that needs to be looked at more closely."""
    length = environ.get("CONTENT_LENGTH") or ""
    is_plain = (
        environ["REQUEST_METHOD"] in _METHODS
        and not environ.get("SCRIPT_NAME")
        and _QUERY.fullmatch(environ.get("QUERY_STRING", "")) is not None
        and _LENGTH.fullmatch(length) is not None
        and int(length) <= WEBHOOK_LIMIT_BYTES
        and _UNPLAIN.isdisjoint(environ)
    )
    if not is_plain:
        return None
    headers = {name[5:].replace("_", "-").lower(): environ[name] for name in environ if name.startswith("HTTP_")}
    if len(headers) > _MOST_HEADERS or sum(map(len, headers.values())) > _LARGEST_HEADERS_BYTES:
        return None
    headers["content-length"] = length
    if kind := environ.get("CONTENT_TYPE"):
        headers["content-type"] = kind
    return headers
