"""Icinga: the kit, and what is special about incidents, commands and numbers."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.icinga import Icinga

FOLDER = Path(__file__).parent
CHECK = {"notification_type": "PROBLEM", "host": "web-1", "service": "http", "state": "CRITICAL"}
MACROS = {
    "notification.type": "RECOVERY",
    "host.name": "web-1",
    "host.state": "UP",
    "service.name": "http",
    "service.state": "OK",
    "icinga.timet": "1767322800",
}


def event_of(**body: Any) -> Event:
    (event,) = Icinga().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


class TestIcinga(ConnectorTests):
    connector = Icinga()
    folder = FOLDER

    def test_reminder_is_stored_again(self) -> None:
        assert self.connector.repeats_on_purpose


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "firing"),
        ({"notification_type": "Acknowledgement"}, "acknowledged"),
        ({"notification_type": "CUSTOM"}, "firing"),
        ({"notification_type": "CUSTOM", "state": "OK"}, "resolved"),
        ({"notification_type": None, "state": "up"}, "resolved"),
    ],
)
def test_state_is_that_of_the_check_unless_somebody_has_it_in_hand(fields: dict[str, Any], state: str) -> None:
    assert event_of(**CHECK | fields).state == state


@pytest.mark.parametrize(
    ("service", "number", "word"),
    [("http", 2, "critical"), ("http", 1.0, "warning"), (None, 1.0, "down"), (None, 2, "unreachable")],
)
def test_numbers_of_hosts_and_services_mean_different_states(service: str | None, number: float, word: str) -> None:
    assert event_of(**CHECK | {"service": service, "state": number}).raw_severity == word


def test_host_and_its_service_are_different_alerts() -> None:
    assert event_of(**CHECK).dedup_key != event_of(**CHECK | {"service": None, "state": "DOWN"}).dedup_key


@pytest.mark.parametrize(("command", "key"), [("overwatch-host", "web-1"), ("overwatch-service", "web-1!http")])
def test_commands_of_the_readme_post_what_is_understood(command: str, key: str) -> None:
    source = re.search(rf'NotificationCommand "{command}" {{(.*?)\n}}', (FOLDER / "README.md").read_text(), re.DOTALL)
    assert source is not None
    pairs = (text.partition("=")[::2] for text in re.findall(r'"(\w+=\$[^"]+)"', source[1]))
    form = urlencode({name: MACROS.get(macro.strip("$"), "") for name, macro in pairs})
    (event,) = Icinga().normalise(Delivery(body=form.encode()), {})
    assert (event.dedup_key, event.state) == (key, "resolved")
    assert event.occurred_at is not None
