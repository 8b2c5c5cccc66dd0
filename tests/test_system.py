"""The whole hub as its users run it: processes, kills, restarts, and real senders."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from hub.client import ApiRefused, Client
from tests.external import Alertmanager, Prometheus
from tests.factories import alertmanager, firing, resolved
from tests.system import OVERWATCH, RunningHub, eventually, free_port, processes_of, running_hub

MONITORING = Path(__file__).parents[1] / "docker" / "monitoring"
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


def test_hub_that_lags_is_told_so_by_its_own_rule_through_real_prometheus_and_alertmanager(
    running: RunningHub, person: Client, tmp_path: Path
):
    ours = person.connect("alertmanager", "Overwatch itself")
    alertmanager_of_ours = Alertmanager(tmp_path, ours)
    scraped = {"job_name": "overwatch", "static_configs": [{"targets": [running.address.removeprefix("http://")]}]}
    told = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager_of_ours.address]}]}]}
    prometheus = Prometheus(tmp_path, [lag_rule_in_a_hurry()], scrape_configs=[scraped], alerting=told)
    with alertmanager_of_ours.running(), prometheus.running():
        with stopped(running, "worker --lanes ingest"):
            person.call("POST", person.connect("alertmanager", "Others"), alertmanager(firing("WaitsTooLong")))
            eventually(lambda: len(deliveries(person, "Overwatch itself")) == 1, seconds=30)
        opened = eventually(lambda: incidents(person, "OverwatchLags"), seconds=20)
        assert opened[0]["severity"] == "critical"
        assert eventually(lambda: incidents(person, "OverwatchLags", "resolved"), seconds=60)


def lag_rule_in_a_hurry() -> dict[str, Any]:
    """The hub's own rule about lag, where two seconds stand for its minute."""
    (group,) = yaml.safe_load((MONITORING / "overwatch.rules.yml").read_text())["groups"]
    (rule,) = [rule for rule in group["rules"] if rule["alert"] == "OverwatchLags"]
    metric, threshold = rule["expr"].split(" > ")
    assert (metric, threshold, rule["for"]) == ("max(overwatch_oldest_pending_seconds)", "60", "1m")
    return {"name": group["name"], "rules": [rule | {"expr": f"{metric} > 2", "for": "2s"}]}


@contextmanager
def stopped(running: RunningHub, who: str) -> Iterator[None]:
    """These processes stand still for a while, as on a machine that has no time for them."""
    found = [pid for pid, told in processes_of(running.data).items() if who in told]
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in found:
            os.kill(pid, signal.SIGCONT)


def deliveries(person: Client, integration: str) -> list[dict]:
    (found,) = [each for each in person.call("GET", "/integrations")["data"] if each["name"] == integration]
    return person.call("GET", f"/deliveries?integration_id={found['id']}")["data"]
