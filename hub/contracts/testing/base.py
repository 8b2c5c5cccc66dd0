"""What the parts of the kit share: the three attributes, the cases to run over, and one guarded call."""

import time
from collections.abc import Callable, Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from hub.contracts.connector import Config, Connector
from hub.contracts.delivery import Delivery
from hub.contracts.errors import Malformed, Unsupported
from hub.contracts.event import Event
from hub.contracts.testing.fixtures import Fixture, encoded, read_fixtures
from hub.contracts.testing.mutations import unreadable_bodies

CPU_LIMIT_SECONDS = 0.25  # of the contract: no body, however bad, may hold a worker longer


class Kit:
    """The attributes a subclass sets."""

    connector: ClassVar[Connector]
    folder: ClassVar[Path]
    config: ClassVar[Config] = MappingProxyType({})
    own_libraries: ClassVar[frozenset[str]] = frozenset()  # the platform's own, that it calls its API with
    resolves: ClassVar[bool] = True  # False for a platform that only ever says "firing"

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Called by pytest for each test: one run per fixture, or whatever the argument's name asks for."""
        for argument, cases in _CASES.items():
            if argument in metafunc.fixturenames:
                found = cases(read_fixtures(self.folder))
                metafunc.parametrize(argument, list(found.values()), ids=list(found))

    def fixtures(self) -> list[Fixture]:
        """All of them, by name."""
        return read_fixtures(self.folder)

    def normalise(self, delivery: Delivery) -> list[Event]:
        """The connector's events; the config cannot be changed by it."""
        return self.connector.normalise(delivery, MappingProxyType(dict(self.config)))

    def outcome(self, delivery: Delivery) -> list[Event] | Malformed | Unsupported:
        """The events, or the typed error. Any other exception fails the test as it is."""
        try:
            return self.normalise(delivery)
        except (Malformed, Unsupported) as error:
            return error

    def cpu_seconds(self, delivery: Delivery) -> float:
        """Processor time of one normalise: what else the machine does in the meantime does not count."""
        started = time.process_time()
        self.outcome(delivery)
        return time.process_time() - started


def _named(fixtures: list[Fixture]) -> dict[str, Fixture]:
    return {fixture.name: fixture for fixture in fixtures}


def _episodes(fixtures: list[Fixture]) -> dict[str, list[Fixture]]:
    """Fixtures that are states of the same alerts, where there is more than one."""
    telling = sorted((fixture for fixture in fixtures if fixture.gives_events), key=attrgetter("event"))
    groups = {event: list(states) for event, states in groupby(telling, key=attrgetter("event"))}
    return {event: states for event, states in groups.items() if len(states) > 1}


def _unreadable(fixtures: list[Fixture]) -> dict[str, bytes]:
    return unreadable_bodies(encoded(next((fixture.body for fixture in fixtures if fixture.is_object), {"a": 1})))


_CASES: Mapping[str, Callable[[list[Fixture]], Mapping[str, Any]]] = {
    "fixture": _named,
    "event_fixture": lambda fixtures: _named([fixture for fixture in fixtures if fixture.gives_events]),
    "object_fixture": lambda fixtures: _named([f for f in fixtures if f.gives_events and f.is_object]),
    "episode": _episodes,
    "unreadable_body": _unreadable,
}
