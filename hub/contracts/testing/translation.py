"""What a connector makes of the bodies its platform sends: every fixture, in every order, alone and in a list."""

# ruff: noqa: S101  # asserts are what a testing kit is made of

import pytest

from hub.contracts.delivery import Delivery
from hub.contracts.errors import Malformed, Unsupported
from hub.contracts.event import Event
from hub.contracts.testing.base import Kit
from hub.contracts.testing.events import described, problems_of
from hub.contracts.testing.fixtures import RECEIVED_AT, Fixture
from hub.contracts.testing.mutations import reordered, with_unknown_fields

_ERRORS = {"malformed": Malformed, "ignored": Unsupported}
_STATED = {"title", "state", "severity", "dedup_key"}


def _dedup_keys(events: list[Event]) -> list[str]:
    return [event.dedup_key for event in events]


class TranslationTests(Kit):
    """Right events from real bodies."""

    def test_some_event_has_fixtures_of_firing_and_of_resolving(self) -> None:
        states: dict[str, set[str]] = {}
        for fixture in self.fixtures():
            states.setdefault(fixture.event, set()).add(fixture.state)
        needed = {"firing", "resolved"} if self.resolves else {"firing"}
        assert any(found >= needed for found in states.values())

    def test_fixture_gives_the_expected_events(self, fixture: Fixture) -> None:
        if not fixture.gives_events:
            with pytest.raises(_ERRORS[fixture.expected["error"]]) as raised:
                self.normalise(fixture.delivery())
            assert str(raised.value) == fixture.expected["message"]
            return
        events = [described(event) for event in self.normalise(fixture.delivery())]
        assert len(events) == len(fixture.expected)
        for event, expected in zip(events, fixture.expected, strict=True):
            assert expected.keys() >= _STATED
            assert {name: event.get(name) for name in expected} == expected

    def test_events_of_a_fixture_can_be_stored(self, event_fixture: Fixture) -> None:
        problems = [problems_of(event) for event in self.normalise(event_fixture.delivery())]
        assert not any(problems), problems

    def test_fixture_is_named_after_its_state(self, fixture: Fixture) -> None:
        if not fixture.gives_events:
            assert fixture.state == fixture.expected["error"]
            return
        states = {event["state"] for event in fixture.expected} or {"empty"}
        assert fixture.state == ("mixed" if len(states) > 1 else states.pop())

    def test_states_of_one_event_share_their_dedup_keys(self, episode: list[Fixture]) -> None:
        keys = {fixture.name: sorted(_dedup_keys(self.normalise(fixture.delivery()))) for fixture in episode}
        assert len({tuple(found) for found in keys.values()}) == 1, keys

    def test_order_of_fields_and_unknown_fields_change_nothing(self, object_fixture: Fixture) -> None:
        expected = self.normalise(object_fixture.delivery())
        assert self.normalise(object_fixture.delivery(reordered(object_fixture.body))) == expected
        assert self.normalise(object_fixture.delivery(with_unknown_fields(object_fixture.body))) == expected

    def test_list_of_bodies_gives_the_events_of_each(self, object_fixture: Fixture) -> None:
        alone = self.normalise(object_fixture.delivery())
        assert self.normalise(object_fixture.delivery([object_fixture.body])) == alone
        assert self.normalise(object_fixture.delivery([object_fixture.body] * 2)) == alone * 2

    def test_same_delivery_gives_the_same_events_again(self, event_fixture: Fixture) -> None:
        delivery = event_fixture.delivery()
        assert self.normalise(delivery) == self.normalise(delivery)

    def test_retry_has_the_delivery_key_of_the_first_attempt(self, fixture: Fixture) -> None:
        first, retry = (self.connector.delivery_key(fixture.delivery()) for _ in range(2))
        assert first == retry
        assert first is None or (isinstance(first, str) and first)

    def test_different_deliveries_have_different_delivery_keys(self) -> None:
        keys = [self.connector.delivery_key(fixture.delivery()) for fixture in self.fixtures()]
        stated = [key for key in keys if key is not None]
        assert len(set(stated)) == len(stated)

    def test_sample_body_gives_an_event(self) -> None:
        sample = Delivery(body=self.connector.sample_body.encode(), received_at=RECEIVED_AT)
        assert [problems_of(event) for event in self.normalise(sample)] == [[]]
