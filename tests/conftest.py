"""One real Postgres for the session, one migrated database per module, one new organization per test."""

import json
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from hub import migrations, settings
from hub.embedded.postgres import EmbeddedPostgres
from hub.runtime import Runtime, assemble
from hub.settings import Settings
from tests import other_postgres
from tests.factories import Hub, Person
from tests.stand_in import StandIn, standing_in

# durability is what tests/chaos is about; everywhere else it only costs time
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")

# the limits have tests of their own; everywhere else a test may ask as often as it likes
UNHURRIED = {
    "OVERWATCH_AUTH_REQUESTS_PER_MINUTE": "1000000",
    "OVERWATCH_PLANS": json.dumps(
        {"free": {"users": None, "user_requests_per_minute": 1_000_000, "organization_requests_per_minute": 1_000_000}}
    ),
}


@pytest.fixture(scope="session")
def session_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings.from_env(tmp_path_factory.mktemp("hub"), UNHURRIED)


@pytest.fixture(scope="session")
def server(session_settings: Settings) -> Iterator[EmbeddedPostgres]:
    """The session's Postgres; its database `overwatch` is migrated, and the template of all others."""
    with EmbeddedPostgres(
        session_settings, bindir=other_postgres.chosen(session_settings.data_dir), conf=FAST
    ) as postgres:
        migrations.migrate(session_settings)
        yield postgres


@pytest.fixture(scope="module")
def hub_settings(server: EmbeddedPostgres, session_settings: Settings) -> Iterator[Settings]:
    """Settings on a database of this module's own."""
    name = f"test_{uuid4().hex}"
    server.create_database(name, template="overwatch")
    yield replace(
        session_settings,
        database_url=session_settings.database_url.replace("/overwatch?", f"/{name}?"),
        owner_database_url=session_settings.owner_database_url.replace("/overwatch?", f"/{name}?"),
    )
    server.drop_database(name)


@pytest.fixture(scope="module")
def runtime(hub_settings: Settings, request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """Of a module that says EGRESS_ALLOW it may call these networks too."""
    made = assemble(replace(hub_settings, egress_allow=getattr(request.module, "EGRESS_ALLOW", "")))
    yield made
    made.database.dispose()


@pytest.fixture(scope="module")
def hub(runtime: Runtime) -> Hub:
    """The API in this process, and the workers' steps to be called by hand."""
    return Hub(runtime)


@pytest.fixture
def owner(hub: Hub) -> Person:
    """The owner of a new organization."""
    return hub.register()


@pytest.fixture
def platform() -> Iterator[StandIn]:
    """A platform's API on loopback, which answers 200 and an empty object until a test says otherwise."""
    with standing_in() as made:
        yield made
