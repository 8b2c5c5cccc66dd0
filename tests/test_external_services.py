"""External services by configuration only: the hub as single commands, on Postgres, Redis and RabbitMQ over TCP."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import urllib3
import yaml
from kombu import Connection

from hub import auditor
from hub.broker import make_celery
from hub.client import Client
from hub.database import Database
from hub.migrations.requirements import PREPARATION
from hub.wait import is_ready
from tests.external import Postgres, RabbitMq, Redis
from tests.system import OVERWATCH, eventually, free_port

COMPOSE = Path(__file__).parents[1] / "docker" / "compose.yml"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    made = Postgres(tmp_path_factory.mktemp("postgres"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(params=[Redis, RabbitMq], ids=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Redis | RabbitMq]:
    made = request.param(tmp_path)
    made.start()
    try:
        eventually(made.is_answering, 60)
        yield made
    finally:
        made.kill()


@dataclass(frozen=True)
class Site:
    """What an operator configures."""

    environment: dict[str, str]
    data: Path

    def overwatch(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [OVERWATCH, *words], env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """One command of the hub, told to stop at the end."""
        with (self.data / f"{words[0]}-{uuid4().hex[:4]}.log").open("wb") as log:
            process = subprocess.Popen([OVERWATCH, *words], env=self.environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def site(postgres: Postgres, data: Path, *, broker: str = "redis://127.0.0.1:1") -> Site:
    """A database of its own on the external server, not yet prepared."""
    name = f"site_{uuid4().hex}"
    postgres.psql("postgres", "-c", f"CREATE DATABASE {name}")
    environment = {
        **os.environ,
        "OVERWATCH_DATA": str(data),
        "OVERWATCH_DATABASE_URL": postgres.url("overwatch_app", name),
        "OVERWATCH_OWNER_DATABASE_URL": postgres.url("overwatch_owner", name),
        "OVERWATCH_BROKER_URL": broker,
    }
    return Site(environment, data)


def name_of(at: Site) -> str:
    return at.environment["OVERWATCH_DATABASE_URL"].rpartition("/")[2]


def prepare(postgres: Postgres, at: Site) -> None:
    postgres.psql(name_of(at), "-f", str(PREPARATION))


def violations(at: Site) -> list[auditor.Violation]:
    database = Database(at.environment["OVERWATCH_DATABASE_URL"].replace("://", "+psycopg://"))
    try:
        return list(auditor.audit(database))
    finally:
        database.dispose()


def rows_of(at: Site) -> int:
    """Deliveries, alerts and incidents of all organizations."""
    with psycopg.connect(at.environment["OVERWATCH_OWNER_DATABASE_URL"]) as connection:
        asked = (
            "SELECT (SELECT count(*) FROM deliveries), (SELECT count(*) FROM alerts), (SELECT count(*) FROM incidents)"
        )
        return sum(connection.execute(asked).fetchone())


@contextmanager
def running_hub(at: Site) -> Iterator[Client]:
    """The commands of docker/compose.yml, and the scheduler twice."""
    port = str(free_port())
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    commands = [service["command"] for name, service in services.items() if service["image"] == "overwatch"]
    commands = [[port if word == "8000" else word for word in command] for command in [*commands, ["beat"]]]
    with ExitStack() as stack:
        for command in commands:
            if command != ["migrate"]:
                stack.enter_context(at.running(*command))
        eventually(lambda: is_ready("127.0.0.1", int(port)), 90)
        client = Client(f"http://127.0.0.1:{port}")
        client.register(
            email="owner@example.org", password="Correct-horse-1", name="Owner", organization=f"Site {uuid4().hex}"
        )
        yield client


def push(webhook: str, key: str, status: str = "firing") -> None:
    """One alert of Alertmanager's."""
    alert: dict[str, Any] = {
        "status": status,
        "fingerprint": key,
        "startsAt": "2026-01-05T10:00:00Z",
        "endsAt": "2026-01-05T10:05:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        "labels": {"alertname": f"Disk{key}", "severity": "critical", "service": f"db-{key}"},
    }
    body = json.dumps({"version": "4", "status": status, "alerts": [alert]}).encode()
    answer = urllib3.request("POST", webhook, body=body, headers={"Content-Type": "application/json"}, retries=3)
    assert answer.status == 200, answer.data


def statuses(client: Client) -> list[str]:
    return sorted(incident["status"] for incident in client.call("GET", "/incidents?limit=200")["data"])


def test_unprepared_database_is_refused_with_what_is_missing(postgres: Postgres, tmp_path: Path):
    at = site(postgres, tmp_path)
    prepare(postgres, at)
    postgres.psql(name_of(at), "-c", "DROP EXTENSION vector")
    refused = at.overwatch("migrate")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "the extension vector 0.8 or newer is missing" in refused.stderr
    assert str(PREPARATION) in refused.stderr


def test_only_the_owner_migrates(postgres: Postgres, tmp_path: Path):
    at = site(postgres, tmp_path)
    prepare(postgres, at)
    at.environment["OVERWATCH_OWNER_DATABASE_URL"] = at.environment["OVERWATCH_DATABASE_URL"]
    refused = at.overwatch("migrate")
    assert "the role that migrates is not overwatch_owner; this role may not create tables in it" in refused.stderr


def test_hub_that_passes_row_level_security_is_not_well(postgres: Postgres, tmp_path: Path):
    at = site(postgres, tmp_path)
    prepare(postgres, at)
    at.overwatch("migrate")
    at.environment["OVERWATCH_DATABASE_URL"] = postgres.administrator_url(name_of(at))
    assert "a role that passes row-level security: use overwatch_app" in at.overwatch("doctor").stderr


def test_database_is_prepared_twice_and_migrated_twice_without_harm(postgres: Postgres, tmp_path: Path):
    at = site(postgres, tmp_path)
    for _ in range(2):
        prepare(postgres, at)
        assert at.overwatch("migrate").stderr == ""


def test_incident_opens_and_resolves_while_the_broker_is_emptied_and_killed_and_a_backup_has_it_all(
    postgres: Postgres, broker: Redis | RabbitMq, tmp_path: Path
):
    at = site(postgres, tmp_path, broker=broker.url)
    prepare(postgres, at)
    assert at.overwatch("migrate").stderr == ""
    with running_hub(at) as client:
        webhook = client.connect("alertmanager", "Production")
        push(webhook, "a")
        eventually(lambda: statuses(client) == ["active"], 10)
        broker.empty()
        push(webhook, "b")
        eventually(lambda: statuses(client) == ["active", "active"], 10)
        broker.kill()
        push(webhook, "a", "resolved")
        eventually(lambda: statuses(client) == ["active", "resolved"], 20)
        broker.start()
        eventually(broker.is_answering, 60)
        push(webhook, "b", "resolved")
        eventually(lambda: statuses(client) == ["resolved", "resolved"], 20)
    assert violations(at) == []
    target = str(tmp_path / "hub.backup")
    assert at.overwatch("backup", target).stderr == ""
    restored = site(postgres, tmp_path)
    prepare(postgres, restored)
    done = restored.overwatch("restore", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert violations(restored) == []
    assert rows_of(restored) == rows_of(at) > 0


def test_wake_ups_come_through_the_broker(broker: Redis | RabbitMq):
    sender = make_celery(broker.url)
    with Connection(broker.url, transport_options=sender.conf.broker_transport_options) as connection:
        queue = sender.amqp.queues["ingest"].bind(connection.default_channel)
        queue.declare()
        sender.send_task("overwatch.ingest", queue="ingest", retry=False, confirm_timeout=5)
        message = eventually(queue.get, 5)
        assert message.headers["task"] == "overwatch.ingest"
        message.ack()
