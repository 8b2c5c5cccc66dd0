"""Nagios: the kit, and what is special about macros, types and what shells do to them."""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from hub.contracts import Delivery, Event, Unsupported
from hub.contracts.testing import ConnectorTests
from plugins.nagios import Nagios

FOLDER = Path(__file__).parent
NOTICE = {"type": "PROBLEM", "host": "web-1", "service": "HTTP", "state": "CRITICAL"}
MACROS = {
    "$NOTIFICATIONTYPE$": "RECOVERY",
    "$HOSTNAME$": "web-1",
    "$SERVICEDESC$": "HTTP",
    "$SERVICESTATE$": "OK",
    "$LASTSERVICESTATE$": "WARNING",
    "$HOSTSTATE$": "UP",
    "$LASTHOSTSTATE$": "DOWN",
    "$SERVICEOUTPUT$": "HTTP OK & well = 100 %",
    "$TIMET$": "1767322800",
}


def event_of(**fields: Any) -> Event:
    (event,) = Nagios().normalise(Delivery(body=json.dumps(NOTICE | fields).encode()), {})
    return event


def posted(command: str) -> bytes:
    """The form that curl sends for a command line of the README, its macros replaced by Nagios."""
    filled = re.sub(r"\$[A-Z]+\$", lambda macro: MACROS.get(macro[0], ""), command)
    words = shlex.split(filled)
    fields = [words[index + 1] for index, word in enumerate(words) if word == "--data-urlencode"]
    return urlencode(dict(field.split("=", 1) for field in fields)).encode()


class TestNagios(ConnectorTests):
    connector = Nagios()
    folder = FOLDER


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "firing"),
        ({"type": "RECOVERY", "state": "OK"}, "resolved"),
        ({"type": "ACKNOWLEDGEMENT"}, "acknowledged"),
        ({"type": "CUSTOM"}, "firing"),
        ({"type": "CUSTOM", "state": "OK"}, "resolved"),
        ({"type": "$NOTIFICATIONTYPE$", "state": "UP"}, "resolved"),
    ],
)
def test_state_is_the_type_and_else_what_it_is_in(fields: dict[str, str], state: str) -> None:
    event = event_of(**fields)
    assert (event.state, event.dedup_key) == (state, event_of().dedup_key)


@pytest.mark.parametrize("kind", ["FLAPPINGSTART", "FLAPPINGSTOP", "DOWNTIMESTART", "DOWNTIMECANCELLED"])
def test_flapping_and_downtime_are_ignored_by_their_names(kind: str) -> None:
    with pytest.raises(Unsupported, match=kind):
        event_of(type=kind)


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        ("CRITICAL", "critical"),
        ("DOWN", "critical"),
        ("UNREACHABLE", "high"),
        ("WARNING", "medium"),
        ("UNKNOWN", "unknown"),
    ],
)
def test_severity_is_what_the_host_or_the_service_is_in(state: str, severity: str) -> None:
    assert event_of(state=state).severity == severity


def test_recovery_is_as_severe_as_what_it_ends() -> None:
    event = event_of(type="RECOVERY", state="OK", last_state="WARNING")
    assert (event.severity, event.raw_severity) == ("medium", "WARNING")


def test_host_and_its_services_are_alerts_of_their_own() -> None:
    keys = {event_of(service=service).dedup_key for service in ("HTTP", "Load", None, "$SERVICEDESC$")}
    assert len(keys) == 3


def test_lines_of_a_long_output_are_lines() -> None:
    event = event_of(output="DISK CRITICAL", long_output=r"/var 98 %\nC:\\new 97 %")
    assert event.description.splitlines() == ["DISK CRITICAL", "/var 98 %", r"C:\new 97 %"]


@pytest.mark.parametrize("name", ["HOSTNAME", "NAGIOS_HOSTNAME", "host_name", "hostName"])
def test_macros_may_have_the_names_of_the_environment(name: str) -> None:
    assert event_of(host=None, **{name: "db-1"}).resource == "db-1"


def test_commands_of_the_readme_are_understood_whole() -> None:
    commands = re.findall(
        r"command_line\s+(.*?)\n\}", (FOLDER / "README.md").read_text().replace("\\\n", " "), re.DOTALL
    )
    events = [Nagios().normalise(Delivery(body=posted(command)), {})[0] for command in commands]
    assert [event.title for event in events] == ["Host web-1", "HTTP on web-1"]
    assert [event.state for event in events] == ["resolved", "resolved"]
    assert [event.severity for event in events] == ["critical", "medium"]
    assert events[1].description == "HTTP OK & well = 100 %"
