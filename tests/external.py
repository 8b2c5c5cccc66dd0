"""Servers of other makers, as an operator would run them: each on a port and a folder of its own."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp
import psycopg
import pytest
import redis
from kombu import Connection
from kombu.exceptions import OperationalError

from hub.broker import task_of
from hub.embedded import binaries, cluster
from hub.embedded.account import server_account
from hub.embedded.postmaster import Postmaster
from tests import other_postgres
from tests.system import eventually, free_port

_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # what Debian's own command runs after becoming `rabbitmq`


class Server:
    """A process group that can be killed and started again on the same data."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """As an init system would: asks, and waits."""
        self._process.terminate()
        self._process.wait(60)

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.kill()


def _installed(*programs: str) -> str:
    """The first that is there; without any the test is skipped, and says so."""
    found = next(filter(None, map(shutil.which, programs)), None)
    return found or pytest.skip(f"not installed here: {' or '.join(programs)}")


class Prometheus(Server):
    """Scrapes and evaluates once a second; `config` as in prometheus.yml, `groups` as in a file of rules."""

    def __init__(self, folder: Path, groups: list[dict[str, Any]], **config: Any) -> None:
        every_second = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        told = {"global": every_second, "rule_files": ["rules.yml"], **config}
        (folder / "rules.yml").write_text(json.dumps({"groups": groups}))  # YAML reads JSON
        (folder / "prometheus.yml").write_text(json.dumps(told))
        super().__init__(
            [
                _installed("prometheus"),
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=prometheus",
                f"--web.listen-address=127.0.0.1:{free_port()}",
                "--rules.alert.resend-delay=1s",  # the first is sent before it has found whom to tell
            ],
            folder,
        )


class Alertmanager(Server):
    """Tells one webhook everything after a second."""

    def __init__(self, folder: Path, webhook: str) -> None:
        config = {
            "route": {"receiver": "hub", "group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"},
            "receivers": [{"name": "hub", "webhook_configs": [{"url": webhook, "send_resolved": True}]}],
        }
        (folder / "alertmanager.yml").write_text(json.dumps(config))
        self.address = f"127.0.0.1:{free_port()}"
        super().__init__(
            [
                _installed("prometheus-alertmanager", "alertmanager"),
                "--config.file=alertmanager.yml",
                "--storage.path=alertmanager",
                f"--web.listen-address={self.address}",
                "--cluster.listen-address=",
            ],
            folder,
        )


class Redis(Server):
    """Keeps nothing on disk: after a kill every message is gone."""

    def __init__(self, folder: Path) -> None:
        program = _installed("redis-server", "valkey-server")
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        super().__init__(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction"],
            folder,
        )

    def is_answering(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def empty(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def spoil(self, lane: str) -> int:
        """Garbage, as somebody else's program would leave it in the lane; how many messages."""
        garbage = [b"garbage", b"\xff", b"[1, 2]", b"{}", b'"x"', json.dumps({"properties": 5, "body": "%"}).encode()]
        with redis.Redis.from_url(self.url) as client:
            client.lpush(lane, *garbage)
        return len(garbage)


class RabbitMq(Server):
    """One node with a port mapper of its own, which would else outlive it as a daemon."""

    def __init__(self, folder: Path) -> None:
        if not _RABBITMQ.exists():
            pytest.skip("rabbitmq-server is not installed")
        port, mapper = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{port}//"
        environment = {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"overwatch{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2",
        }
        super().__init__([str(_RABBITMQ)], folder, environment)
        self._mapper = Server(["epmd", "-port", str(mapper)], folder)

    def start(self) -> None:
        self._mapper.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self._mapper.kill()

    def kill(self) -> None:
        super().kill()
        self._mapper.kill()

    def is_answering(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=5) as connection:
                connection.ensure_connection(max_retries=1)
                return True
        except OperationalError:
            return False

    def empty(self) -> None:
        with Connection(self.url) as connection:
            for lane in ("ingest", "index", "notify", "bulk"):
                connection.default_channel.queue_purge(lane)

    def spoil(self, lane: str) -> int:
        """Garbage, as somebody else's program would leave it in the lane; how many messages."""
        json_kind = {"content_type": "application/json", "content_encoding": "utf-8"}
        garbage: list[tuple[bytes, dict[str, Any]]] = [
            (b"garbage", {}),
            (b"\xff{", json_kind),
            (b"[[], {}, {}]", json_kind | {"application_headers": {"task": "os.system", "id": "1"}}),
            (b"[[], {}, {}]", json_kind | {"application_headers": {"task": ["overwatch.ingest"]}}),
            (b"[[1], {}, {}]", json_kind | {"application_headers": {"task": task_of(lane), "id": "1"}}),
            (b"x", {"content_type": "application/x-python-serialize", "application_headers": {"task": task_of(lane)}}),
        ]
        with Connection(self.url) as connection:
            for body, properties in garbage:
                connection.default_channel.basic_publish(amqp.Message(body, **properties), routing_key=lane)
        return len(garbage)


class Postgres:
    """A Postgres that somebody else runs, reached by TCP."""

    def __init__(self, folder: Path) -> None:
        bindir = other_postgres.chosen(folder) or binaries.shipped()
        own = folder / "cluster"
        account = server_account(own)
        bindir = binaries.readable(bindir, account, folder)
        cluster.make(own, bindir / "initdb", account, "administrator")
        cluster.make_private(folder / "run", account)
        self.port = free_port()
        self._postmaster = Postmaster(
            bindir / "postgres",
            own,
            folder / "run",
            account=account,
            conf=("listen_addresses=127.0.0.1", f"port={self.port}"),
            logs=folder,
        )

    def start(self) -> None:
        self._postmaster.spawn()
        eventually(self._is_answering, 30)

    def stop(self) -> None:
        self._postmaster.stop(10)

    def url(self, role: str, database: str, password: str | None = None) -> str:
        return f"postgresql://{role}:{password or role}@127.0.0.1:{self.port}/{database}"

    def psql(self, database: str, *arguments: str) -> None:
        """What the administrator does with psql; the roles' passwords are their names. Raises CalledProcessError."""
        roles = {"OVERWATCH_OWNER_PASSWORD": "overwatch_owner", "OVERWATCH_APP_PASSWORD": "overwatch_app"}
        self.run("psql", "-qAtX", "-d", self.administrator_url(database), *arguments, **roles)

    def administrator_url(self, database: str) -> str:
        return self.url(cluster.SUPERUSER, database, "administrator")

    def run(self, program: str, *arguments: str, **environment: str) -> None:
        """One of Postgres' own programs. Raises CalledProcessError."""
        command = [binaries.shipped() / program, *arguments]
        subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=True)

    def _is_answering(self) -> bool:
        try:
            psycopg.connect(self.administrator_url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True
