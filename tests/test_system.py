"""The whole hub as its users run it: processes, kills, restarts, and real senders."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from hub.client import ApiRefused, Client
from tests.factories import alertmanager, firing, resolved
from tests.system import OVERWATCH, RunningHub, eventually, free_port, processes_of, running_hub

AWAY = (ApiRefused, urllib3.exceptions.HTTPError)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("data")) as hub:
        yield hub


@pytest.fixture(scope="module")
def person(running: RunningHub) -> Client:
    return running.client()


def incidents(person: Client, title: str, status: str = "active") -> list[dict]:
    return person.call("GET", f"/incidents?status={status}&q={title}")["data"]


def test_ready_is_one_line_on_stdout(running: RunningHub):
    assert running.ready_line == f"Overwatch is ready: {running.address}\n"


def test_main_job_runs_through_the_real_processes(person: Client):
    webhook = person.connect("alertmanager", "Production")
    person.call("POST", webhook, alertmanager(firing("ReplicaLags")))
    eventually(lambda: incidents(person, "ReplicaLags"))
    person.call("POST", webhook, alertmanager(resolved("ReplicaLags")))
    assert eventually(lambda: incidents(person, "ReplicaLags", "resolved"))[0]["resolved_at"]


def test_search_finds_the_incident_by_words_that_do_not_stand_in_it(person: Client):
    webhook = person.connect("alertmanager", "Production")
    person.call("POST", webhook, alertmanager(firing("NodeFilesystemAlmostOutOfSpace", environment="search")))
    query = {"query": "no free storage left on the machine", "limit": 1}
    hit = eventually(lambda: _hit(person.call("POST", "/search/query", query), "NodeFilesystemAlmostOutOfSpace"))
    assert 0 < hit["confidence"] <= 1


def _hit(answer: dict, title: str) -> dict | None:
    """The best result, once it has this title: until it is indexed, others may be best."""
    return next((hit for hit in answer["data"][:1] if hit["title"] == title), None)


@pytest.mark.parametrize(
    "victim", ["hub.cli api", "hub.cli worker --lanes ingest", "hub.cli worker --lanes index", "beat"]
)
def test_killed_child_is_restarted_and_the_hub_goes_on(running: RunningHub, person: Client, victim: str):
    (pid, *_) = [pid for pid, told in processes_of(running.data).items() if victim in told]
    os.kill(pid, signal.SIGKILL)
    webhook = eventually(lambda: _connected(person), seconds=30)
    name = f"After{victim.title().replace(' ', '').replace('.', '').replace('-', '')}"
    eventually(lambda: _pushed(person, webhook, name), seconds=30)
    eventually(lambda: _opened(person, name), seconds=30)


def _connected(person: Client) -> str:
    try:
        return person.connect("alertmanager", "Production")
    except AWAY:  # the API is on its way back
        return ""


def _pushed(person: Client, webhook: str, name: str) -> bool:
    try:
        return bool(person.call("POST", webhook, alertmanager(firing(name, environment=name))))
    except AWAY:  # the API is on its way back
        return False


def _opened(person: Client, name: str) -> list[dict]:
    try:
        return incidents(person, name)
    except AWAY:  # the API is on its way back
        return []


def overwatch(*words: str | Path) -> str:
    return subprocess.run([OVERWATCH, *words], capture_output=True, text=True, check=True).stdout


def test_deliveries_are_replayed_from_the_command_line(running: RunningHub, person: Client):
    made = person.call("POST", "/api-keys", {"name": "replay", "permissions": ["integrations:update"]})
    webhook = person.connect("alertmanager", "Production")
    receipt = person.call("POST", webhook, {"alerts": "none"})["data"]["delivery_id"]
    eventually(lambda: person.call("GET", f"/deliveries/{receipt}")["data"]["status"] == "dead")
    access = ("--url", running.address, "--api-key", made["data"]["key"])
    assert "1 delivery goes" in overwatch("replay", "deliveries", receipt, *access)
    assert "nothing changed" in overwatch("replay", "deliveries", "--status", "dead", "--dry-run", *access)


def test_restart_keeps_all_data_and_a_second_hub_is_refused(tmp_path: Path):
    with running_hub(tmp_path) as hub:
        person = hub.client()
        person.call("POST", "/incidents", {"title": "Kept"})
        second = subprocess.run(
            [hub.process.args[0], "up", "--data", tmp_path, "--port", str(free_port())],
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode != 0
        assert len(second.stderr.strip().splitlines()) == 1
    with running_hub(tmp_path) as hub:
        person.address = hub.address
        assert [incident["title"] for incident in incidents(person, "Kept")] == ["Kept"]


def test_killed_supervisor_leaves_no_orphan(tmp_path: Path):
    with running_hub(tmp_path) as hub:
        assert len(processes_of(tmp_path)) > 5
        hub.process.kill()
        eventually(lambda: not processes_of(tmp_path))


@pytest.mark.skipif(not shutil.which("prometheus"), reason="no prometheus here: install Debian's package")
@pytest.mark.skipif(
    not shutil.which("prometheus-alertmanager"), reason="no alertmanager here: install Debian's package"
)
def test_real_prometheus_and_alertmanager_open_and_close_an_incident(person: Client, tmp_path: Path):
    webhook = person.connect("alertmanager", "Real")
    with _alertmanager(tmp_path, webhook) as port, _prometheus(tmp_path, port):
        opened = eventually(lambda: incidents(person, "AlwaysFiring"), seconds=60)
        assert (opened[0]["title"], opened[0]["severity"]) == ("AlwaysFiring", "high")
        (tmp_path / "rules.yml").write_text("groups: []\n")
        subprocess.run(["pkill", "-HUP", "-f", f"storage.tsdb.path={tmp_path}"], check=True)
        assert eventually(lambda: incidents(person, "AlwaysFiring", "resolved"), seconds=90)


@contextmanager
def _alertmanager(folder: Path, webhook: str) -> Iterator[int]:
    port = free_port()
    config = {
        "route": {"receiver": "hub", "group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"},
        "receivers": [{"name": "hub", "webhook_configs": [{"url": webhook, "send_resolved": True}]}],
    }
    (folder / "alertmanager.yml").write_text(json.dumps(config))  # YAML reads JSON
    options = [
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _running(["prometheus-alertmanager", *options], folder / "alertmanager.log"):
        yield port


@contextmanager
def _prometheus(folder: Path, alertmanager_port: int) -> Iterator[None]:
    rule = {"alert": "AlwaysFiring", "expr": "vector(1)", "labels": {"severity": "error"}}
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "interval": "1s", "rules": [rule]}]}))
    config = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]},
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    options = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address=127.0.0.1:{free_port()}",
        "--rules.alert.resend-delay=1s",
    ]
    with _running(["prometheus", *options], folder / "prometheus.log"):
        yield


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)
