"""A connector's fault stays its own delivery's; a step that hangs takes its process with it, whatever else goes on."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from hub.contracts import Delivery, Event, State
from hub.deliveries.turns import MOST_ATTEMPTS
from plugins.alertmanager import Alertmanager
from tests.factories import Hub, Person, alertmanager, firing

ALERTMANAGER = "plugins.alertmanager.Alertmanager.normalise"
EVENT = Event(title="Many", state=State.FIRING, dedup_key="many")


def raises(error: BaseException) -> Callable[..., Any]:
    def normalise(*_: object) -> Any:
        raise error

    return normalise


# what the connector does, and how the delivery's reason begins
FAULTS: dict[str, tuple[Callable[..., Any], str]] = {
    "raises": (raises(RuntimeError("secret of the payload")), "connector_failed: RuntimeError"),
    "wants to exit": (raises(SystemExit(3)), "connector_failed: SystemExit"),
    "recurses": (raises(RecursionError()), "connector_failed: RecursionError"),
    "runs out of memory": (raises(MemoryError()), "connector_failed: MemoryError"),
    "gives nothing": (lambda *_: None, "malformed: events"),
    "gives something else": (lambda *_: ["no event"], "malformed: events[0]"),
    "gives a million": (lambda *_: [EVENT] * 1_000_000, "malformed: events"),
    "gives no key": (lambda *_: [Event(title="x", state=State.FIRING, dedup_key="")], "malformed: events[0].dedup_key"),
}


@pytest.mark.parametrize(("normalise", "reason"), FAULTS.values(), ids=FAULTS)
def test_faulty_connector_ends_its_delivery_and_no_other(
    owner: Person, monkeypatch: pytest.MonkeyPatch, normalise: Callable[..., Any], reason: str
):
    neighbour = owner.connect("datadog")
    monkeypatch.setattr(ALERTMANAGER, normalise)
    receipt = owner.push(alertmanager(firing()))
    owner.push({"id": "1", "alert_type": "error", "title": "Disk", "alert_transition": "Triggered"}, neighbour)
    owner.hub.work("ingest")
    told = owner.get(f"/deliveries/{receipt['data']['delivery_id']}")
    assert told["status"] == "dead"
    assert told["reason"].startswith(reason)
    assert "secret of the payload" not in told["reason"]
    assert [alert["platform"] for alert in owner.get("/alerts")] == ["datadog"]


STRANGE_EVENTS = {
    "from the future": ({"startsAt": "2999-01-01T00:00:00Z"}, "firing"),
    "from 1970": ({"startsAt": "1970-01-01T00:00:00Z"}, "firing"),
    "resolved before it began": ({"status": "resolved", "endsAt": "2020-01-01T00:00:00Z"}, "resolved"),
    "with a label of 1 MB": ({"labels": {"alertname": "Big", "text": "x" * 1_000_000}}, "firing"),
    "with 10,000 labels": ({"labels": {"alertname": "Many"} | {f"l{n}": "x" for n in range(10_000)}}, "firing"),
}


@pytest.mark.parametrize(("strange", "status"), STRANGE_EVENTS.values(), ids=STRANGE_EVENTS)
def test_strange_event_becomes_an_alert_within_bounds(owner: Person, strange: dict[str, Any], status: str):
    owner.push(alertmanager(firing() | strange))
    owner.hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert alert["status"] == status
    assert alert["started_at"] <= alert["last_seen_at"]
    assert len(alert["labels"]) <= 200
    assert max(map(len, alert["labels"].values())) <= 2_000


def test_alert_that_ends_before_it_began_is_over(owner: Person):
    owner.push(alertmanager(firing("Backwards")))
    owner.push(alertmanager(firing("Backwards") | {"status": "resolved", "endsAt": "2020-01-01T00:00:00Z"}))
    owner.hub.work("ingest")
    (alert,) = owner.get("/alerts")
    assert (alert["status"], alert["resolved_at"]) == ("resolved", alert["started_at"])


@contextmanager
def failing(hub: Hub, sqlstate: str) -> Iterator[None]:
    """Storing an alert fails like this, as long as it lasts."""
    raising = f"BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END"
    owner_url = hub.runtime.settings.owner_database_url.replace("+psycopg", "")
    with psycopg.connect(owner_url, autocommit=True) as database:
        database.execute(f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $${raising}$$")
        database.execute("CREATE TRIGGER fails BEFORE INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION fail()")
        yield
        database.execute("DROP FUNCTION fail CASCADE")


def test_full_disk_costs_no_delivery_an_attempt(hub: Hub, owner: Person):
    receipts = [owner.push(alertmanager(firing(name)))["data"]["delivery_id"] for name in ("One", "Two")]
    with failing(hub, "53100"):
        for _ in range(7):
            hub.later(seconds=10)
            hub.work("ingest")
        told = [owner.get(f"/deliveries/{each}") for each in receipts]
    assert {(each["status"], each["reason"], each["attempts"]) for each in told} == {
        ("pending", "the database has no room", 0)
    }
    hub.later(seconds=10)
    hub.work("ingest")
    assert {each["status"] for each in owner.get("/deliveries")} == {"processed"}


def test_delivery_that_cannot_be_stored_ends_dead_after_bounded_attempts(hub: Hub, owner: Person):
    receipt = owner.push(alertmanager(firing()))
    with failing(hub, "22000"):
        for _ in range(MOST_ATTEMPTS):
            hub.later(minutes=2)
            hub.work("ingest")
    told = owner.get(f"/deliveries/{receipt['data']['delivery_id']}")
    assert (told["status"], told["reason"], told["attempts"]) == ("dead", "storing failed", MOST_ATTEMPTS)


class Killed(BaseException):
    """Nothing of the worker runs after it: no outcome is written."""


def test_delivery_that_kills_its_worker_ends_dead_and_its_neighbours_do_not(
    hub: Hub, owner: Person, monkeypatch: pytest.MonkeyPatch
):
    def kill(self: Alertmanager, delivery: Delivery, config: Any) -> Any:
        if b"Poison" in delivery.body:
            raise Killed
        return normalise(self, delivery, config)

    normalise = Alertmanager.normalise
    monkeypatch.setattr(ALERTMANAGER, kill)
    for name in ("Before", "Poison", "After"):
        owner.push(alertmanager(firing(name)))
    for _ in range(2 * MOST_ATTEMPTS):
        with suppress(Killed):
            hub.work("ingest")
        hub.later(minutes=2)
    before, poison, after = owner.get("/deliveries", sort="received_at")
    assert (poison["status"], poison["reason"]) == ("dead", "worker_died: 5 attempts ended with their worker")
    assert [(each["status"], each["attempts"]) for each in (before, after)] == [("processed", 2)] * 2


HANG = """
import threading, time
from workers import lanes

lanes._HANG_SECONDS = 0.5
watchdog = lanes.Watchdog()

def hang():
    with watchdog.over("ingest"):
        time.sleep(60)

threading.Thread(target=hang, daemon=True).start()
for _ in range(200):  # another lane of the same process comes and goes all the while
    with watchdog.over("notify"):
        time.sleep(0.01)
print("still here")
"""


def test_hanging_step_ends_its_process_though_other_lanes_go_on():
    done = subprocess.run([sys.executable, "-c", HANG], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Timeout" in done.stderr
