"""Checkmk: the kit, and what is special about scripts and the words for states."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from hub.contracts import Delivery, Event
from hub.contracts.testing import ConnectorTests
from plugins.checkmk import Checkmk

FOLDER = Path(__file__).parent
CHECK = {"notificationtype": "PROBLEM", "hostname": "web-1", "servicedesc": "HTTP", "servicestate": "CRITICAL"}


def event_of(**body: Any) -> Event:
    (event,) = Checkmk().normalise(Delivery(body=json.dumps(body).encode()), {})
    return event


class TestCheckmk(ConnectorTests):
    connector = Checkmk()
    folder = FOLDER


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "firing"),
        ({"notificationtype": "RECOVERY"}, "resolved"),
        ({"notificationtype": "CUSTOM", "servicestate": "OK"}, "resolved"),
        ({"notificationtype": "", "status": "ACKNOWLEDGED"}, "acknowledged"),
        ({"notificationtype": "ACK"}, "acknowledged"),
    ],
)
def test_state_is_that_of_the_notification_before_that_of_the_check(fields: dict[str, str], state: str) -> None:
    assert event_of(**CHECK | fields).state == state


@pytest.mark.parametrize(
    ("words", "severity"),
    [
        ({"servicestate": "WARN", "status": "DOWN"}, "medium"),
        ({"servicestate": "", "severity": "OK", "status": "DOWN"}, "critical"),
        ({"servicestate": "UNKNOWN"}, "unknown"),
        ({"servicestate": "UNKNOWN", "hoststate": "DOWN"}, "unknown"),
    ],
)
def test_severity_is_the_first_word_that_is_one(words: dict[str, str], severity: str) -> None:
    assert event_of(**CHECK | words).severity == severity


def test_notification_of_a_host_is_not_one_of_its_service() -> None:
    assert event_of(**CHECK | {"what": "HOST"}).dedup_key == "web-1"


@pytest.fixture
def received() -> Iterator[tuple[str, list[bytes]]]:
    """A receiver's address, and the bodies it got."""
    bodies: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Stays silent."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", bodies
        server.shutdown()
        thread.join()


def run_script(**environment: str) -> subprocess.CompletedProcess[str]:
    source = re.search(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert source is not None
    script = [sys.executable, "-c", textwrap.dedent("   " + source[1].lstrip())]
    return subprocess.run(script, env=environment, capture_output=True, text=True, check=False)


def test_script_of_the_readme_posts_what_is_understood(received: tuple[str, list[bytes]]) -> None:
    url, bodies = received
    said = {f"NOTIFY_{name.upper()}": text for name, text in CHECK.items()} | {"NOTIFY_MICROTIME": "1767322800000000"}
    linked = {"NOTIFY_PARAMETER_2": "https://checkmk.example/prod", "NOTIFY_SERVICEURL": "/check_mk/index.py"}
    assert run_script(NOTIFY_PARAMETER_1=url, **said, **linked).returncode == 0
    (event,) = Checkmk().normalise(Delivery(body=bodies[0]), {})
    assert (event.dedup_key, event.severity) == ("web-1;HTTP", "critical")
    assert [link.url for link in event.links] == ["https://checkmk.example/prod/check_mk/index.py"]


def test_script_of_the_readme_asks_for_another_attempt_when_nobody_listens() -> None:
    ended = run_script(NOTIFY_PARAMETER_1="http://127.0.0.1:9/")
    assert (ended.returncode, ended.stdout[:10]) == (1, "Overwatch:")
