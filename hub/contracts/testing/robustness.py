"""What a connector does with bodies that its platform never sends: a typed error or sound events, soon."""

# ruff: noqa: S101  # asserts are what a testing kit is made of

import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hub.contracts.delivery import Delivery
from hub.contracts.errors import Malformed, OverwatchError, Unsupported
from hub.contracts.testing.base import CPU_LIMIT_SECONDS, Kit
from hub.contracts.testing.events import problems_of
from hub.contracts.testing.fixtures import RECEIVED_AT, Fixture, encoded
from hub.contracts.testing.mutations import (
    arbitrary_values,
    field_names,
    inflated,
    structural_mutants,
)

MUTANT_COUNT = 600
ARBITRARY_COUNT = 300
_CANARY = "canary-7f3d9c1e"  # a secret that must not be seen again


def _delivery(body: bytes) -> Delivery:
    return Delivery(body=body, received_at=RECEIVED_AT)


def _joined(letters: object) -> str:
    return "".join(map(str, letters)) if isinstance(letters, list) else str(letters)


class RobustnessTests(Kit):
    """No body breaks a worker, holds it up, or makes it talk."""

    def test_unreadable_body_is_refused_by_name_and_in_time(self, unreadable_body: bytes) -> None:
        with pytest.raises((Malformed, Unsupported)):
            self.normalise(_delivery(unreadable_body))
        assert self.cpu_seconds(_delivery(unreadable_body)) < CPU_LIMIT_SECONDS

    def test_unreadable_body_has_no_delivery_key(self, unreadable_body: bytes) -> None:
        assert self.connector.delivery_key(_delivery(unreadable_body)) is None

    def test_megabyte_in_one_field_is_read_in_time(self, object_fixture: Fixture) -> None:
        times = [self.cpu_seconds(object_fixture.delivery(body)) for body in inflated(object_fixture.body)]
        assert max(times, default=0) < CPU_LIMIT_SECONDS

    def test_mutants_of_the_fixtures_give_sound_events_or_a_typed_error(self) -> None:
        for body in self._mutants():
            self._expect_sound(body)

    def test_arbitrary_values_give_sound_events_or_a_typed_error(self) -> None:
        names = sorted({name for fixture in self.fixtures() for name in field_names(fixture.body)}) or ["id"]
        for value in arbitrary_values(names, self.connector.name, ARBITRARY_COUNT):
            self._expect_sound(json.dumps(value).encode())

    def test_normalise_opens_no_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        attempts: list[object] = []

        def refuse(*arguments: object, **_: object) -> None:
            attempts.append(arguments)
            raise OSError("normalise is pure: it may not open a connection")

        for name in ("socket", "create_connection", "getaddrinfo"):
            monkeypatch.setattr(socket, name, refuse)
        for fixture in self.fixtures():
            self.outcome(fixture.delivery())
        assert not attempts

    def test_no_secret_is_logged_or_put_into_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        said = [str(error) for error in self._errors_with_canaries()]
        assert not [line for line in (*said, caplog.text) if _CANARY in line]

    def _mutants(self) -> Iterator[bytes]:
        """At least MUTANT_COUNT, shared out evenly; a text body, such as a form, is varied letter by letter."""
        fixtures = self.fixtures()
        count = -(-MUTANT_COUNT // len(fixtures))
        for fixture in fixtures:
            is_text = isinstance(fixture.body, str)
            for mutant in structural_mutants(list(fixture.body) if is_text else fixture.body, fixture.name, count):
                yield encoded(_joined(mutant)) if is_text else json.dumps(mutant).encode()

    def _expect_sound(self, body: bytes) -> None:
        delivery = _delivery(body)
        outcome = self.outcome(delivery)
        problems = [problems_of(event) for event in outcome] if isinstance(outcome, list) else []
        assert not any(problems), f"{problems} from {body[:2_000]!r}"
        self.connector.delivery_key(delivery)

    def _errors_with_canaries(self) -> Iterator[OverwatchError]:
        properties = self.connector.config_schema.get("properties", {})
        secrets = {name: _CANARY for name, field in properties.items() if field.get("format") == "secret"}
        config = {**self.config, **secrets}
        for fixture in self.fixtures():
            delivery = replace(fixture.delivery(), headers={"authorization": f"Bearer {_CANARY}"})
            for call in (self.connector.verify, self.connector.normalise):
                try:
                    call(delivery, config)
                except OverwatchError as error:
                    yield error
