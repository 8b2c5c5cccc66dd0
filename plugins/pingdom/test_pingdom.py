"""Pingdom: the kit, and what is special about the two sorts of checks."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.pingdom import Pingdom

CHECK = {"check_id": 4711, "check_name": "Shop", "current_state": "DOWN"}


def event_of(**body: Any) -> Event:
    (event,) = Pingdom().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


class TestPingdom(ConnectorTests):
    connector = Pingdom()
    folder = Path(__file__).parent


@pytest.mark.parametrize(
    ("word", "state"), [("DOWN", "firing"), ("UP", "resolved"), ("FAILING", "firing"), ("SUCCESS", "resolved")]
)
def test_state_is_the_current_one_whatever_it_was_before(word: str, state: str) -> None:
    assert event_of(**CHECK | {"current_state": word, "previous_state": "UNKNOWN"}).state == state


@pytest.mark.parametrize(("importance", "severity"), [("HIGH", "high"), ("LOW", "low"), (None, "unknown")])
def test_severity_is_the_importance_of_the_check(importance: str | None, severity: str) -> None:
    assert event_of(**CHECK, importance_level=importance).severity == severity


def test_state_that_comes_again_at_the_same_moment_is_the_same_event() -> None:
    first, again = (event_of(**CHECK, state_changed_timestamp=1767322800, description=text) for text in ("a", "b"))
    assert (first.dedup_key, first.occurred_at) == (again.dedup_key, again.occurred_at)


def test_tags_may_be_objects_and_one_may_name_the_service() -> None:
    event = event_of(**CHECK, tags=[{"name": "canary"}, {"name": "service:cart"}])
    assert (event.labels, event.service) == ({"canary": "true", "service": "cart"}, "cart")
