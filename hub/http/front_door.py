"""What happens to every request before a route sees it, and to every answer before it leaves."""

import secrets

from flask import Flask, Response, g, request

from hub.contracts.errors import WrongMediaType
from hub.http import body, errors

WEBHOOK_PREFIX = "/api/v1/webhooks/"
_JSON = "application/json"

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def install(app: Flask) -> None:
    """Puts the front door before the app's routes."""
    app.before_request(_admit)
    app.after_request(_dress)
    errors.register(app)


def _admit() -> None:
    g.request_id = secrets.token_hex(8)
    if request.url_rule is None or request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if request.path.startswith(WEBHOOK_PREFIX):
        g.body = body.read(request, body.WEBHOOK_LIMIT_BYTES)
        return
    raw = body.read(request, body.API_LIMIT_BYTES)
    if not raw:
        return
    if request.mimetype != _JSON:
        raise WrongMediaType(f"Send Content-Type: {_JSON}.")
    g.json = body.parse_json(raw)


def _dress(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
