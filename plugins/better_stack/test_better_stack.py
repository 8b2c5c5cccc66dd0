"""Better Stack: the kit, and what is special about the ways to say how an incident stands."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.better_stack import BetterStack

STARTED, ACKNOWLEDGED, RESOLVED = (f"2026-01-02T03:{minute}:00.000Z" for minute in ("00", "05", "30"))
TIMES = {"started_at": STARTED, "acknowledged_at": ACKNOWLEDGED, "resolved_at": RESOLVED}


def event_of(attributes: dict[str, Any], **body: Any) -> Event:
    incident = {"id": "1", "type": "incident", "attributes": {"name": "Shop"} | attributes}
    (event,) = BetterStack().normalise(Delivery(body=json.dumps({"data": incident} | body).encode()), {})
    return event


class TestBetterStack(ConnectorTests):
    connector = BetterStack()
    folder = Path(__file__).parent


@pytest.mark.parametrize(
    ("attributes", "event_word", "state"),
    [
        ({"status": "Validating"} | TIMES, None, "firing"),
        ({"status": "Acknowledged"}, "resolved", "acknowledged"),
        (TIMES, "acknowledged", "acknowledged"),
        (TIMES, None, "resolved"),
        ({"started_at": STARTED}, None, "firing"),
    ],
)
def test_status_counts_before_the_event_and_the_event_before_the_times(
    attributes: dict[str, Any], event_word: str | None, state: str
) -> None:
    assert event_of(attributes, event=event_word).state == state


@pytest.mark.parametrize(("word", "minute"), [("Started", 0), ("Acknowledged", 5), ("Resolved", 30)])
def test_time_of_the_event_is_when_its_state_began(word: str, minute: int) -> None:
    occurred_at = event_of({"status": word} | TIMES).occurred_at
    assert occurred_at is not None
    assert occurred_at.minute == minute
