"""What tests are made of: a hub in this process, people of organizations, webhook bodies; only what matters is said."""

import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from functools import cached_property
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from hub.app import create_app
from hub.http.ids import from_public
from hub.runtime import Runtime
from workers.pipeline import STEPS

PASSWORD = "Correct-horse-1"
START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)

_numbers = itertools.count(1)
_TOKEN = re.compile(r"[\w-]{43}")


class Hub:
    """The API in this process, and the workers' steps to be called by hand."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.app = create_app(runtime)
        self._ahead = timedelta()

    @property
    def http(self) -> FlaskClient:
        return self.app.test_client()

    def register(self, **fields: str) -> "Person":
        """The owner of a new organization."""
        number = next(_numbers)
        account = {
            "email": f"person{number}@example.org",
            "password": PASSWORD,
            "name": f"Person {number}",
            "organization": f"Organization {number}",
        } | fields
        answer = self.http.post("/api/v1/auth/register", json=account)
        assert answer.status_code == 201, answer.text
        return Person(self, answer.json["access_token"], account["email"], answer.json)

    def mailed_token(self, email: str) -> str:
        """The token in the newest mail to this address."""
        self.work("notify")
        written = sorted(self.runtime.mailer.outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        letters = [message_from_bytes(path.read_bytes()) for path in written]
        newest = [letter for letter in letters if letter["To"] == email][-1]
        body = newest.get_payload(decode=True).decode()
        return next(line for line in body.splitlines() if _TOKEN.fullmatch(line))

    def log_in(self, email: str, password: str = PASSWORD, address: str = "127.0.0.1") -> TestResponse:
        """Somebody who sends from this address tries to log in."""
        return self.http.post(
            "/api/v1/auth/login",
            json={"email": email, "password": password},
            environ_overrides={"REMOTE_ADDR": address},
        )

    def later(self, **time: float) -> None:
        """Moves the clock of all decisions about state, once and for all tests of the module."""
        if not self._ahead:
            event.listen(self.runtime.database.engine, "checkout", self._set_clock)
        self._ahead += timedelta(**time)

    def _set_clock(self, connection: Any, _record: Any, _proxy: Any) -> None:
        seconds = f"{self._ahead.total_seconds()} seconds"
        connection.execute("SELECT set_config('app.clock_offset', %s, false)", (seconds,))
        connection.commit()

    def work(self, *lanes: str) -> None:
        """Does what the workers would do, until nothing is left; without names, on every lane."""
        for lane in lanes or STEPS:
            while STEPS[lane](self.runtime):
                pass


@dataclass
class Person:
    """Somebody who is logged in."""

    hub: Hub
    token: str
    email: str
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def organization_id(self) -> UUID:
        return from_public("org", self.tokens["user"]["organization_id"])

    @property
    def user_id(self) -> UUID:
        return from_public("user", self.tokens["user"]["id"])

    def colleague(self, role: str = "engineer") -> "Person":
        """Somebody who was invited into the same organization and has accepted."""
        number = next(_numbers)
        email, name = f"person{number}@example.org", f"Person {number}"
        self.post("/users", {"email": email, "name": name, "role": role})
        invitation = self.hub.mailed_token(email)
        account = {"email": email, "name": name, "password": PASSWORD, "invitation": invitation}
        answer = self.hub.http.post("/api/v1/auth/register", json=account)
        assert answer.status_code == 201, answer.text
        return Person(self.hub, answer.json["access_token"], email, answer.json)

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.hub.http.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """The answer's data; on another status than expected the test fails with the body."""
        return _data(self.call("GET", path, query_string=query), status)

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        return _data(self.call("POST", path, json={} if body is None else body), status)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return _data(self.call("PATCH", path, json=body), status)

    def delete(self, path: str, status: int = 204) -> Any:
        return _data(self.call("DELETE", path), status)

    @cached_property
    def alertmanager(self) -> str:
        """The webhook path, with its token, of an Alertmanager integration of this person's organization."""
        return self.connect("alertmanager")

    def connect(self, platform: str, **config: Any) -> str:
        """A new integration's webhook path with its token."""
        made = self.post("/integrations", {"platform": platform, "name": f"My {platform}", "config": config})
        return made["webhook_url"].removeprefix("http://localhost")

    def push(self, body: Any, webhook: str = "", status: int = 200) -> Any:
        """Pushes a webhook and gives the answer."""
        answer = self.hub.http.post(webhook or self.alertmanager, json=body)
        assert answer.status_code == status, answer.text
        return answer.json


def _data(answer: TestResponse, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json.get("data", answer.json) if answer.data else None


def firing(name: str = "HighLatency", **labels: str) -> dict[str, Any]:
    """An Alertmanager alert that fires."""
    everywhere = {"alertname": name, "severity": "critical"}
    return {
        "status": "firing",
        "labels": everywhere | labels,
        "annotations": {"summary": f"{name} is firing"},
        "startsAt": START.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "-".join([name, *labels.values()]),
    }


def resolved(name: str = "HighLatency", after_minutes: int = 10, **labels: str) -> dict[str, Any]:
    """The same alert, resolved so long after it began."""
    end = START + timedelta(minutes=after_minutes)
    return firing(name, **labels) | {"status": "resolved", "endsAt": end.isoformat()}


def alertmanager(*alerts: dict[str, Any]) -> dict[str, Any]:
    """Alertmanager's webhook body, version 4, with these alerts."""
    return {"version": "4", "groupKey": "{}", "status": alerts[0]["status"], "receiver": "hub", "alerts": list(alerts)}
