"""Generic: the kit over one mapping, and what is special about mappings."""

import base64
import hmac
import json
import re
import time
import timeit
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hub.contracts import Delivery, Event, Http, Malformed, Misconfigured
from hub.contracts.testing import SignedConnectorTests
from hub.contracts.testing.fixtures import RECEIVED_AT
from plugins.generic import Generic

FOLDER = Path(__file__).parent
ALERT = {"id": 1, "title": "Disk is full"}
NOBODY: Any = None  # `check` calls nobody

MAPPING = {
    "dedup_key": ["@.system", "@.id"],
    "service": "@.tags[?@.key=='service'].value",
    "resource": "@.where.host",
    "labels": {"env": "$.environment", "team": "@.tags[?@.key=='team'].value"},
    "links": {"Runbook": "@.runbook", "Console v1.2": "@.console"},
    "states": {"Problem": "firing", "Seen": "acknowledged", "Fine": "resolved"},
    "severities": {"Red": "critical", "Amber": "medium"},
}


def events_of(body: Any, **config: Any) -> list[Event]:
    return Generic().normalise(Delivery(body=json.dumps(body).encode()), config)


def event_of(body: Any, **config: Any) -> Event:
    (event,) = events_of(body, **config)
    return event


def check(**config: Any) -> tuple[bool, str]:
    http: Http = NOBODY
    result = Generic().check(config, http)
    return result.ok, result.detail


class TestGeneric(SignedConnectorTests):
    connector = Generic()
    folder = FOLDER
    config = MappingProxyType(MAPPING)
    window_seconds = None

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        return {"X-Webhook-Signature": f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"}

    def test_standard_webhook_is_accepted_with_the_same_secret(self) -> None:
        stamp = str(int(RECEIVED_AT.timestamp()))
        digest = hmac.digest(b"secret", f"msg_1.{stamp}.{{}}".encode(), "sha256")
        signature = f"v1,{base64.b64encode(digest).decode()}"
        headers = {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}
        delivery = Delivery(body=b"{}", headers=headers, received_at=RECEIVED_AT)
        self.connector.verify(delivery, {"secret": "secret"})
        assert self.connector.delivery_key(delivery) == "msg_1"


def test_sample_body_needs_no_mapping() -> None:
    event = event_of(json.loads(Generic.sample_body))
    assert (event.dedup_key, event.state, event.severity) == ("disk-web-1", "firing", "medium")
    assert (event.service, event.resource) == ("checkout", "web-1")


def test_megabyte_of_events_costs_a_small_multiple_of_parsing_it() -> None:
    alert = ALERT | {"status": "firing", "tags": [{"key": "team", "value": "web"}], "text": "x" * 300}
    body = json.dumps({"system": "acme", "alerts": [alert] * 2_500}).encode()
    config = MAPPING | {"events": "$.alerts", "dedup_key": ["$.system", "@.id"]}
    floor = min(timeit.repeat(lambda: json.loads(body), timer=time.process_time, number=1))
    mapped = timeit.repeat(
        lambda: Generic().normalise(Delivery(body=body), config), timer=time.process_time, number=1, repeat=3
    )
    assert len(Generic().normalise(Delivery(body=body), config)) == 2_500
    assert min(mapped) < 100 * floor


@pytest.mark.parametrize("path", ["id", "$..id", "@.a[0:2]"])
def test_path_that_cannot_be_read_is_refused_by_the_schema_and_by_name(path: str) -> None:
    assert not Draft202012Validator(Generic.config_schema).is_valid({"title": path})
    with pytest.raises(Misconfigured, match=re.escape(path)):
        events_of(ALERT, title=path)


@pytest.mark.parametrize(
    ("word", "state"), [("PROBLEM", "firing"), ("ok", "firing"), ("closed", "resolved"), (None, "firing")]
)
def test_words_of_the_config_override_those_that_are_known(word: str | None, state: str) -> None:
    assert event_of(ALERT | {"status": word}, states={"Problem": "firing", "OK": "firing"}).state == state


def test_unknown_word_for_a_state_is_refused_for_it_may_say_resolved() -> None:
    with pytest.raises(Malformed, match=r"'Vanished' at @\.status"):
        events_of(ALERT | {"status": "Vanished"})


def test_sender_without_states_only_ever_fires() -> None:
    assert event_of(ALERT | {"status": "Vanished"}, state="").state == "firing"


@pytest.mark.parametrize("other", [{"zone": "b"}, {"id": 2}, {"zone": None}])
def test_every_part_of_the_key_tells_alerts_apart(other: dict[str, Any]) -> None:
    first, second = (event_of(ALERT | {"zone": "a"} | more, dedup_key=["@.zone", "@.id"]) for more in ({}, other))
    assert first.dedup_key != second.dedup_key


def test_paths_from_the_whole_body_hold_for_each_of_its_events() -> None:
    body = {"env": "prod", "alerts": [ALERT, ALERT | {"id": 2}]}
    events = events_of(body, events="$.alerts[*]", labels={"env": "$.env"})
    assert [event.labels["env"] for event in events] == ["prod", "prod"]


def test_check_shows_what_the_sample_would_become() -> None:
    ok, detail = check(sample=Generic.sample_body)
    assert ok
    assert detail == "'Disk is almost full' firing medium, key 'disk-web-1', at 2026-01-02 03:00:00+00:00"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"sample": ""}, "The sample cannot be mapped: body: not JSON"),
        ({"sample": '{"id": 1}'}, "The sample cannot be mapped: body: nothing is at @.title"),
        ({"sample": "{}", "events": "$.alerts"}, "The sample has no events."),
    ],
)
def test_check_says_why_the_mapping_does_not_fit(config: dict[str, str], says: str) -> None:
    ok, detail = check(**config)
    assert not ok
    assert detail.startswith(says)


def test_mapping_of_the_readme_fits_its_body() -> None:
    body, mapping = map(json.loads, re.findall(r"```json\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL))
    Draft202012Validator(Generic.config_schema).validate(mapping)
    event = event_of(body, **mapping)
    assert (event.dedup_key, event.state, event.severity, event.service) == ("acme|7", "firing", "critical", "checkout")


def test_sender_without_an_id_is_known_by_what_it_says_until_somebody_says_where_the_key_is() -> None:
    body = {"title": "Backup failed", "host": "web-1"}
    firing, resolved = (event_of(body | {"status": status}) for status in ("firing", "resolved"))
    assert firing.dedup_key == resolved.dedup_key != event_of(body | {"host": "web-2"}).dedup_key
    with pytest.raises(Malformed):
        event_of(body, dedup_key=["@.key"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "Disk", "state": "ok", "priority": "high"}, ("Disk", "resolved", "high")),
        ({"text": "Till is stuck", "level": "error"}, ("Till is stuck", "firing", "high")),
        ({"title": "Disk", "name": "x", "status": "resolved", "state": "open"}, ("Disk", "resolved", "unknown")),
        ({"alert_name": "Disk", "state": "California", "message": {"a": 1}}, ("Disk", "firing", "unknown")),
    ],
)
def test_other_names_count_where_nobody_has_set_a_path(body: dict[str, Any], expected: tuple[str, str, str]) -> None:
    event = event_of(body)
    assert (event.title, event.state, event.severity) == expected


def test_path_that_somebody_has_set_is_the_only_one() -> None:
    with pytest.raises(Malformed):
        event_of({"id": 1, "name": "Disk"}, title="@.heading")


@pytest.mark.parametrize("name", ["alerts", "events"])
def test_body_without_a_title_may_have_a_list_of_events(name: str) -> None:
    told = [{"id": 1, "name": "Queue is long"}, {"id": 2, "name": "Disk is full", "state": "ok"}]
    body = json.dumps({"version": 1, name: told}).encode()
    found = Generic().normalise(Delivery(body=body), {})
    assert [(event.title, event.state) for event in found] == [
        ("Queue is long", "firing"),
        ("Disk is full", "resolved"),
    ]


def test_body_with_a_title_is_one_event_whatever_lists_it_has() -> None:
    body = json.dumps({"id": 1, "title": "Queue is long", "alerts": [{"title": "no event"}, "nor this"]}).encode()
    assert [event.title for event in Generic().normalise(Delivery(body=body), {})] == ["Queue is long"]
