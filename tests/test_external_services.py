"""External services by configuration only: the hub as single commands, on Postgres, Redis and RabbitMQ over TCP."""

import os
import subprocess
import threading
import time
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
from hub.bench import chaos, running
from hub.bench.sender import alert_body
from hub.broker import make_celery
from hub.client import Client
from hub.database import Database
from hub.migrations.requirements import PREPARATION
from hub.wait import is_ready
from tests.external import Postgres, RabbitMq, Redis
from tests.served import is_alive
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
            assert process.poll() is None, f"{words} has ended by itself"
        finally:
            process.terminate()
            process.wait(60)  # RabbitMQ, just back, was seen to hold a worker's declaration of its queue for 30 s


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


def ask(at: Site, statement: str) -> Any:
    """One value, over all organizations."""
    with psycopg.connect(at.environment["OVERWATCH_OWNER_DATABASE_URL"]) as connection:
        return connection.execute(statement).fetchone()[0]


@contextmanager
def running_hub(at: Site) -> Iterator[Client]:
    """The commands of docker/compose.yml, and the scheduler twice; gives an organization's owner."""
    port = str(free_port())
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    commands = [service["command"] for name, service in services.items() if service["image"] == "overwatch"]
    commands = [[port if word == "8000" else word for word in command] for command in [*commands, ["beat"]]]
    with ExitStack() as stack:
        for command in commands:
            if command != ["migrate"]:
                stack.enter_context(at.running(*command))
        eventually(lambda: is_ready("127.0.0.1", int(port)), 240)
        yield owner(port)


@contextmanager
def running_api(at: Site) -> Iterator[Client]:
    """The API alone: what it accepts waits."""
    port = str(free_port())
    with at.running("api", "--port", port, "--processes", "1"):
        eventually(lambda: is_alive(f"http://127.0.0.1:{port}"), 120)
        yield owner(port)


def owner(port: str) -> Client:
    client = Client(f"http://127.0.0.1:{port}")
    client.register(
        email="owner@example.org", password="Correct-horse-1", name="Owner", organization=f"Site {uuid4().hex}"
    )
    return client


@contextmanager
def load(webhook: str) -> Iterator[list[int]]:
    """A new alert fifteen times a second, pushed once each, until the end; gives the statuses of the answers."""
    answers: list[int] = []
    over = threading.Event()

    def push() -> None:
        with urllib3.PoolManager() as http:
            while not over.wait(1 / 15):
                body = alert_body(range(len(answers), len(answers) + 1), "load")
                headers = {"Content-Type": "application/json"}
                answers.append(http.request("POST", webhook, body=body, headers=headers, retries=False).status)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()


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


def test_broker_that_is_emptied_spoilt_restarted_and_killed_under_load_costs_latency_only(
    postgres: Postgres, broker: Redis | RabbitMq, tmp_path: Path
):
    at = site(postgres, tmp_path, broker=broker.url)
    prepare(postgres, at)
    assert at.overwatch("migrate").stderr == ""
    with running_hub(at) as client:
        with load(client.connect("alertmanager", "Load")) as answers:
            broker.empty()
            spoilt = sum(broker.spoil(lane) for lane in ("ingest", "index"))
            eventually(lambda: ask(at, "SELECT message_count FROM rejected_messages") == spoilt, 30)
            for end in (broker.stop, broker.kill):
                end()
                time.sleep(2)  # webhooks go on coming meanwhile, and must be answered
                broker.start()
                eventually(broker.is_answering, 60)
        eventually(lambda: ask(at, "SELECT count(*) FROM deliveries WHERE status = 'pending'") == 0, 30)
    assert set(answers) == {200}
    assert ask(at, "SELECT count(*) FROM deliveries WHERE status = 'processed'") == len(answers)
    assert ask(at, "SELECT count(*) FROM alerts WHERE occurrence_count = 1 AND incident_id IS NOT NULL") == len(answers)
    assert ask(at, "SELECT extract(epoch FROM max(finished_at - received_at)) FROM deliveries") < 20
    assert violations(at) == []


def test_kills_of_busy_processes_lose_nothing_and_double_nothing_whatever_the_broker(
    broker: Redis | RabbitMq, tmp_path: Path
):
    with running.running_hub(tmp_path / "hub", environment={"OVERWATCH_BROKER_URL": broker.url}) as hub:
        report = chaos.strain(hub, count=600, kills=10, seed=7, rate=50)
    assert report.is_good, report.lines()
    assert report.kills.total() == 10


def test_backup_of_an_external_database_is_restored_whole(postgres: Postgres, tmp_path: Path):
    at, restored = site(postgres, tmp_path), site(postgres, tmp_path)
    for each in (at, restored):
        prepare(postgres, each)
    assert at.overwatch("migrate").stderr == ""
    with running_api(at) as client, load(client.connect("alertmanager", "Load")) as answers:
        eventually(lambda: len(answers) > 20)
    target = str(tmp_path / "hub.backup")
    assert at.overwatch("backup", target).stderr == ""
    done = restored.overwatch("restore", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert ask(restored, "SELECT count(*) FROM deliveries") == len(answers)
    assert violations(restored) == []


def test_wake_ups_come_through_the_broker(broker: Redis | RabbitMq):
    sender = make_celery(broker.url)
    with Connection(broker.url, transport_options=sender.conf.broker_transport_options) as connection:
        queue = sender.amqp.queues["ingest"].bind(connection.default_channel)
        queue.declare()
        sender.send_task("overwatch.ingest", queue="ingest", retry=False, confirm_timeout=5)
        message = eventually(queue.get, 5)
        assert message.headers["task"] == "overwatch.ingest"
        message.ack()
