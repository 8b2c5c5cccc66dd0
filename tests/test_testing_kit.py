"""The kit passes a sound connector of a third party and catches each way of being unsound."""

import hashlib
import hmac
import importlib.util
import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hub.contracts import Config, Connector, Delivery, Event, Malformed
from hub.contracts.testing import ConnectorTests, SignedConnectorTests
from hub.contracts.testing.fixtures import Fixture, read_fixtures
from hub.contracts.testing.mutations import unreadable_bodies

FOLDER = Path(__file__).parent / "acme"
FIRING, RESOLVED = read_fixtures(FOLDER)


def load(path: Path) -> ModuleType:
    """A plugin of one file, as the host loads it from OVERWATCH_PLUGINS_DIR."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Acme: Any = load(FOLDER / "acme.py").Acme


class TestAcme(SignedConnectorTests):
    connector = Acme()
    folder = FOLDER

    def sign(self, body: bytes, secret: str, signed_at: datetime) -> Mapping[str, str]:
        moment = str(int(signed_at.timestamp()))
        signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return {"Acme-Time": moment, "Acme-Signature": f"{'0' * 64},{signature}"}


def flawed(**methods: Any) -> Any:
    """Acme with methods of its own."""
    return type("Flawed", (Acme,), methods)()


def changed(change: Callable[[Event, Delivery], Event]) -> Any:
    """Acme with its events changed."""

    def normalise(self: Connector, delivery: Delivery, config: Config) -> list[Event]:
        return [change(event, delivery) for event in Acme.normalise(self, delivery, config)]

    return flawed(normalise=normalise)


def preceded(action: Callable[[Delivery, Config], object]) -> Any:
    """Acme that does something before it normalises."""

    def normalise(self: Connector, delivery: Delivery, config: Config) -> Any:
        action(delivery, config)
        return Acme.normalise(self, delivery, config)

    return flawed(normalise=normalise)


def dawdle(delivery: Delivery, config: Config) -> None:
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass


def call_home(delivery: Delivery, config: Config) -> None:
    with suppress(OSError):
        socket.create_connection(("acme.example", 443))


def say_everything(delivery: Delivery, config: Config) -> None:
    logging.getLogger("acme").debug("normalising with %s", dict(config))


def believe_the_sender(self: Connector, delivery: Delivery, config: Config) -> None:
    signed_at = datetime.fromtimestamp(int(delivery.headers["acme-time"]), UTC)
    Acme.verify(self, replace(delivery, received_at=signed_at), config)


KEY_OF_BODY = changed(lambda event, delivery: replace(event, dedup_key=hashlib.sha256(delivery.body).hexdigest()))
NAIVE_TIME = changed(lambda event, _: replace(event, occurred_at=datetime(2026, 1, 1)))  # noqa: DTZ001  # the mistake
UNSTORABLE = changed(lambda event, _: replace(event, title="a\x00b"))
UNTITLED = changed(lambda event, _: replace(event, title=" "))
NUMBERED = changed(lambda event, _: replace(event, labels={"a": 1}))  # type: ignore[dict-item]  # the mistake
UNTYPED = preceded(lambda delivery, _: json.loads(delivery.body)["state"])
SINGLE = preceded(lambda delivery, _: delivery.json().expect_object())
TRUSTING = flawed(verify=lambda *_: None)
TIMELESS = flawed(verify=believe_the_sender)
STRICT_KEY = flawed(delivery_key=lambda _, delivery: delivery.json().text("id"))

UNSOUND: dict[str, tuple[Any, str, tuple[Any, ...]]] = {
    "another key when it resolves": (KEY_OF_BODY, "states_of_one_event_share_their_dedup_keys", ([FIRING, RESOLVED],)),
    "a key that depends on order": (KEY_OF_BODY, "order_of_fields_and_unknown_fields_change_nothing", (FIRING,)),
    "a key not expected": (KEY_OF_BODY, "fixture_gives_the_expected_events", (FIRING,)),
    "a time without zone": (NAIVE_TIME, "events_of_a_fixture_can_be_stored", (FIRING,)),
    "a text with NUL": (UNSTORABLE, "events_of_a_fixture_can_be_stored", (FIRING,)),
    "an empty title": (UNTITLED, "events_of_a_fixture_can_be_stored", (FIRING,)),
    "labels of numbers": (NUMBERED, "events_of_a_fixture_can_be_stored", (FIRING,)),
    "no list of bodies": (SINGLE, "list_of_bodies_gives_the_events_of_each", (FIRING,)),
    "an untyped error": (UNTYPED, "mutants_of_the_fixtures_give_sound_events_or_a_typed_error", ()),
    "an untyped error of any value": (UNTYPED, "arbitrary_values_give_sound_events_or_a_typed_error", ()),
    "slowness": (preceded(dawdle), "unreadable_body_is_refused_by_name_and_in_time", (b"",)),
    "an error for the key of nothing": (STRICT_KEY, "unreadable_body_has_no_delivery_key", (b"",)),
    "no check of the body": (TRUSTING, "signature_over_another_body_is_refused", ()),
    "no check of the secret": (TRUSTING, "signature_with_another_secret_is_refused", ()),
    "no check of the header": (TRUSTING, "missing_or_malformed_signature_is_refused", (None,)),
    "no check of the time": (TIMELESS, "signature_outside_the_time_window_is_refused", (-1,)),
    "any secret": (TRUSTING, "secret_can_be_rotated_without_losing_a_delivery", ()),
}


def kit_of(connector: Connector) -> Any:
    return type("Kit", (TestAcme,), {"connector": connector})()


@pytest.mark.parametrize("flaw", UNSOUND)
def test_kit_catches(flaw: str) -> None:
    connector, test, arguments = UNSOUND[flaw]
    getattr(kit_of(Acme()), f"test_{test}")(*arguments)
    with pytest.raises((AssertionError, KeyError, TypeError, Malformed, pytest.fail.Exception)):
        getattr(kit_of(connector), f"test_{test}")(*arguments)


def test_kit_catches_a_secret_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AssertionError):
        kit_of(preceded(say_everything)).test_no_secret_is_logged_or_put_into_an_error(caplog)


def test_kit_catches_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        kit_of(preceded(call_home)).test_normalise_opens_no_connection(monkeypatch)


def test_kit_catches_an_import_of_the_hub(tmp_path: Path) -> None:
    source = (FOLDER / "acme.py").read_text().replace("import hmac\n", "import hmac\n\nimport hub.settings\n")
    (tmp_path / "nosy.py").write_text(source)
    with pytest.raises(AssertionError):
        kit_of(load(tmp_path / "nosy.py").Acme()).test_only_the_contracts_are_imported()


def test_kit_refuses_a_fixture_without_expectation(tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "disk-firing.json").write_text('{"body": {}}')
    with pytest.raises(TypeError, match="expected"):
        read_fixtures(tmp_path)


def test_kit_refuses_an_expectation_that_says_too_little() -> None:
    vague = Fixture(name="disk-firing", body=FIRING.body, expected=[{"title": "Disk is full"}])
    with pytest.raises(AssertionError):
        kit_of(Acme()).test_fixture_gives_the_expected_events(vague)


def test_signing_connector_cannot_take_the_tests_without_signature() -> None:
    unsigned = type("Kit", (ConnectorTests,), {"connector": Acme(), "folder": FOLDER})()
    with pytest.raises(AssertionError, match="SignedConnectorTests"):
        unsigned.test_no_signing_secret_is_promised()


def test_unreadable_bodies_are_named_and_distinct() -> None:
    bodies = unreadable_bodies(b'{"a": 1}')
    assert len(set(bodies.values())) == len(bodies) >= 15
