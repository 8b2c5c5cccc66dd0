"""Webhooks of our own, signed by the Standard Webhooks specification (standardwebhooks.com, version 1)."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import ClassVar

from hub.contracts import (
    CheckResult,
    Config,
    Connector,
    Http,
    Misconfigured,
    Notice,
    Receipt,
    Response,
    Unavailable,
    expect_success,
    hookimpl,
)

GONE = 410
PREFIX = "whsec_"


class Webhook(Connector):
    """Any answer but 2xx is tried again; 410 says that nobody lives there any more."""

    name = "webhook"
    title = "Webhook"
    directions = frozenset({"notify"})
    signing_secret = "secret"  # noqa: S105  # the name of the setting
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "url": {"type": "string", "title": "URL", "description": "https; called with POST", "format": "uri"},
            "secret": {
                "type": "string",
                "format": "secret",
                "title": "Signing secret",
                "description": "whsec_ and 24 to 64 random bytes in base64; the receiver checks the signature with it",
                "pattern": "^whsec_[A-Za-z0-9+/]{32,88}={0,2}$",
            },
        },
        "required": ["url", "secret"],
        "additionalProperties": False,
    }
    setup_guide = "Give the URL of your receiver and a secret, made with: echo whsec_$(openssl rand -base64 32)"

    def check(self, config: Config, http: Http) -> CheckResult:
        """Sends a signed `overwatch.test`."""
        response = _send(config, http, "test", {"type": "overwatch.test", "data": {}})
        return CheckResult(200 <= response.status < 300, f"The receiver answered {response.status}.")

    def notify(self, notice: Notice, config: Config, http: Http) -> Receipt:
        response = _send(config, http, notice.id, {"type": notice.kind, "data": dict(notice.incident)})
        if response.status == GONE:
            raise Misconfigured("The receiver answered 410: it is gone.")
        try:
            expect_success(response)
        except Misconfigured as error:  # by the specification all but 410 is tried again
            raise Unavailable(f"The receiver answered {response.status}.") from error
        return Receipt(detail=f"answered {response.status}")


def _send(config: Config, http: Http, message_id: str, told: dict[str, object]) -> Response:
    now = int(time.time())
    body = json.dumps(told | {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}).encode()
    secrets = filter(None, (config["secret"], config.get("previous_secret")))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(signature(secret, message_id, now, body) for secret in secrets),
    }
    return http.request("POST", config["url"], headers=headers, body=body)


def signature(secret: str, message_id: str, at: int, body: bytes) -> str:
    """`v1,<base64 of HMAC-SHA256>` over id, time and body. Raises Misconfigured for a secret that is no base64."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise Misconfigured("secret: is not base64 after whsec_") from error
    signed = f"{message_id}.{at}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


@hookimpl
def overwatch_notifiers() -> list[Connector]:
    """Called when the plugin loads."""
    return [Webhook()]
