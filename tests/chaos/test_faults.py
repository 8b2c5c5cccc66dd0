"""The connection to Postgres is slow, swallows, breaks: senders hear 503, and every event still counts once."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote

import pytest
from sqlalchemy.exc import DBAPIError

from hub import auditor
from hub.runtime import Runtime, assemble
from hub.settings import Settings
from tests.factories import Hub, Person, alertmanager, firing
from tests.fault_proxy import FaultProxy
from workers.pipeline import STEPS

MOST_ANSWERS = 30  # more than a turn takes


@pytest.fixture
def proxy(hub_settings: Settings) -> Iterator[FaultProxy]:
    made = FaultProxy(hub_settings.socket_folder)
    yield made
    made.close()


@pytest.fixture
def proxied(hub_settings: Settings, proxy: FaultProxy) -> Iterator[Runtime]:
    """The parts of a process whose way to Postgres leads through the proxy."""
    there, here = (quote(str(folder), safe="") for folder in (hub_settings.socket_folder, proxy.folder))
    made = assemble(replace(hub_settings, database_url=hub_settings.database_url.replace(there, here)))
    assert str(proxy.folder) in str(made.database.engine.url.query)
    yield made
    made.database.dispose()


def counts(owner: Person) -> list[tuple[str, int]]:
    return sorted((alert["title"], alert["occurrence_count"]) for alert in owner.get("/alerts", limit=200))


def violations(hub: Hub, owner: Person) -> list[auditor.Violation]:
    with hub.runtime.database.transaction(owner.organization_id) as session:
        return list(auditor.audit_one(session, owner.organization_id))


@pytest.mark.parametrize("fault", ["latency", "slow"])
def test_webhook_is_accepted_over_a_bad_line(owner: Person, proxied: Runtime, proxy: FaultProxy, fault: str):
    webhook = owner.alertmanager
    with proxy.broken(fault):
        assert Hub(proxied).http.post(webhook, json=alertmanager(firing())).status_code == 200


@pytest.mark.parametrize("fault", ["black hole", "reset", "cut"])
def test_webhook_over_a_broken_line_is_told_to_come_again_and_counts_once(
    owner: Person, proxied: Runtime, proxy: FaultProxy, fault: str
):
    door, webhook = Hub(proxied).http, owner.alertmanager
    assert door.post(webhook, json=alertmanager(firing("Before"))).status_code == 200
    with proxy.broken(fault):
        begun = time.monotonic()
        refused = door.post(webhook, json=alertmanager(firing("Meanwhile")))
        assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (503, True)
        assert time.monotonic() - begun < 5
    while door.post(webhook, json=alertmanager(firing("Meanwhile"))).status_code == 503:
        assert time.monotonic() - begun < 15
        time.sleep(0.1)
    owner.hub.work("ingest")
    assert counts(owner) == [("Before", 1), ("Meanwhile", 1)]
    assert violations(owner.hub, owner) == []


def test_worker_that_is_cut_off_after_any_answer_loses_nothing_and_doubles_nothing(
    hub: Hub, owner: Person, proxied: Runtime, proxy: FaultProxy
):
    for answers in range(MOST_ANSWERS):
        owner.push(alertmanager(firing(f"Alert{answers}", service=f"s{answers}")))
        with proxy.broken("cut", answers), suppress(DBAPIError):
            STEPS["ingest"](proxied)
        hub.later(minutes=1)
        hub.work("ingest")
    assert counts(owner) == sorted((f"Alert{answers}", 1) for answers in range(MOST_ANSWERS))
    assert {each["status"] for each in owner.get("/deliveries", limit=200)} == {"processed"}
    assert violations(hub, owner) == []
