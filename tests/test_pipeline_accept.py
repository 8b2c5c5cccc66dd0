"""The door to the inbox: stored together, each answered for itself, and closed while the store does not answer."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from psycopg import OperationalError
from sqlalchemy import text
from werkzeug.test import TestResponse

from hub.database import Database
from hub.deliveries import express, gathering
from tests.factories import Hub, Person, alertmanager, firing

DATADOG = {"id": "1", "alert_type": "error", "title": "Disk", "alert_transition": "Triggered", "alert_id": "7"}


def together(owner: Person, webhook: str, bodies: list[object]) -> list[TestResponse]:
    """Pushes them at the same moment."""
    barrier = threading.Barrier(len(bodies))

    def push(body: object) -> TestResponse:
        barrier.wait()
        return owner.hub.http.post(webhook, json=body)

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(push, bodies))


def test_first_posts_of_one_key_at_once_are_one_delivery(owner: Person):
    answers = together(owner, owner.connect("datadog"), [DATADOG] * 16)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["data"]["delivery_id"] for answer in answers}) == 1
    assert sum(answer.json["data"]["duplicate"] for answer in answers) == 15


def test_first_posts_of_one_alert_at_once_are_one_alert(owner: Person):
    answers = together(owner, owner.alertmanager, [alertmanager(firing("DiskFull"))] * 16)
    owner.hub.work("ingest")
    assert {answer.status_code for answer in answers} == {200}
    assert [alert["occurrence_count"] for alert in owner.get("/alerts")] == [1]


def test_each_of_those_stored_together_gets_its_own_answer(owner: Person):
    good, known = owner.connect("datadog"), DATADOG | {"id": "2"}
    first = owner.push(known, good)["data"]["delivery_id"]
    wrong_token = good.replace("token=", "token=x")
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda webhook: owner.hub.http.post(webhook, json=known), [good, wrong_token] * 2))
    assert [answer.status_code for answer in answers] == [200, 401, 200, 401]
    assert answers[0].json["data"] | {"integration_id": ""} == {
        "delivery_id": first,
        "integration_id": "",
        "duplicate": True,
    }


def test_webhook_is_refused_with_503_while_the_store_fails(owner: Person, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(gathering.Gatherer, "_execute", fail)
    answer = owner.hub.http.post(owner.alertmanager, json=alertmanager(firing()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_nobody_waits_long_for_a_store_that_hangs(owner: Person, monkeypatch: pytest.MonkeyPatch):
    webhook, released = owner.alertmanager, threading.Event()
    monkeypatch.setattr(gathering, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(gathering, "STALLED_SECONDS", 0.1)
    execute = gathering.Gatherer._execute
    monkeypatch.setattr(gathering.Gatherer, "_execute", lambda *told: released.wait(10) and execute(*told))
    first = owner.hub.http.post(webhook, json=alertmanager(firing()))
    begun = time.monotonic()
    second = owner.hub.http.post(webhook, json=alertmanager(firing()))
    assert (first.status_code, second.status_code) == (503, 503)
    assert time.monotonic() - begun < gathering.PATIENCE_SECONDS
    released.set()


def test_door_opens_again_when_the_store_answers(owner: Person):
    assert owner.push(alertmanager(firing()))["data"]["duplicate"] is False


def test_more_than_a_process_can_bear_are_refused(owner: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gathering, "MOST_INSIDE", 0)
    answer = owner.hub.http.post(owner.alertmanager, json=alertmanager(firing()))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_when_as_many_have_come_as_ever_did_lately_nobody_waits_for_more(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gathering, "STREAM_SECONDS", 60)
    monkeypatch.setattr(gathering.Gatherer, "_execute", lambda _, many: [("accepted", None) for _ in many])
    gatherer = gathering.Gatherer(hub.runtime.database, 0)
    everybody = [{"body": b""}] * gathering.MANY_TOGETHER
    with ThreadPoolExecutor(len(everybody)) as senders:
        for _ in range(gathering.LATELY):
            list(senders.map(gatherer.store, everybody))
        monkeypatch.setattr(gathering, "GATHER_SECONDS", 60)
        list(senders.map(gatherer.store, everybody))  # else they would give up, which raises
        first = senders.submit(gatherer.store, everybody[0])
        with pytest.raises(TimeoutError):
            first.result(0.2)
        list(senders.map(gatherer.store, everybody[1:]))


ONE_EACH = {"X-Request-Id", "Content-Length"}  # "true" is shorter than "false"


@pytest.mark.parametrize("made_wrong", ["", "&token=x", "x"], ids=["accepted", "a parameter twice", "untrusted"])
def test_short_and_long_way_answer_alike(owner: Person, made_wrong: str, monkeypatch: pytest.MonkeyPatch):
    webhook, known = owner.connect("datadog") + made_wrong, DATADOG | {"id": "3"}
    short = owner.hub.http.post(webhook, json=known)
    monkeypatch.setattr(express, "_METHODS", frozenset())
    long = owner.hub.http.post(webhook, json=known)
    assert short.status_code == long.status_code
    assert short.json.keys() == long.json.keys()
    assert short.json.get("data", {}) | {"duplicate": True} == long.json.get("data", {}) | {"duplicate": True}
    told = [{name: value for name, value in each.headers if name not in ONE_EACH} for each in (short, long)]
    assert told[0] == told[1]
    assert {*short.headers.keys()} >= ONE_EACH


def test_both_ways_keep_the_same_of_a_request(owner: Person, monkeypatch: pytest.MonkeyPatch):
    webhook, headers = f"{owner.connect('datadog')}&a=1&a=2&b=", {"X-Some": "thing", "Authorization": "Bearer x"}
    owner.hub.http.post(webhook, json=DATADOG | {"id": "4"}, headers=headers)
    monkeypatch.setattr(express, "_METHODS", frozenset())
    owner.hub.http.post(webhook, json=DATADOG | {"id": "5"}, headers=headers)
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        rows = session.execute(text("SELECT headers, query FROM deliveries ORDER BY received_at DESC LIMIT 2")).all()
    assert rows[0] == rows[1]
    assert rows[0].query == {"a": "1", "b": ""}


def test_connection_that_the_server_has_closed_is_replaced(hub: Hub):
    database = Database(hub.runtime.settings.database_url, pool_size=1)
    with database.transaction() as session:
        before = session.scalar(text("SELECT pg_backend_pid()"))
    with database.counting.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": before})
    with database.transaction() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != before
    database.dispose()


def test_connection_that_broke_in_use_is_replaced(hub: Hub):
    database = Database(hub.runtime.settings.database_url, pool_size=1)
    with closing(database.counting.raw_connection()) as broken:
        broken.driver_connection.close()
    with database.counting.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    database.dispose()
