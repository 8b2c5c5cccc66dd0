"""What happens to every request before a route sees it, and to every answer before it leaves."""

import re
import secrets
import time
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import MethodNotAllowed

from hub import logs
from hub.contracts.errors import BadRequest, HeadersTooLarge, NotFound, TargetTooLong, WrongMediaType
from hub.http import body, conventions, declared, errors, idempotency

LONGEST_TARGET = 8_192
LARGEST_HEADERS_BYTES = 32_768
MOST_HEADERS = 100

_PATHS = "overwatch.paths"
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
    "Cache-Control": "no-store",
}
_OVER_TLS = _SECURITY_HEADERS | {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def install(app: Flask, secret: str) -> None:
    """Puts the front door before the app's routes; call it when all of them are there."""
    app.before_request(_admit)
    app.after_request(_dress)
    app.extensions[_PATHS] = _methods_by_path(app)
    errors.register(app)
    idempotency.install(app, secret)
    conventions.install(app)


def _methods_by_path(app: Flask) -> dict[str, set[str]]:
    """The methods of every path without arguments."""
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if not rule.arguments:
            found.setdefault(rule.rule, set()).update(rule.methods or ())
    return found


def _admit() -> None:
    g.request_id, g.begun = secrets.token_hex(8), time.monotonic()
    logs.begin(request_id=g.request_id)
    _check_target()
    _check_headers()
    _check_method()
    if request.url_rule is None or request.method == "OPTIONS":
        return
    if request.method in _WITHOUT_BODY:
        _refuse_body()
    elif (limit_bytes := declared.raw_limit_bytes(current_app)) is not None:
        g.body = body.read(request, limit_bytes)
        g.has_read_body = True
        g.has_read_query = declared.takes_any_query(current_app)
    else:
        _read_json()


def _check_method() -> None:
    """`/users/me` is no user's id: a method that only the rule with the id has is not one of this path."""
    allowed = current_app.extensions[_PATHS].get(request.path)
    if allowed and request.url_rule and request.url_rule.arguments and request.method != "OPTIONS":
        raise MethodNotAllowed(sorted(allowed))


def _check_target() -> None:
    """Routing has unescaped the path already; what it put there is looked at, and the query as it came."""
    query = request.query_string
    path = request.environ.get("PATH_INFO", "").encode("latin-1", "replace")
    if len(query) + len(path) > LONGEST_TARGET:
        raise TargetTooLong(f"The address is longer than {LONGEST_TARGET} characters.")
    if _BROKEN_ESCAPE.search(query) or not _is_text(unquote_to_bytes(query)) or not _is_text(path):
        raise BadRequest("The address holds an escape that is not UTF-8.")
    if b"\0" in path:
        raise NotFound


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_headers() -> None:
    sizes = [len(name) + len(value) for name, value in request.headers.items()]
    if len(sizes) > MOST_HEADERS or sum(sizes) > LARGEST_HEADERS_BYTES:
        raise HeadersTooLarge(f"More than {MOST_HEADERS} headers, or more than {LARGEST_HEADERS_BYTES} bytes of them.")


def _refuse_body() -> None:
    if request.content_length or "Transfer-Encoding" in request.headers:
        raise BadRequest(f"{request.method} takes no body.")


def _read_json() -> None:
    raw = body.read(request, body.API_LIMIT_BYTES)
    if not raw:
        return
    g.raw_body = raw
    names = declared.form_names(current_app)
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype == _JSON and charset in {"utf-8", "utf8"}:
        g.json = body.parse_json(raw)
    elif request.mimetype == _FORM and names:
        g.json = {names.get(name, name): value for name, value in body.parse_form(raw)}
    else:
        raise WrongMediaType(f"Send Content-Type: {_JSON}.")


def _dress(response: Response) -> Response:
    allowed = current_app.extensions[_PATHS].get(request.path)
    if allowed and "Allow" in response.headers:  # the library adds the methods of a rule with an id that fits too
        response.headers["Allow"] = ", ".join(sorted(allowed))
    response.headers["X-Request-Id"] = g.get("request_id", "")
    for name, value in headers_of_every_answer(is_secure=request.is_secure).items():
        response.headers.setdefault(name, value)
    rule = request.url_rule.rule if request.url_rule else None
    tell(request.method, rule, response.status_code, g.get("begun", time.monotonic()))
    return response


def tell(method: str, rule: str | None, status: int, begun: float) -> None:
    """The route and not the address: an address may hold a token, and a search what somebody looks for."""
    milliseconds = round((time.monotonic() - begun) * 1000, 1)
    logs.tell("request", method=method, route=rule, status=status, milliseconds=milliseconds)


def headers_of_every_answer(*, is_secure: bool) -> Mapping[str, str]:
    """What browsers are told with each answer."""
    return _OVER_TLS if is_secure else _SECURITY_HEADERS
