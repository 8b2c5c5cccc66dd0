"""People and organizations: who may change whom, invitations, settings, plans, and API keys."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from hub.accounts import rules
from hub.embedded.postgres import EmbeddedPostgres
from hub.runtime import assemble
from hub.settings import Settings
from tests.factories import PASSWORD, Hub, Person

ROLES = ("owner", "admin", "manager", "engineer", "viewer")


@pytest.fixture
def empty_hub(server: EmbeddedPostgres, session_settings: Settings) -> Iterator[Hub]:
    """A hub that nobody has registered on yet."""
    name = f"empty_{uuid4().hex}"
    server.create_database(name, template="overwatch")
    url = session_settings.database_url.replace("/overwatch?", f"/{name}?")
    runtime = assemble(replace(session_settings, database_url=url))
    yield Hub(runtime)
    runtime.database.dispose()
    server.drop_database(name)


def id_of(person: Person) -> str:
    return person.tokens["user"]["id"]


def register(hub: Hub, **account: str):
    return hub.http.post("/api/v1/auth/register", json=account)


# --- registration and invitations -----------------------------------------------------------------------------------


def test_first_organization_is_enterprise_and_the_others_free(empty_hub: Hub):
    assert [empty_hub.register().get("/organizations/current")["plan"] for _ in range(2)] == ["enterprise", "free"]


def test_of_those_who_register_first_at_once_one_is_enterprise(empty_hub: Hub):
    with ThreadPoolExecutor(4) as threads:
        people = list(threads.map(lambda _: empty_hub.register(), range(4)))
    assert sorted(person.get("/organizations/current")["plan"] for person in people) == ["enterprise", *["free"] * 3]


def test_hub_by_invitation_lets_its_first_organization_in(empty_hub: Hub):
    empty_hub.app.config["REGISTRATION"] = "invite"
    assert empty_hub.register().get("/organizations/current")["plan"] == "enterprise"


def test_invited_person_joins_with_the_mailed_token(owner: Person):
    colleague = owner.colleague("manager")
    profile = colleague.get("/auth/me")
    assert (profile["role"], profile["status"]) == ("manager", "active")
    assert profile["organization_id"] == owner.tokens["user"]["organization_id"]
    assert profile["email_verified_at"] is not None


def test_invitation_is_good_once_and_for_its_address_only(owner: Person):
    owner.post("/users", {"email": "ann.lee@example.org", "name": "Ann", "role": "viewer"})
    account = {"name": "Ann", "password": PASSWORD, "invitation": owner.hub.mailed_token("ann.lee@example.org")}
    assert register(owner.hub, email="eve@example.org", **account).status_code == 422
    assert register(owner.hub, email="ann.lee@example.org", **account).status_code == 201
    assert register(owner.hub, email="ann.lee@example.org", **account).status_code == 422


def test_invited_person_cannot_log_in_before_accepting(owner: Person):
    owner.post("/users", {"email": "pending@example.org", "name": "P", "role": "viewer"})
    assert owner.hub.log_in("pending@example.org", "", "192.0.2.1").status_code == 422
    assert owner.hub.log_in("pending@example.org", PASSWORD, "192.0.2.1").status_code == 401


def test_deleted_invitation_is_worth_nothing_and_can_be_made_again(owner: Person):
    body = {"email": "again@example.org", "name": "A", "role": "viewer"}
    invited = owner.post("/users", body)
    account = {"email": "again@example.org", "name": "A", "password": PASSWORD}
    token = owner.hub.mailed_token("again@example.org")
    owner.delete(f"/users/{invited['id']}")
    assert register(owner.hub, **account, invitation=token).status_code == 422
    assert owner.post("/users", body)["id"] == invited["id"]
    assert register(owner.hub, **account, invitation=owner.hub.mailed_token("again@example.org")).status_code == 201


@pytest.mark.parametrize("account", [{}, {"organization": "A", "invitation": "x"}])
def test_registration_is_of_an_organization_or_by_an_invitation(hub: Hub, account: dict):
    answer = register(hub, email="x@example.org", name="X", password=PASSWORD, **account)
    assert answer.status_code == 422
    assert "organization" in answer.json["details"]


@pytest.mark.parametrize(
    ("registration", "found", "join"), [("open", 201, 201), ("invite", 403, 201), ("closed", 403, 403)]
)
def test_registration_setting_says_who_is_let_in(hub: Hub, registration: str, found: int, join: int):
    email = f"{registration}@example.org"
    hub.register().post("/users", {"email": email, "name": "N", "role": "viewer"})
    account = {"email": email, "name": "N", "password": PASSWORD, "invitation": hub.mailed_token(email)}
    hub.app.config["REGISTRATION"] = registration
    try:
        founder = {"email": f"f{email}", "name": "F", "password": PASSWORD, "organization": "O"}
        assert register(hub, **founder).status_code == found
        assert register(hub, **account).status_code == join
    finally:
        hub.app.config["REGISTRATION"] = "open"


def test_address_is_verified_by_the_mailed_token(owner: Person):
    assert owner.get("/auth/me")["email_verified_at"] is None
    token = owner.hub.mailed_token(owner.email)
    assert owner.hub.http.post("/api/v1/auth/email/verify", json={"token": token}).status_code == 204
    assert owner.get("/auth/me")["email_verified_at"] is not None
    assert owner.hub.http.post("/api/v1/auth/email/verify", json={"token": token}).status_code == 422


# --- who may change whom --------------------------------------------------------------------------------------------

# api.md, People and organizations, written down a second time: role → what its row says
_TABLE = {
    "incidents": {"owner": "rcuda", "admin": "rcuda", "manager": "rcuda", "engineer": "rcu", "viewer": "r"},
    "procedures": {"owner": "rcudxp", "admin": "rcudxp", "manager": "rcudxp", "engineer": "rcx", "viewer": "r"},
    "integrations": {"owner": "rcud", "admin": "rcud", "manager": "r", "engineer": "r", "viewer": "r"},
    "rules": {"owner": "rcud", "admin": "rcud", "manager": "r", "engineer": "r", "viewer": "r"},
    "silences": {"owner": "rcud", "admin": "rcud", "manager": "r", "engineer": "r", "viewer": "r"},
    "users": {"owner": "rcud", "admin": "rcud", "manager": "r", "engineer": "r", "viewer": ""},
    "analytics": {"owner": "r", "admin": "r", "manager": "r", "engineer": "", "viewer": "r"},
    "audit": {"owner": "r", "admin": "r", "manager": "", "engineer": "", "viewer": ""},
    "billing": {"owner": "ru", "admin": "", "manager": "", "engineer": "", "viewer": ""},
}
_VERBS = {"r": "read", "c": "create", "u": "update", "d": "delete", "a": "assign", "x": "execute", "p": "approve"}


@pytest.mark.parametrize("area", _TABLE)
@pytest.mark.parametrize("role", ROLES)
def test_roles_have_the_permissions_of_the_table(role: str, area: str):
    held = {letter for letter, verb in _VERBS.items() if rules.may(role, f"{area}:{verb}")}
    assert held == set(_TABLE[area][role])


def test_engineers_have_their_own_procedures_and_figures():
    assert rules.may("engineer", "procedures:update_own")
    assert rules.may("engineer", "analytics:read_own")
    assert rules.may("manager", "procedures:update_own"), "who may change all may change the own"
    assert not rules.may("viewer", "procedures:update_own")
    assert not rules.may("nobody", "incidents:read")


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("manager", 200), ("engineer", 200), ("viewer", 403)]
)
def test_people_are_seen_by_all_but_viewers(owner: Person, role: str, status: int):
    person = owner if role == "owner" else owner.colleague(role)
    person.get("/users", status)
    person.get("/organizations/current/members", status)


@pytest.mark.parametrize("role", ["manager", "engineer", "viewer"])
def test_others_than_administrators_change_nobody_else(owner: Person, role: str):
    person = owner.colleague(role)
    person.patch(f"/users/{id_of(owner)}", {"name": "X"}, 403)
    person.delete(f"/users/{id_of(owner)}", 403)
    person.post("/users", {"email": "x@example.org", "name": "X", "role": "viewer"}, 403)


def test_administrator_manages_everybody_but_owners(owner: Person):
    admin, engineer = owner.colleague("admin"), owner.colleague("engineer")
    assert admin.patch(f"/users/{id_of(engineer)}", {"role": "manager"})["role"] == "manager"
    admin.patch(f"/users/{id_of(owner)}", {"role": "viewer"}, 403)
    admin.patch(f"/users/{id_of(engineer)}", {"role": "owner"}, 403)
    admin.delete(f"/users/{id_of(owner)}", 403)
    admin.post(f"/users/{id_of(owner)}/revoke-sessions", status=403)
    admin.post(f"/users/{id_of(owner)}/reset-password", status=403)
    admin.post("/users", {"email": "boss@example.org", "name": "B", "role": "owner"}, 403)


@pytest.mark.parametrize("role", ["admin", "manager", "engineer", "viewer"])
def test_nobody_raises_their_own_role_or_changes_their_own_status(owner: Person, role: str):
    person = owner.colleague(role)
    for change in ({"role": "owner"}, {"status": "inactive"}, {"status": "suspended"}):
        person.patch(f"/users/{id_of(person)}", change, 403)
    assert person.get("/auth/me")["role"] == role


@pytest.mark.parametrize("role", ROLES)
def test_everybody_changes_their_own_name_and_time_zone(owner: Person, role: str):
    person = owner if role == "owner" else owner.colleague(role)
    changed = person.patch(f"/users/{id_of(person)}", {"name": "New", "timezone": "Europe/Berlin"})
    assert (changed["name"], changed["timezone"]) == ("New", "Europe/Berlin")


def test_last_owner_can_neither_be_demoted_nor_removed(owner: Person):
    owner.patch(f"/users/{id_of(owner)}", {"role": "admin"}, 409)
    owner.delete(f"/users/{id_of(owner)}", 409)
    owner.delete(f"/organizations/current/members/{id_of(owner)}", 409)
    owner.patch(f"/organizations/current/members/{id_of(owner)}", {"role": "viewer"}, 409)


def test_owner_steps_down_when_there_is_another(owner: Person):
    owner.colleague("owner")
    assert owner.patch(f"/users/{id_of(owner)}", {"role": "viewer"})["role"] == "viewer"
    owner.get("/users", 403)


def test_removed_member_is_out_at_once(owner: Person):
    colleague = owner.colleague()
    owner.delete(f"/organizations/current/members/{id_of(colleague)}")
    colleague.get("/auth/me", 401)
    assert owner.get(f"/users/{id_of(colleague)}")["status"] == "inactive"


def test_revoked_sessions_end_and_the_person_may_log_in_again(owner: Person):
    colleague = owner.colleague()
    assert owner.post(f"/users/{id_of(colleague)}/revoke-sessions", status=200) == {"sessions_ended": 1}
    colleague.get("/auth/me", 401)
    assert owner.hub.log_in(colleague.email, address="192.0.2.2").status_code == 200


def test_people_of_another_organization_are_not_found(owner: Person):
    stranger = id_of(owner.hub.register())
    owner.get(f"/users/{stranger}", 404)
    owner.patch(f"/users/{stranger}", {"name": "X"}, 404)
    owner.delete(f"/users/{stranger}", 404)
    for act in ("unlock", "reset-password", "revoke-sessions"):
        owner.post(f"/users/{stranger}/{act}", status=404)


def test_people_are_filtered_and_sorted(owner: Person):
    owner.colleague("viewer")
    owner.colleague("admin")
    assert [user["role"] for user in owner.get("/users", sort="-role")] == ["owner", "admin", "viewer"]
    assert [user["role"] for user in owner.get("/users", role="viewer,admin", sort="role")] == ["viewer", "admin"]


# --- the organization, its settings and its plan ---------------------------------------------------------------------


def test_settings_begin_with_the_defaults_and_change_one_by_one(owner: Person):
    assert owner.get("/organizations/current")["settings"] == rules.DEFAULT_SETTINGS
    changed = owner.patch(
        "/organizations/current",
        {"settings": {"auto_resolve": False, "password_policy": {"min_length": 12}}},
    )["settings"]
    policy = rules.DEFAULT_SETTINGS["password_policy"] | {"min_length": 12}
    assert changed == {**rules.DEFAULT_SETTINGS, "auto_resolve": False, "password_policy": policy}


@pytest.mark.parametrize(
    "settings",
    [
        {"default_incident_severity": "worst"},
        {"session_timeout_minutes": 0},
        {"session_timeout_minutes": True},
        {"password_policy": {"min_length": 7}},
        {"password_policy": {"unknown": 1}},
        {"incident_threshold": ""},
        {"unknown": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(owner: Person, settings: dict):
    owner.patch("/organizations/current", {"settings": settings}, 422)


def test_slug_is_one_organizations_only(owner: Person):
    taken = owner.hub.register().get("/organizations/current")["slug"]
    owner.patch("/organizations/current", {"slug": taken}, 422)
    assert owner.patch("/organizations/current", {"slug": "my-own-9"})["slug"] == "my-own-9"


def test_plan_limits_the_seats(owner: Person):
    owner.call("PUT", "/organizations/current/subscription", json={"plan": "team"})
    for _ in range(4):
        owner.colleague()
    full = {"email": "sixth@example.org", "name": "S", "role": "viewer"}
    owner.post("/users", full, 409)
    owner.delete(f"/users/{owner.get('/users', role='engineer')[0]['id']}")
    owner.post("/users", full)


def test_plan_with_too_few_seats_is_refused(owner: Person):
    owner.call("PUT", "/organizations/current/subscription", json={"plan": "professional"})
    for _ in range(5):
        owner.colleague()
    assert owner.call("PUT", "/organizations/current/subscription", json={"plan": "team"}).status_code == 409
    assert owner.call("PUT", "/organizations/current/subscription", json={"plan": "growth"}).status_code == 200
    assert owner.get("/organizations/current/subscription")["limits"]["users"] == 20


def test_enterprise_is_not_taken_by_oneself(hub: Hub):
    hub.register()
    owner = hub.register()
    assert owner.call("PUT", "/organizations/current/subscription", json={"plan": "enterprise"}).status_code == 409


def test_billing_is_the_owners(owner: Person):
    admin = owner.colleague("admin")
    admin.get("/organizations/current/subscription", 403)
    assert admin.call("PUT", "/organizations/current/subscription", json={"plan": "team"}).status_code == 403


def test_usage_counts_what_is_used(owner: Person):
    owner.connect("alertmanager")
    owner.colleague()
    usage = owner.get("/organizations/current/usage")
    assert (usage["users"], usage["integrations"], usage["incidents_this_month"]) == (2, 1, 0)


def test_plans_are_listed_smallest_first(owner: Person):
    assert [plan["name"] for plan in owner.get("/plans")] == ["free", "team", "growth", "professional", "enterprise"]


# --- API keys ---------------------------------------------------------------------------------------------------------


def with_key(person: Person, key: str, path: str = "/incidents", address: str = "127.0.0.1", **headers: str):
    return person.hub.http.get(
        f"/api/v1{path}", headers={"X-API-Key": key, **headers}, environ_overrides={"REMOTE_ADDR": address}
    )


def make_key(person: Person, *permissions: str, **fields):
    return person.post("/api-keys", {"name": "K", "permissions": permissions or ["incidents:read"], **fields})


def test_key_does_what_it_is_permitted_and_no_more(owner: Person):
    key = make_key(owner)["key"]
    assert key.startswith("overwatch_ak_")
    assert with_key(owner, key).status_code == 200
    assert with_key(owner, key, "/integrations").status_code == 403


def test_key_is_shown_once_and_stored_as_its_hash(owner: Person):
    made = make_key(owner)
    (listed,) = owner.get("/api-keys")
    assert "key" not in listed
    assert listed["hint"] == made["key"][-4:]
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        stored = str(session.connection().exec_driver_sql("SELECT * FROM api_keys").all())
    assert made["key"].removeprefix("overwatch_ak_") not in stored


@pytest.mark.parametrize(
    ("role", "permission"), [("viewer", "incidents:update"), ("engineer", "users:create"), ("owner", "account:own")]
)
def test_key_is_given_nothing_that_its_maker_has_not(owner: Person, role: str, permission: str):
    person = owner if role == "owner" else owner.colleague(role)
    person.post("/api-keys", {"name": "K", "permissions": [permission]}, 422)


def test_key_shrinks_with_its_maker_and_dies_with_them(owner: Person):
    maker = owner.colleague("admin")
    key = make_key(maker, "users:read", "incidents:read")["key"]
    owner.patch(f"/users/{id_of(maker)}", {"role": "viewer"})
    assert with_key(owner, key, "/users").status_code == 403
    assert with_key(owner, key).status_code == 200
    owner.delete(f"/users/{id_of(maker)}")
    assert with_key(owner, key).status_code == 401


def test_key_makes_no_key_that_can_more(owner: Person):
    key = make_key(owner, "api_keys:create", "incidents:read")["key"]
    body = {"name": "K", "permissions": ["incidents:delete"]}
    answer = owner.hub.http.post("/api/v1/api-keys", json=body, headers={"X-API-Key": key})
    assert answer.status_code == 422


def test_key_has_no_account_of_its_own(owner: Person):
    key = make_key(owner, "organization:read")["key"]
    assert with_key(owner, key, "/auth/me").status_code == 200
    assert with_key(owner, key, "/auth/sessions").status_code == 403


def test_key_is_used_from_its_addresses_only(owner: Person):
    key = make_key(owner, ip_allowlist=["198.51.100.0/24", "2001:db8::1"])["key"]
    assert with_key(owner, key, address="198.51.100.77").status_code == 200
    assert with_key(owner, key, address="::ffff:198.51.100.77").status_code == 200
    assert with_key(owner, key, address="2001:db8::1").status_code == 200
    assert with_key(owner, key, address="198.51.101.1").status_code == 401
    assert with_key(owner, key, address="198.51.101.1", **{"X-Forwarded-For": "198.51.100.77"}).status_code == 401


@pytest.mark.parametrize("network", ["198.51.100.0/33", "198.51.100.1/24", "example.org", "", "0"])
def test_address_list_takes_networks_only(owner: Person, network: str):
    owner.post("/api-keys", {"name": "K", "permissions": ["incidents:read"], "ip_allowlist": [network]}, 422)


def test_key_ends_when_it_was_to_end_or_is_revoked(owner: Person):
    with owner.hub.runtime.database.transaction() as session:
        end = session.connection().exec_driver_sql("SELECT overwatch_now() + interval '1 hour'").scalar_one()
    made, endless = make_key(owner, expires_at=end.isoformat()), make_key(owner)
    owner.delete(f"/api-keys/{endless['id']}")
    assert with_key(owner, endless["key"]).status_code == 401
    assert with_key(owner, made["key"]).status_code == 200
    owner.hub.later(minutes=61)
    assert with_key(owner, made["key"]).status_code == 401


def test_two_credentials_in_one_request_are_refused(owner: Person):
    key = make_key(owner)["key"]
    assert with_key(owner, key, Authorization=f"Bearer {owner.token}").status_code == 400
    assert with_key(owner, "x", Authorization="x").status_code == 400


@pytest.mark.parametrize(
    "key", ["", "x", "overwatch_ak_", "overwatch_ak_x", "null", "é", "overwatch_ak_" + "x" * 5_000]
)
def test_keys_that_are_none_get_our_401(hub: Hub, key: str):
    answer = hub.http.get("/api/v1/incidents", headers={"X-API-Key": key})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")


def test_people_see_and_revoke_their_own_keys_and_administrators_all(owner: Person):
    engineer = owner.colleague()
    mine, theirs = make_key(owner), make_key(engineer)
    assert [key["id"] for key in engineer.get("/api-keys")] == [theirs["id"]]
    engineer.delete(f"/api-keys/{mine['id']}", 404)
    assert {key["id"] for key in owner.get("/api-keys")} == {mine["id"], theirs["id"]}
    owner.delete(f"/api-keys/{theirs['id']}")
