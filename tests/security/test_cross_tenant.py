"""Two organizations with equal data: nobody of one sees, changes or even notices anything of the other."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from hub.http.ids import from_public
from hub.http.openapi.answers import Operation
from hub.http.openapi.common import ID_PREFIXES
from hub.listing import Listing
from hub.runtime import assemble
from hub.settings import Settings
from tests.factories import Hub, Person
from tests.security.surface import (
    Surface,
    arguments,
    furnish,
    ids_in,
    is_error_shape,
    path_of,
    send,
)

ROLES = ("owner", "admin", "manager", "engineer", "viewer")
MISSING = "0" * 32
FEWEST_CELLS = 2_000
NOT_OURS = "/auth/"  # a logout would end the principal; what it touches is the caller's own


@dataclass
class World:
    """Ours and theirs, furnished alike, and everybody of ours who could try."""

    surface: Surface
    theirs: dict[str, str]
    ours: dict[str, str]
    principals: dict[str, dict[str, str]]
    their_organization: str
    cells: int = 0
    leaks: list[str] = field(default_factory=list)

    def note(self, is_right: bool, *what: Any) -> None:
        self.cells += 1
        if not is_right:
            self.leaks.append(" ".join(map(str, what)))

    def is_silent(self, answer: Any) -> bool:
        """Whether the answer says nothing of theirs but the id that we sent ourselves."""
        told = answer.text.replace(answer.request.path, "")
        return not {one for _, one in ids_in(told)} & {*self.theirs.values(), self.their_organization}


@pytest.fixture(scope="module")
def world(hub: Hub) -> World:
    return furnished(hub)


@pytest.fixture
def world_without_row_security(hub_settings: Settings) -> Iterator[World]:
    """The hub as the owner of the tables, whom the policies let see everything: only the filters in code stand."""
    runtime = assemble(replace(hub_settings, database_url=hub_settings.owner_database_url))
    yield furnished(Hub(runtime))
    runtime.database.dispose()


def furnished(hub: Hub) -> World:
    surface = Surface(hub)
    ours, theirs = hub.register(), hub.register()
    principals = {role: bearer(ours if role == "owner" else ours.colleague(role)) for role in ROLES}
    key = ours.post("/api-keys", {"name": "all", "permissions": ["incidents:read", "incidents:update", "users:read"]})
    principals |= {"key": {"X-API-Key": key["key"]}, "nobody": {}}
    theirs.colleague("engineer")
    return World(
        surface,
        furnish(surface, theirs),
        furnish(surface, ours),
        principals,
        theirs.tokens["user"]["organization_id"],
    )


def bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


def snapshot(settings: Settings, organization: str) -> dict[str, str]:
    """A hash of all rows of the organization, by table, seen by the owner of the tables."""
    engine = create_engine(settings.owner_database_url, poolclass=NullPool)
    with engine.begin() as connection:
        tables = connection.execute(
            text(
                "SELECT table_name FROM information_schema.columns WHERE column_name = 'organization_id'"
                " AND table_schema = 'public' AND table_name NOT IN ('changes', 'sessions')"
            )
        ).scalars()
        digest = (
            "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t WHERE organization_id = :id"
        )
        return {
            table: connection.execute(text(digest.format(table)), {"id": organization}).scalar_one()
            for table in sorted(tables)
        }


def test_every_kind_of_object_stands_on_both_sides(world: World):
    prefixes = {ID_PREFIXES[name] for one in world.surface.operations for name in arguments(one) if name in ID_PREFIXES}
    assert prefixes <= world.theirs.keys(), "teach furnish() to make one of these"
    assert prefixes <= world.ours.keys()
    assert not {*world.theirs.values()} & {*world.ours.values()}


def test_no_cell_of_the_matrix_leaks(world: World, hub_settings: Settings):
    attack(world, hub_settings)
    assert world.cells >= FEWEST_CELLS


def test_no_cell_leaks_when_only_the_filters_in_code_stand(world_without_row_security: World, hub_settings: Settings):
    world = world_without_row_security
    world.principals = {name: world.principals[name] for name in ("owner", "viewer")}
    attack(world, hub_settings)


def test_matrix_notices_a_list_that_forgets_its_organization(
    world_without_row_security: World, monkeypatch: pytest.MonkeyPatch
):
    world = world_without_row_security
    monkeypatch.setattr(Listing, "_mine", lambda _listing, _session: [])
    for operation in world.surface.operations:
        if NOT_OURS not in operation.path and not operation.path.endswith("/stream"):
            read_list(world, operation, "owner", world.principals["owner"])
    assert any("/api/v1/procedures " in leak for leak in world.leaks)


def attack(world: World, settings: Settings) -> None:
    """Every principal tries every cell; theirs is afterwards as it was."""
    before = snapshot(settings, their_uuid(world))
    tried = [one for one in world.surface.operations if NOT_OURS not in one.path and "stream" not in one.path]
    # the lists first: later our own audit log names what we have tried
    for attempt in (read_list, try_paths, try_queries, try_bodies):
        for operation in tried:
            for name, headers in world.principals.items():
                attempt(world, operation, name, headers)
    assert not world.leaks, "\n".join(world.leaks[:40])
    assert snapshot(settings, their_uuid(world)) == before


def their_uuid(world: World) -> str:
    return str(from_public("org", world.their_organization))


def read_list(world: World, operation: Operation, name: str, headers: dict[str, str]) -> None:
    """A list has nothing of theirs."""
    if operation.method == "get" and not arguments(operation):
        answer = send(world.surface.hub.http, operation, operation.path, None, headers)
        world.note(world.is_silent(answer), name, "lists", operation.path, answer.text)


def try_paths(world: World, operation: Operation, name: str, headers: dict[str, str]) -> None:
    """The foreign id, in each position, is answered as one that is missing, malformed or of another kind."""
    http = world.surface.hub.http
    own = {argument: world.ours.get(ID_PREFIXES.get(argument, ""), "alertmanager") for argument in arguments(operation)}
    body = world.surface.example(operation)
    for argument in (each for each in own if each in ID_PREFIXES):
        prefix = ID_PREFIXES[argument]
        missing = send(http, operation, path_of(operation, own | {argument: f"{prefix}_{MISSING}"}), body, headers)
        for wrong in (
            world.theirs[prefix],
            world.theirs[prefix].upper(),
            world.theirs[prefix].partition("_")[2],
            f"org_{world.theirs[prefix].partition('_')[2]}",
            f"{world.theirs[prefix]}0",
        ):
            answer = send(http, operation, path_of(operation, own | {argument: wrong}), body, headers)
            # a webhook without its proof is 401 (api.md, Webhooks in); everywhere else nobody can tell it is there
            is_told_apart = wrong == world.theirs[prefix] and outcome(answer) != outcome(missing)
            is_same = operation.is_public or not is_told_apart
            is_refused = answer.status_code in {400, 401, 403, 404} and is_error_shape(answer)
            world.note(is_same and is_refused, name, operation.method, operation.path, wrong, answer.status_code)
            world.note(world.is_silent(answer), name, operation.method, operation.path, wrong, answer.text)


def outcome(answer: Any) -> tuple[Any, ...]:
    return answer.status_code, answer.json["error"], answer.json["code"], answer.json.get("details")


def try_queries(world: World, operation: Operation, name: str, headers: dict[str, str]) -> None:
    """A foreign id in a filter finds nothing."""
    for parameter in world.surface.queries(operation):
        for prefix, identity in foreign_values(world, parameter):
            path = path_of(
                operation, {each: world.ours.get(ID_PREFIXES.get(each, ""), "x") for each in arguments(operation)}
            )
            answer = world.surface.hub.http.get(path, query_string={parameter["name"]: identity}, headers=headers)
            told = answer.json.get("data") if answer.status_code == 200 else []
            world.note(not told, name, operation.path, parameter["name"], prefix, answer.text)


def foreign_values(world: World, parameter: dict[str, Any]) -> Iterator[tuple[str, str]]:
    pattern = parameter["schema"].get("pattern", "")
    return ((prefix, identity) for prefix, identity in world.theirs.items() if f"{prefix}_[0-9a-f]" in pattern)


def try_bodies(world: World, operation: Operation, name: str, headers: dict[str, str]) -> None:
    """A foreign id in a body is refused, or at least treated as one of nothing."""
    schema = world.surface.body_schema(operation)
    own = {each: world.ours.get(ID_PREFIXES.get(each, ""), "x") for each in arguments(operation)}
    for field_name, described in (schema or {}).get("properties", {}).items():
        pattern = described.get("pattern", "") or described.get("items", {}).get("pattern", "")
        for prefix, identity in world.theirs.items():
            if f"{prefix}_[0-9a-f]" in pattern:
                statuses = []
                for value in (f"{prefix}_{MISSING}", identity):
                    given = [value] if described.get("type") == "array" else value
                    body = (world.surface.example(operation) or {}) | {field_name: given}
                    answer = send(world.surface.hub.http, operation, path_of(operation, own), body, headers)
                    statuses.append(answer.status_code)
                world.note(statuses[0] == statuses[1], name, operation.method, operation.path, field_name, *statuses)
