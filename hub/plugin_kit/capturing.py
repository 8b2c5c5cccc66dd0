"""Deliveries that have come, written as fixtures in the form of the testing kit."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from hub.contracts.delivery import Delivery
from hub.contracts.errors import Malformed, Unsupported
from hub.contracts.event import Event
from hub.deliveries.models import Delivery as Stored
from hub.integrations import service as integrations
from hub.plugin_kit.rehearsing import found_in
from hub.runtime import Runtime

_ENDS = {Malformed: "malformed", Unsupported: "ignored"}


def capture(runtime: Runtime, integration_id: UUID, into: Path, last: int) -> Iterator[Path]:
    """Writes `captured-<n>-<state>.json` for each of the newest deliveries. Raises Misconfigured."""
    organization_id = found_in(runtime.database, integration_id)
    with runtime.database.transaction(organization_id) as session:
        integration = integrations.get(session, integration_id)
        config = integrations.config_of(integration, runtime.vault)
        connector = runtime.connectors[integration.platform]
        mine = (Stored.organization_id == organization_id) & (Stored.integration_id == integration.id)
        newest = select(Stored).where(mine, Stored.origin == "webhook").order_by(Stored.received_at.desc()).limit(last)
        for number, stored in enumerate(session.scalars(newest), 1):
            delivery = Delivery(body=stored.body, headers=stored.headers, received_at=stored.received_at)
            state, expected = _expected(connector.normalise, delivery, config)
            path = into / f"captured-{number}-{state}.json"
            headers = {name: value for name, value in stored.headers.items() if name == "content-type"}
            written = {"headers": headers, "body": _body(stored.body), "expected": expected}
            path.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
            yield path


def _body(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def _expected(normalise: Any, delivery: Delivery, config: Mapping[str, Any]) -> tuple[str, Any]:
    try:
        events: list[Event] = normalise(delivery, config)
    except (Malformed, Unsupported) as error:
        state = _ENDS[type(error)]
        return state, {"error": state, "message": str(error)}
    told = [{name: str(getattr(each, name)) for name in ("title", "state", "severity", "dedup_key")} for each in events]
    states = {each["state"] for each in told} or {"empty"}
    return ("mixed" if len(states) > 1 else states.pop()), told
