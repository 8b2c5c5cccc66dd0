"""Tenancy has two walls: filters in the code, and row-level security behind it. Each holds when the other is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from hub.accounts import credentials
from tests.factories import Hub, Person, alertmanager, firing

# Tables that belong to no organization, each with its reason.
COMMON = {
    "alembic_version": "which migrations have run",
    "chores": "when the scheduler last did what",
    "heartbeat_watch": "when somebody last looked for heartbeats that are missing",
    "heartbeats": "the workers' signs of life",
    "login_failures": "about addresses that may have no account; behind functions",
    "mails": "about addresses that may have no account; behind functions",
    "rejected_messages": "how many messages in the broker were no wake-up",
    "rate_limits": "counters by a key that names the subject",
}

# The name of a path's parameter → the prefix of the public id and the table.
OBJECTS = {
    "alert_id": ("alrt", "alerts"),
    "delivery_id": ("dlv", "deliveries"),
    "execution_id": ("exec", "executions"),
    "heartbeat_id": ("hbt", "expected_heartbeats"),
    "incident_id": ("inc", "incidents"),
    "integration_id": ("int", "integrations"),
    "notification_id": ("ntf", "notifications"),
    "procedure_id": ("proc", "procedures"),
    "rule_id": ("rule", "correlation_rules"),
    "service_id": ("svc", "services"),
    "silence_id": ("sil", "silences"),
    "user_id": ("user", "users"),
}

# Not asked here: an answer that goes on for ever, and what anybody may see.
_ELSEWHERE = ("/api/v1/stream",)

# With both walls gone these must show the neighbour's rows, or the tests below could not fail.
MUST_LEAK = (
    "/alerts",
    "/api-keys",
    "/audit-log",
    "/deliveries",
    "/heartbeats",
    "/incidents",
    "/integrations",
    "/rules",
    "/services",
    "/silences",
    "/users",
    "/alerts/<alert_id>",
    "/incidents/<incident_id>",
    "/incidents/<incident_id>/alerts",
    "/incidents/<incident_id>/timeline",
    "/integrations/<integration_id>",
    "/users/<user_id>",
)


@pytest.fixture(scope="module")
def catalogue(hub: Hub) -> Iterator[Connection]:
    """The database as its owner sees it."""
    engine = create_engine(hub.runtime.settings.owner_database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def tenant_tables(catalogue: Connection) -> set[str]:
    return column(
        catalogue,
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        " AND (c.relname = 'organizations' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid"
        " AND a.attname = 'organization_id' AND NOT a.attisdropped))",
    )


def column(catalogue: Connection, query: str, **values: Any) -> set[Any]:
    return set(catalogue.execute(text(query), values).scalars())


# --- the catalogue ----------------------------------------------------------------------------------------------------


def test_every_table_belongs_to_organizations_or_says_why_not(catalogue: Connection):
    tables = column(
        catalogue,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f')",
    )
    assert tables - tenant_tables(catalogue) == set(COMMON)
    assert len(tenant_tables(catalogue)) > 20


def unwalled(catalogue: Connection) -> set[str]:
    walled = column(
        catalogue,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relrowsecurity AND relforcerowsecurity",
    )
    return tenant_tables(catalogue) - walled


def test_row_level_security_is_on_and_forced_on_every_tenant_table(catalogue: Connection):
    assert unwalled(catalogue) == set()


@pytest.mark.parametrize(("planted", "right"), [("NO FORCE", "FORCE"), ("DISABLE", "ENABLE")])
def test_table_whose_wall_is_down_is_noticed(catalogue: Connection, planted: str, right: str):
    catalogue.execute(text(f"ALTER TABLE alerts {planted} ROW LEVEL SECURITY"))
    try:
        assert unwalled(catalogue) == {"alerts"}
    finally:
        catalogue.execute(text(f"ALTER TABLE alerts {right} ROW LEVEL SECURITY"))


def test_every_tenant_table_has_the_one_policy_for_reading_and_writing(catalogue: Connection):
    policies = catalogue.execute(
        text("SELECT tablename, roles, permissive, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'public'")
    ).all()
    for table in tenant_tables(catalogue):
        name = "id" if table == "organizations" else "organization_id"
        wall = f"({name} = (NULLIF(current_setting('app.organization_id'::text, true), ''::text))::uuid)"
        theirs = [row[1:] for row in policies if row.tablename == table and "overwatch_owner" not in row.roles]
        assert theirs == [(["overwatch_app"], "PERMISSIVE", "ALL", wall, wall)], table


def test_keys_and_foreign_keys_carry_the_organization(catalogue: Connection):
    keys = catalogue.execute(
        text(
            "SELECT c.conrelid::regclass::text AS source, c.confrelid::regclass::text AS target, c.contype,"
            " ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (n, i)"
            "       JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.i) AS from_columns,"
            " ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (n, i)"
            "       JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.i) AS to_columns"
            " FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('p', 'f')"
        )
    ).all()
    tenants = tenant_tables(catalogue) - {"organizations"}
    first_columns = {key.source: key.from_columns[0] for key in keys if key.contype == "p"}
    assert {table for table in tenants if first_columns.get(table) != "organization_id"} == set()
    for key in keys:
        if key.contype == "f" and key.source in tenants:
            pairs = dict(zip(key.from_columns, key.to_columns, strict=True))
            there = "id" if key.target == "organizations" else "organization_id"
            assert pairs["organization_id"] == there, (key.source, key.target)


def test_whoever_names_a_row_without_living_and_dying_with_it_forgets_it(catalogue: Connection):
    naming = column(
        catalogue,
        "SELECT c.confrelid::regclass || ': 0_' || c.conrelid::regclass || '_' || a.attname"
        " FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[2]"
        " WHERE c.contype = 'f' AND c.confdeltype <> 'c'",
    )
    forgetting = column(
        catalogue,
        "SELECT tgrelid::regclass || ': ' || tgname FROM pg_trigger WHERE tgfoid = 'forget_reference'::regproc",
    )
    assert naming == forgetting
    assert len(naming) > 10


def test_deleted_person_is_forgotten_and_what_they_did_stays(owner: Person, catalogue: Connection):
    silence = {"organization": owner.organization_id, "silence": uuid4(), "person": owner.user_id}
    catalogue.execute(
        text("INSERT INTO silences (organization_id, id, matchers, starts_at, ends_at, created_by)"
             " VALUES (:organization, :silence, '[]', now(), now() + interval '1 hour', :person)"),
        silence,
    )  # fmt: skip
    catalogue.execute(text("DELETE FROM users WHERE id = :person"), silence)
    kept = text("SELECT organization_id, created_by FROM silences WHERE id = :silence")
    assert catalogue.execute(kept, silence).one() == (silence["organization"], None)


def test_foreign_key_into_another_organization_is_impossible(owner: Person, catalogue: Connection):
    stranger = owner.hub.register()
    with pytest.raises(Exception, match="foreign key"):
        catalogue.execute(
            text("INSERT INTO sessions (organization_id, id, user_id, expires_at) VALUES (:mine, :id, :theirs, now())"),
            {"mine": owner.organization_id, "id": uuid4(), "theirs": stranger.user_id},
        )


def test_runtime_role_owns_nothing_and_bypasses_nothing(catalogue: Connection):
    role = catalogue.execute(text("SELECT * FROM pg_roles WHERE rolname = 'overwatch_app'")).one()
    powers = (role.rolsuper, role.rolbypassrls, role.rolcreaterole, role.rolcreatedb, role.rolreplication)
    assert not any(powers)
    # one query over everything that can be owned, in this database and beside it
    assert (
        column(
            catalogue,
            "SELECT classid::regclass FROM pg_shdepend WHERE refobjid = :role AND deptype = 'o'",
            role=role.oid,
        )
        == set()
    )
    assert column(catalogue, "SELECT roleid::regrole FROM pg_auth_members WHERE member = :role", role=role.oid) == set()
    assert not catalogue.scalar(text("SELECT has_schema_privilege('overwatch_app', 'public', 'CREATE')"))


def test_hub_runs_as_the_runtime_role(hub: Hub):
    with hub.runtime.database.transaction() as session:
        who = session.execute(text("SELECT current_user, session_user")).one()
    assert tuple(who) == ("overwatch_app", "overwatch_app")


def test_reviewed_functions_pin_their_search_path_and_answer_the_runtime_role_only(catalogue: Connection):
    functions = catalogue.execute(
        text(
            "SELECT p.proname, p.proconfig, p.proowner::regrole::text AS owner,"
            " ARRAY(SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END"
            "       FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a) AS grantees"
            " FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef"
        )
    ).all()
    assert len(functions) > 10
    for function in functions:
        assert "search_path=public, pg_temp" in function.proconfig, function.proname
        assert set(function.grantees) <= {"overwatch_owner", "overwatch_app"}, function.proname
        assert function.owner == "overwatch_owner", function.proname


def test_no_view_looks_through_the_wall(catalogue: Connection):
    views = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
    assert column(catalogue, f"{views} AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)") == set()


def test_without_an_organization_every_table_is_empty(world: "World", catalogue: Connection):
    with world.hub.runtime.database.transaction() as session:
        visible = {table: _count(session, table) for table in tenant_tables(catalogue) if _may_read(session, table)}
    assert set(visible.values()) == {0}
    assert len(visible) > 20


@pytest.mark.parametrize("setting", ["", "00000000-0000-0000-0000-000000000000"])
def test_senseless_organization_sees_nothing_and_is_no_error(world: "World", setting: str):
    with world.hub.runtime.database.transaction() as session:
        session.execute(text("SELECT set_config('app.organization_id', :setting, true)"), {"setting": setting})
        assert _count(session, "users") == 0


def test_organization_is_forgotten_at_the_end_of_the_transaction(world: "World"):
    engine = world.hub.runtime.database.engine
    with world.hub.runtime.database.transaction(world.victim.organization_id) as session:
        assert _count(session, "users") > 0
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM users")) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO mail_tokens (organization_id, id, user_id, purpose, token_hash, expires_at)"
        " VALUES (:other, gen_random_uuid(), gen_random_uuid(), 'reset', 'x', now())",
        "UPDATE users SET organization_id = :other",
    ],
)
def test_nothing_is_written_into_another_organization(world: "World", statement: str):
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        world.hub.runtime.database.transaction(world.attacker.organization_id) as session,
    ):
        session.execute(text(statement), {"other": world.victim.organization_id})


def _count(session: Session, table: str) -> int:
    return session.scalar(text(f"SELECT count(*) FROM {table}")) or 0


def _may_read(session: Session, table: str) -> bool:
    return bool(session.scalar(text("SELECT has_table_privilege(:table, 'SELECT')"), {"table": table}))


# --- each wall alone --------------------------------------------------------------------------------------------------


@dataclass
class World:
    """Two organizations with equal data, and the ids of everything that the victim has."""

    hub: Hub
    attacker: Person
    victim: Person
    ids: dict[str, list[UUID]]

    def path(self, rule: str) -> str:
        """The route's path with the victim's ids; a new kind of id must be declared above."""
        for name, (prefix, table) in OBJECTS.items():
            rule = rule.replace(f"<{name}>", f"{prefix}_{self.ids.get(table, [uuid4()])[0].hex}")
        assert "<" not in rule, f"{rule}: say in OBJECTS which table this id is of"
        return rule.removeprefix("/api/v1")

    def leaks(self, rule: str) -> bool:
        """Whether the answer to the attacker has anything of the victim; what was asked for does not count."""
        path = self.path(rule)
        answer = self.attacker.call("GET", path)
        body = answer.text.replace(path, "")
        theirs = {each.hex for ids in self.ids.values() for each in ids}
        return any(each in body for each in theirs) or "victims own" in body


def reading_routes(hub: Hub) -> list[str]:
    return sorted(
        rule.rule
        for rule in hub.app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and rule.rule.startswith("/api/v1")
        and rule.rule not in _ELSEWHERE
        and getattr(hub.app.view_functions[rule.endpoint], "permission", "") != "public"
    )


@pytest.fixture(scope="module")
def world(hub: Hub, catalogue: Connection) -> World:
    attacker, victim = hub.register(), hub.register()
    for person, name in ((attacker, "attackers own"), (victim, "victims own")):
        _furnish(person, name)
    ids = {
        table: list(column(catalogue, f"SELECT id FROM {table} WHERE organization_id = :id", id=victim.organization_id))
        for table in _tables_with_id(catalogue) & tenant_tables(catalogue)
    }
    return World(hub, attacker, victim, {table: found for table, found in ids.items() if found})


def _tables_with_id(catalogue: Connection) -> set[str]:
    return column(
        catalogue,
        "SELECT table_name FROM information_schema.columns c WHERE table_schema = 'public' AND column_name = 'id'"
        " AND EXISTS (SELECT FROM information_schema.columns o WHERE o.table_schema = 'public'"
        " AND o.table_name = c.table_name AND o.column_name = 'organization_id')",
    )


def _furnish(person: Person, name: str) -> None:
    person.push(alertmanager(firing(name, service=name)))
    person.hub.work()
    person.post(f"/incidents/{person.get('/incidents')[0]['id']}/comments", {"body": name})
    person.post("/api-keys", {"name": name, "permissions": ["incidents:read"]})
    person.post("/rules", {"name": name, "action": "ignore", "match": {"service": "none"}})
    person.post("/services", {"name": name})
    person.post("/heartbeats", {"name": name, "interval_seconds": 3_600})
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    matchers = [{"name": "service", "value": "none"}]
    person.post("/silences", {"matchers": matchers, "ends_at": tomorrow.isoformat(), "comment": name})
    person.hub.work()


@contextmanager
def code_filter_off(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The code asks for the victim's rows in the attacker's transaction: the worst that a wrong filter can do."""
    enter = credentials.remember_organization

    def enter_and_be_mistaken(session: Session, organization_id: UUID) -> None:
        enter(session, organization_id)
        session.info["organization_id"] = world.victim.organization_id

    with monkeypatch.context() as patch:
        patch.setattr(credentials, "remember_organization", enter_and_be_mistaken)
        yield


@contextmanager
def row_level_security_off(catalogue: Connection) -> Iterator[None]:
    tables = sorted(tenant_tables(catalogue))
    for table in tables:
        catalogue.execute(text(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))
    try:
        yield
    finally:
        for table in tables:
            catalogue.execute(text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))


def test_neighbours_see_nothing_of_each_other(world: World):
    assert [rule for rule in reading_routes(world.hub) if world.leaks(rule)] == []


def test_victim_sees_what_the_attacker_does_not(world: World):
    assert "victims own" in world.victim.call("GET", "/incidents").text


def test_row_level_security_holds_when_the_code_forgets_its_filter(world: World, monkeypatch: pytest.MonkeyPatch):
    with code_filter_off(world, monkeypatch):
        assert [rule for rule in reading_routes(world.hub) if world.leaks(rule)] == []


def test_code_holds_when_row_level_security_is_off(world: World, catalogue: Connection):
    with row_level_security_off(catalogue):
        assert [rule for rule in reading_routes(world.hub) if world.leaks(rule)] == []


def test_without_both_walls_the_neighbour_is_seen(world: World, catalogue: Connection, monkeypatch: pytest.MonkeyPatch):
    """So the three tests above can fail."""
    with row_level_security_off(catalogue), code_filter_off(world, monkeypatch):
        hidden = [rule for rule in MUST_LEAK if not world.leaks(f"/api/v1{rule}")]
    assert hidden == []


def test_foreign_object_is_answered_like_a_missing_one(world: World):
    detail = [rule for rule in reading_routes(world.hub) if "<" in rule]
    for rule in detail:
        foreign = world.attacker.call("GET", world.path(rule))
        missing = world.attacker.call("GET", World(world.hub, world.attacker, world.victim, {}).path(rule))
        assert (foreign.status_code, missing.status_code) == (404, 404), rule
        assert foreign.json["error"] == missing.json["error"], rule
