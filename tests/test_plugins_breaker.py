"""The breaker: what a failing connector cannot translate waits, visible, and is processed when it recovers."""

from collections.abc import Iterator
from typing import Any

import pytest

from hub.contracts import Config, Delivery, Event
from plugins.alertmanager import Alertmanager
from tests.factories import Hub, Person, alertmanager, firing

translate = Alertmanager.normalise


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Alertmanager's connector raises until the patch is undone."""

    def fail(_self: Alertmanager, _delivery: Delivery, _config: Config) -> list[Event]:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(Alertmanager, "normalise", fail)
        yield patch


def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alertmanager's connector raises for what names poison."""

    def fail_on_poison(self: Alertmanager, delivery: Delivery, config: Config) -> list[Event]:
        if b"Poison" in delivery.body:
            raise RuntimeError
        return translate(self, delivery, config)

    monkeypatch.setattr(Alertmanager, "normalise", fail_on_poison)


def push(owner: Person, count: int) -> None:
    for number in range(count):
        owner.push(alertmanager(firing(f"Alert{number}")))


def parked(owner: Person) -> list[dict[str, Any]]:
    return [each for each in owner.get("/deliveries", sort="received_at") if each["status"] == "pending"]


def outcomes(owner: Person) -> list[str]:
    return [each["status"] for each in owner.get("/deliveries", sort="received_at", limit=100)]


def test_third_failure_in_a_row_parks_it_and_what_comes_after(hub: Hub, owner: Person, broken: pytest.MonkeyPatch):
    push(owner, 6)
    hub.work("ingest")
    assert outcomes(owner) == ["dead"] * 2 + ["pending"] * 4
    reasons = {each["reason"] for each in parked(owner)}
    assert reasons == {"parked: alertmanager failed 3 times in a row, last: RuntimeError"}


def test_health_tells_that_the_breaker_is_open_until_the_connector_recovers(
    hub: Hub, owner: Person, broken: pytest.MonkeyPatch
):
    push(owner, 6)
    hub.work("ingest")
    path = f"/integrations/{owner.get('/integrations')[0]['id']}/health"
    opened = owner.get(path)
    assert (opened["status"], opened["breaker"]["state"], opened["breaker"]["failure_count"]) == ("failing", "open", 3)
    assert opened["breaker"]["retry_at"] > opened["last_delivery"]["received_at"]
    broken.undo()
    hub.later(seconds=6)
    hub.work("ingest")
    assert owner.get(path)["breaker"] == {"state": "closed", "failure_count": 0, "retry_at": None, "reason": ""}


def test_parked_deliveries_are_processed_when_the_connector_recovers(
    hub: Hub, owner: Person, broken: pytest.MonkeyPatch
):
    push(owner, 6)
    hub.work("ingest")
    broken.undo()
    hub.later(seconds=6)
    hub.work("ingest")
    assert outcomes(owner) == ["dead"] * 2 + ["processed"] * 4


def test_three_that_were_not_tried_yet_are_tried_while_the_connector_still_fails(
    hub: Hub, owner: Person, broken: pytest.MonkeyPatch
):
    push(owner, 7)
    hub.work("ingest")
    attempts = []
    for seconds in (3, 1, 4):
        hub.later(seconds=seconds)
        hub.work("ingest")
        attempts.append(sorted(each["attempts"] for each in parked(owner)))
    assert attempts == [[0, 1, 1, 1, 1], [0, 1, 1, 1, 1], [1, 1, 1, 2, 2]]


def test_lone_delivery_that_can_never_be_translated_ends_dead_within_a_minute(
    hub: Hub, owner: Person, broken: pytest.MonkeyPatch
):
    push(owner, 3)
    for _ in range(6):
        hub.work("ingest")
        hub.later(seconds=5)
    assert outcomes(owner) == ["dead"] * 3


def test_many_that_can_never_be_translated_do_not_hold_up_what_comes_after(
    hub: Hub, owner: Person, monkeypatch: pytest.MonkeyPatch
):
    poison(monkeypatch)
    for number in range(9):
        owner.push(alertmanager(firing(f"Poison{number}")))
    hub.work("ingest")
    push(owner, 3)
    hub.later(seconds=6)
    hub.work("ingest")
    assert outcomes(owner)[9:] == ["processed"] * 3
    for _ in range(10):
        hub.later(seconds=61)
        hub.work("ingest")
    assert outcomes(owner) == ["dead"] * 9 + ["processed"] * 3


def test_delivery_that_can_never_be_translated_ends_dead_and_frees_the_others(
    hub: Hub, owner: Person, monkeypatch: pytest.MonkeyPatch
):
    poison(monkeypatch)
    for number in range(3):
        owner.push(alertmanager(firing(f"Poison{number}")))
    push(owner, 3)
    for _ in range(6):
        hub.work("ingest")
        hub.later(seconds=301)
    assert outcomes(owner) == ["dead"] * 3 + ["processed"] * 3


def test_another_organization_with_the_same_connector_does_not_wait(
    hub: Hub, owner: Person, broken: pytest.MonkeyPatch
):
    push(owner, 4)
    hub.work("ingest")
    broken.undo()
    neighbour = hub.register()
    push(neighbour, 1)
    hub.work("ingest")
    assert outcomes(neighbour) == ["processed"]


def test_failures_with_successes_between_them_open_no_breaker(hub: Hub, owner: Person, monkeypatch: pytest.MonkeyPatch):
    def fail_on_even(self: Alertmanager, delivery: Delivery, config: Config) -> list[Event]:
        if b"Alert0" in delivery.body or b"Alert2" in delivery.body or b"Alert4" in delivery.body:
            raise RuntimeError
        return translate(self, delivery, config)

    monkeypatch.setattr(Alertmanager, "normalise", fail_on_even)
    push(owner, 6)
    hub.work("ingest")
    assert outcomes(owner) == ["dead", "processed"] * 3
