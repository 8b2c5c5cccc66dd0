"""Fixtures: recorded deliveries with the events they are expected to give."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub.contracts.delivery import Delivery

RECEIVED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Fixture:
    """One file of `fixtures/`; the package's docstring says how it is written."""

    name: str
    body: Any
    expected: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    received_at: datetime = RECEIVED_AT

    @property
    def event(self) -> str:
        """What happened: the name without its last part."""
        return self.name.rpartition("-")[0]

    @property
    def state(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("-")[2]

    @property
    def gives_events(self) -> bool:
        """Whether events are expected, not an error."""
        return isinstance(self.expected, list)

    @property
    def is_object(self) -> bool:
        """Whether the body is a JSON object, which can be varied without ceasing to be what it is."""
        return isinstance(self.body, dict)

    def delivery(self, body: Any = None) -> Delivery:
        """The fixture as a delivery; `body` replaces its body."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Delivery(
            body=encoded(self.body if body is None else body), headers=headers, received_at=self.received_at
        )


def encoded(body: Any) -> bytes:
    """What goes over the wire: bytes and text as they are, everything else as JSON."""
    if isinstance(body, bytes):
        return body
    return body.encode(errors="surrogatepass") if isinstance(body, str) else json.dumps(body).encode()


def read_fixtures(folder: Path) -> list[Fixture]:
    """All fixtures of a connector's folder, by name. Raises for a file that is not in their form."""
    return [_read(path) for path in sorted((folder / "fixtures").glob("*.json"))]


def _read(path: Path) -> Fixture:
    content = json.loads(path.read_text())
    received_at = content.pop("received_at", None)
    return Fixture(
        name=path.stem,
        **content,
        received_at=datetime.fromisoformat(received_at) if received_at else RECEIVED_AT,
    )
