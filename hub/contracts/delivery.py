"""Delivery: the raw bytes that arrived, before anybody has said what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from hub.contracts.errors import Malformed
from hub.contracts.payload import Payload, parse_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request of a platform.

    `headers` has lower-case names and no credential of ours; `query` likewise. `received_at` is the database's clock.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    received_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def json(self) -> Payload:
        """The body as JSON whatever its Content-Type says. Raises Malformed for anything that is not JSON in UTF-8."""
        return Payload(parse_json(self.body, "body"), "body")

    def payload(self) -> Payload:
        """The body as JSON, or as the fields of a form when it only looks like one. Raises Malformed."""
        if self.body.lstrip()[:1] in (b"{", b"[") or b"=" not in self.body:
            return self.json()
        return Payload(self.form(), "body")

    def form(self) -> dict[str, str]:
        """The body as application/x-www-form-urlencoded. Raises Malformed when it is not text."""
        try:
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=1_000))
        except ValueError as error:
            raise Malformed("body", f"not a form: {error}") from error
