"""Processes that are busy are killed, a broker lies, Postgres stands still: nothing is lost, nothing doubled."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from hub import outbox, settings
from hub.bench import chaos, processes
from hub.bench.running import RunningHub, running_hub, wait_for
from hub.bench.search import wait_until_indexed
from hub.bench.search_scale import organization_of
from hub.bench.sender import Sender, alert_body

MOST_ROUNDS = 12

_STATE = (
    "SELECT md5(string_agg(state, E'\\n' ORDER BY state)) FROM ("
    " SELECT jsonb_build_array(platform, status, severity, title, description, service, resource, labels - 'run',"
    "   annotations, occurrence_count, episode_count, started_at, resolved_at, incident_id IS NULL)::text AS state"
    " FROM alerts WHERE dedup_key LIKE %(run)s) states"
)

# every place in the code that can be the last one a process reaches
FAILPOINTS = (
    "before_inbox_commit",
    "after_inbox_commit",
    "after_claim",
    "after_normalise",
    "after_record",
    "after_correlate",
    "before_commit",
    "after_apply",
)


def push(hub: RunningHub, name: str, count: int, rate: float) -> Sender:
    hub.wait_until_ready(30)
    webhook = hub.owner().connect("alertmanager", name)
    sender = Sender(webhook, lambda n: alert_body(range(n, n + 1), name), count, connections=16, rate=rate)
    sender.start()
    return sender


def state_of(hub: RunningHub, name: str) -> str:
    """One hash over the alerts that the run has left; equal runs have equal hashes."""
    ((found,),) = hub.query(_STATE, run=f"{name}-%")
    return str(found)


def report_of(hub: RunningHub, name: str, count: int, sender: Sender) -> chaos.Report:
    return chaos.examine(hub, name, count, sender.join(), Counter())


def test_kills_of_busy_processes_lose_nothing_and_double_nothing(suffering: RunningHub):
    report = chaos.strain(suffering, count=2_000, kills=22, seed=5, rate=50)
    assert report.is_good, report.lines()
    assert report.kills.total() >= 20


@pytest.mark.parametrize("seconds", [0.2, 2.0, 20.0])
def test_postgres_that_stands_still_means_503_and_recovers_alone(suffering: RunningHub, seconds: float):
    name = f"still-{seconds}"
    sender = push(suffering, name, count=300, rate=60)
    with standing_still(suffering, "postgres"):
        time.sleep(seconds)
    report = report_of(suffering, name, 300, sender)
    assert report.is_good, report.lines()
    assert set(report.sent.statuses) <= {200, 503}
    assert report.sent.without_retry_after == 0
    assert report.settled_seconds <= 5


@pytest.fixture(scope="module")
def undisturbed(suffering: RunningHub) -> str:
    """The state that 200 webhooks leave when nothing goes wrong."""
    report = report_of(suffering, "undisturbed", 200, push(suffering, "undisturbed", count=200, rate=100))
    assert report.is_good, report.lines()
    return state_of(suffering, "undisturbed")


def test_broker_that_drops_everything_costs_a_second_or_two(suffering: RunningHub, undisturbed: str):
    with meddling(suffering, "DELETE FROM pgmq.q_ingest"):
        sender = push(suffering, "dropped", count=200, rate=100)
        report = report_of(suffering, "dropped", 200, sender)
    assert report.is_good, report.lines()
    assert state_of(suffering, "dropped") == undisturbed
    assert report.settled_seconds <= 10


def test_broker_that_drops_doubles_and_reorders_changes_nothing(suffering: RunningHub, undisturbed: str):
    half = "DELETE FROM pgmq.q_ingest WHERE random() < 0.5"
    twice = (
        "INSERT INTO pgmq.q_ingest (read_ct, enqueued_at, vt, message)"
        " SELECT 0, now(), now() + random() * interval '1 second', message FROM pgmq.q_ingest LIMIT 20"
    )
    with meddling(suffering, half, twice):
        sender = push(suffering, "doubled", count=200, rate=100)
        report = report_of(suffering, "doubled", 200, sender)
    assert report.is_good, report.lines()
    assert state_of(suffering, "doubled") == undisturbed
    assert report.settled_seconds <= 10


def test_death_at_every_failpoint_loses_nothing_and_doubles_nothing(tmp_path: Path):
    armed = ",".join(f"{name}=kill:0.02" for name in FAILPOINTS)
    reached: set[str] = set()
    with running_hub(tmp_path, environment={"OVERWATCH_FAILPOINTS": armed}) as hub:
        for number in range(MOST_ROUNDS):  # where death strikes is chance: go on until it has struck everywhere
            name = f"failpoints{number}"
            report = report_of(hub, name, 300, push(hub, name, count=300, rate=40))
            assert report.is_good, report.lines()
            reached = deaths(hub)
            if reached == set(FAILPOINTS):
                break
    assert reached == set(FAILPOINTS)


def deaths(hub: RunningHub) -> set[str]:
    """The failpoints that have killed, as the logs tell."""
    told = "".join(log.read_text(errors="replace") for log in (hub.data / "logs").glob("*.log"))
    return {name for name in FAILPOINTS if f"failpoint {name} kills" in told}


_AT_WORK = "SELECT DISTINCT lease_token FROM jobs WHERE lane = 'index' AND lease_until > now()"
_INDEXED = (
    "SELECT d.title, c.ordinal, encode(c.text_hash, 'hex') FROM documents d"
    " JOIN chunks c ON c.organization_id = d.organization_id AND c.document_id = d.id"
    " JOIN procedures p ON p.organization_id = d.organization_id AND p.id = d.source_id"
    " WHERE d.organization_id = %(org)s ORDER BY 1, 2"
)


def test_runbooks_are_indexed_whole_and_once_though_who_indexes_is_killed(suffering: RunningHub):
    parts = "\n\n".join(f"## Part {n}\n\n{' '.join(f'word{n}x{m}' for m in range(90))}" for n in range(12))
    files = [{"path": f"{n}.md", "title": f"Runbook {n}", "content": f"Of host {n}.\n\n{parts}"} for n in range(24)]
    suffering.wait_until_ready(30)
    killed, undisturbed = suffering.owner(), suffering.owner()
    killed.call("POST", "/procedures/import", {"files": files})
    interrupted: set[tuple[UUID]] = set()
    for _ in range(4):
        wait_for(lambda: set(suffering.query(_AT_WORK)) - interrupted, 30, "Nobody indexes")
        interrupted.update(suffering.query(_AT_WORK))
        victim = processes.busiest(suffering.pid, "worker-index")
        assert victim
        os.kill(victim.pid, signal.SIGKILL)
    began = time.monotonic()
    wait_until_indexed(suffering)
    assert time.monotonic() - began < outbox.LEASE_SECONDS / 2  # nobody waits for the dead
    undisturbed.call("POST", "/procedures/import", {"files": files})
    wait_until_indexed(suffering)
    states = [suffering.query(_INDEXED, org=organization_of(each)) for each in (killed, undisturbed)]
    assert states[0] == states[1]
    assert len({title for title, *_ in states[0]}) == len(files)


@contextmanager
def standing_still(hub: RunningHub, role: str) -> Iterator[None]:
    """Stops the processes of a role, and lets them go on."""
    chosen = [each.pid for each in processes.below(hub.pid) if each.role == role]
    for pid in chosen:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in chosen:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def meddling(hub: RunningHub, *statements: str) -> Iterator[None]:
    """Somebody does this to the broker's queue again and again."""
    found = settings.from_env(hub.data)
    over, chance = threading.Event(), random.Random(1)

    def meddle() -> None:
        with psycopg.connect(
            host=str(found.socket_folder),
            dbname="overwatch_broker",
            user="overwatch_broker",
            password=found.secrets.broker_password,
            autocommit=True,
        ) as broker:
            while not over.wait(0.01):
                broker.execute(chance.choice(statements).encode())

    thread = threading.Thread(target=meddle)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_hub_is_ready_again_after_all_this(suffering: RunningHub):
    suffering.wait_until_ready(30)
