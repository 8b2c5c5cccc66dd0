"""Delivery: the raw bytes that arrived, before anybody has said what they mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from hub.contracts.errors import Malformed
from hub.contracts.payload import Payload, parse_json

_MAX_FIELDS = 1_000
_PART_NAME = re.compile(rb'\bname="([^"\r\n]*)"')


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
        """The body as x-www-form-urlencoded or, if it begins with a boundary, multipart/form-data. Raises Malformed."""
        try:
            if self.body.startswith(b"--"):
                return _multipart_fields(self.body)
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
        except ValueError as error:
            raise Malformed("body", f"not a form: {error}") from error


def _multipart_fields(body: bytes) -> dict[str, str]:
    """The named parts (RFC 7578). Raises ValueError for one that is not text in UTF-8."""
    boundary = b"\r\n" + body.partition(b"\r\n")[0]
    parts = (part.partition(b"\r\n\r\n") for part in (b"\r\n" + body).split(boundary, _MAX_FIELDS)[1:])
    named = ((_PART_NAME.search(head), content) for head, _, content in parts)
    return {name[1].decode(): content.decode() for name, content in named if name}
