"""A platform that asks whether it may send here is told by a worker, and the delivery that asked says how it went."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.runtime import Runtime, assemble
from hub.settings import Settings
from plugins.cloudwatch.test_cloudwatch import KEYS, SUBSCRIBE_URL, TOPIC, Sns, confirmation
from tests.factories import Hub, Person
from tests.stand_in import Answer, StandIn
from workers import pipeline

ASKER = """
from hub.contracts import Connector, Receipt, Unconfirmed, expect_success, hookimpl


class Asker(Connector):
    name = "asker"
    title = "Asker"
    config_schema = {"type": "object", "properties": {"api_url": {"type": "string"}}, "additionalProperties": False}

    def normalise(self, delivery, config):
        raise Unconfirmed("hello: a worker answers")

    def confirm(self, delivery, config, http):
        expect_success(http.request("POST", config["api_url"], body=delivery.body))
        return Receipt(detail="friends now")


@hookimpl
def overwatch_connectors():
    return [Asker()]
"""


@pytest.fixture(scope="module")
def runtime(hub_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """One connector is a third party's: it asks through the hub's own way out."""
    folder: Path = tmp_path_factory.mktemp("plugins")
    (folder / "asker.py").write_text(ASKER)
    made = assemble(replace(hub_settings, plugins_dir=folder, egress_allow="127.0.0.1/32"))
    yield made
    made.plugins.close()
    made.database.dispose()


def ask(owner: Person, url: str) -> None:
    owner.push({"hello": 1}, owner.connect("asker", api_url=url))


def work(hub: Hub) -> None:
    hub.work("ingest", "poll")


def told(owner: Person) -> tuple[str, str]:
    (delivery,) = owner.get("/deliveries")
    return delivery["status"], delivery["reason"]


def test_platform_is_told_once_and_the_delivery_says_so(hub: Hub, owner: Person, platform: StandIn):
    ask(owner, platform.url)
    work(hub)
    work(hub)
    (delivery,) = owner.get("/deliveries")
    assert [asked.json for asked in platform.asked] == [{"hello": 1}]
    assert (delivery["status"], delivery["reason"]) == ("ignored", "hello: friends now")
    assert "confirmed" in delivery["stages"]


def test_sender_waits_for_no_call(hub: Hub, owner: Person, platform: StandIn):
    ask(owner, platform.url)
    hub.work("ingest")
    assert (platform.asked, told(owner)) == ([], ("ignored", "hello: a worker answers"))


def test_health_of_the_integration_shows_what_came_of_it(hub: Hub, owner: Person, platform: StandIn):
    ask(owner, platform.url)
    work(hub)
    (integration,) = owner.get("/integrations")
    health = owner.get(f"/integrations/{integration['id']}/health")
    assert health["last_delivery"]["reason"] == "hello: friends now"


def test_platform_that_does_not_answer_is_asked_again_with_growing_pauses(hub: Hub, owner: Person, platform: StandIn):
    platform.answer = lambda _: Answer(503)
    ask(owner, platform.url)
    work(hub)
    assert told(owner) == ("ignored", "hello: not confirmed yet: The platform answered 503.")
    work(hub)
    assert len(platform.asked) == 1
    platform.answer = lambda _: Answer()
    hub.later(seconds=6)
    work(hub)
    assert told(owner) == ("ignored", "hello: friends now")


def test_platform_that_never_answers_ends_the_delivery_after_ten_minutes(hub: Hub, owner: Person, platform: StandIn):
    platform.answer = lambda _: Answer(503)
    ask(owner, platform.url)
    for _ in range(6):
        work(hub)
        hub.later(minutes=4)
    assert told(owner) == ("dead", "unavailable: The platform answered 503.")
    assert len(platform.asked) <= 5


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/", "misconfigured: 169.254.169.254 is not a public address"),
        ("ftp://example.org/", "misconfigured: The address must begin with"),
    ],
)
def test_address_that_is_refused_ends_the_delivery(hub: Hub, owner: Person, url: str, reason: str):
    ask(owner, url)
    work(hub)
    status, said = told(owner)
    assert status == "dead"
    assert said.startswith(reason)


def test_replay_tries_again(hub: Hub, owner: Person, platform: StandIn):
    platform.answer = lambda _: Answer(404)
    ask(owner, platform.url)
    work(hub)
    (delivery,) = owner.get("/deliveries")
    assert delivery["status"] == "dead"
    platform.answer = lambda _: Answer()
    owner.post(f"/deliveries/{delivery['id']}/replay", status=202)
    work(hub)
    assert told(owner) == ("ignored", "hello: friends now")


def test_connector_that_is_gone_is_named(hub: Hub, owner: Person, platform: StandIn):
    ask(owner, platform.url)
    hub.work("ingest")
    pipeline.poll(replace(hub.runtime, connectors={}))
    assert told(owner) == ("dead", "connector_missing: asker is not installed")


def test_connector_that_breaks_ends_its_own_delivery(hub: Hub, owner: Person):
    owner.push({"hello": 1}, owner.connect("asker"))  # without the address that it needs
    work(hub)
    assert told(owner) == ("dead", "connector_failed: ConnectorFailed")


@pytest.mark.parametrize(
    ("topic", "is_confirmed", "expected"),
    [
        (TOPIC, True, ("ignored", f"subscription_confirmation: confirmed, {TOPIC} sends here")),
        (f"{TOPIC}-of-others", False, ("ignored", "other_topic")),
    ],
)
def test_subscription_of_cloudwatch_is_confirmed_for_its_topic_only(
    hub: Hub, owner: Person, topic: str, is_confirmed: bool, expected: tuple[str, str]
):
    certificate = next(iter(KEYS))
    platform = Sns(certificate)
    owner.push(
        confirmation(certificate, TopicArn=topic, Timestamp=datetime.now(UTC).isoformat()),
        owner.connect("cloudwatch", topic_arn=TOPIC),
    )
    hub.work("ingest")
    pipeline.poll(replace(hub.runtime, egress=platform))
    assert told(owner) == expected
    assert (SUBSCRIBE_URL in platform.asked) == is_confirmed
