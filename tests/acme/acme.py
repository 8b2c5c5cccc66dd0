"""A connector as a third party may write it: one file, and a platform that signs what it sends."""

import hashlib
import hmac

from hub.contracts import Config, Connector, Delivery, Event, Malformed, Payload, Severity, State, Untrusted, hookimpl

WINDOW_SECONDS = 300


class Acme(Connector):
    """Signs `<epoch seconds>.<body>` with HMAC-SHA256; the header may carry several signatures while it rotates."""

    name = "acme"
    title = "Acme"
    signing_secret = "secret"  # the name of the field
    config_schema = {  # noqa: RUF012  # as an author would write it
        "type": "object",
        "properties": {
            "secret": {
                "type": "string",
                "format": "secret",
                "title": "Secret",
                "description": "Acme > Settings",
            }
        },
        "additionalProperties": False,
    }
    setup_guide = "Paste {webhook_url} under Acme > Settings > Webhook."
    sample_body = '{"id": "d-1", "alert": "7", "name": "Disk is full", "state": "open", "at": 1767322800}'

    def verify(self, delivery: Delivery, config: Config) -> None:
        signed_at = delivery.headers.get("acme-time", "")
        if not signed_at.isdecimal() or abs(int(signed_at[:12]) - delivery.received_at.timestamp()) > WINDOW_SECONDS:
            raise Untrusted("Acme-Time is missing or too far off")
        signed = signed_at.encode() + b"." + delivery.body
        expected = hmac.new(config["secret"].encode(), signed, hashlib.sha256).hexdigest().encode()
        given = delivery.headers.get("acme-signature", "").encode().split(b",")
        if not any(hmac.compare_digest(expected, signature) for signature in given):
            raise Untrusted("Acme-Signature does not fit")

    def delivery_key(self, delivery: Delivery) -> str | None:
        try:
            return delivery.json().text("id") or None
        except Malformed:
            return None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return [to_event(body) for body in delivery.json().members()]


def to_event(body: Payload) -> Event:
    """One alert of Acme's."""
    states = {"open": State.FIRING, "closed": State.RESOLVED}
    word = body.required_text("state")
    if word not in states:
        raise Malformed(f"{body.path}.state", f"{word[:40]!r} is neither open nor closed")
    return Event(
        title=body.required_text("name"),
        state=states[word],
        severity=Severity.UNKNOWN,
        dedup_key=body.required_text("alert"),
        labels=body.mapping("labels"),
        occurred_at=body.time("at"),
        raw_kind=word,
    )


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [Acme()]
