"""The audit log: everything that changes state or is refused is in it, and nobody can take it out."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from hub.accounts.audit import service as audit
from tests.factories import Person


def entries(owner: Person, **query: Any) -> list[dict[str, Any]]:
    return owner.get("/audit-log", limit=200, sort="created_at", **query)


def actions(owner: Person, **query: Any) -> list[str]:
    return [entry["action"] for entry in entries(owner, **query)]


def test_entry_says_who_what_when_from_where_and_the_result(owner: Person):
    made = owner.post("/api-keys", {"name": "K", "permissions": ["incidents:read"]})
    (entry,) = entries(owner, action="api_keys:create")
    assert entry["actor"] == {"kind": "user", "user_id": owner.tokens["user"]["id"], "api_key_id": None}
    assert (entry["subject"], entry["result"], entry["address"]) == (made["id"], "done", "127.0.0.1")
    assert entry["user_agent"].startswith("Werkzeug")
    assert entry["request_id"]
    assert entry["created_at"].endswith("Z")


def test_deed_of_a_key_names_the_key_and_its_maker(owner: Person):
    made = owner.post("/api-keys", {"name": "K", "permissions": ["incidents:create"]})
    owner.hub.http.post("/api/v1/incidents", json={"title": "T"}, headers={"X-API-Key": made["key"]})
    (entry,) = entries(owner, action="incidents:create")
    assert entry["actor"] == {"kind": "api_key", "user_id": owner.tokens["user"]["id"], "api_key_id": made["id"]}


def test_accounts_are_noted_from_registration_to_removal(owner: Person):
    colleague = owner.colleague()
    owner.patch(f"/users/{colleague.tokens['user']['id']}", {"role": "viewer"})
    owner.delete(f"/users/{colleague.tokens['user']['id']}")
    owner.patch("/organizations/current", {"name": "New"})
    wanted = ["organization:create", "users:create", "users:accept_invitation", "users:update", "users:delete"]
    assert actions(owner) == [*wanted, "organization:update"]


def test_change_is_noted_although_its_feature_says_nothing(owner: Person):
    """Whatever room a route is in: its commit carries an entry."""
    owner.connect("alertmanager")
    integration = owner.get("/integrations")[0]
    owner.delete(f"/integrations/{integration['id']}")
    assert [action for action in actions(owner) if action.startswith("integrations")] == [
        "integrations:create",
        "integrations:delete",
    ]
    assert entries(owner, action="integrations:delete")[0]["subject"] == integration["id"]


def test_failed_change_is_not_noted_as_done(owner: Person):
    owner.patch("/organizations/current", {"settings": {"unknown": 1}}, 422)
    owner.delete(f"/users/{owner.tokens['user']['id']}", 409)
    assert actions(owner) == ["organization:create"]


def test_reading_is_not_noted(owner: Person):
    for path in ("/users", "/incidents", "/auth/me", "/organizations/current"):
        owner.get(path)
    assert actions(owner) == ["organization:create"]


@pytest.mark.parametrize(
    ("act", "action"),
    [
        (lambda viewer: viewer.get("/users", 403), "users:read"),
        (lambda viewer: viewer.post("/incidents", {"title": "T"}, 403), "incidents:create"),
        (lambda viewer: viewer.patch("/organizations/current", {"name": "X"}, 403), "organization:update"),
        (
            lambda viewer: viewer.patch(f"/users/{viewer.tokens['user']['id']}", {"role": "owner"}, 403),
            "users:update_own",
        ),
    ],
)
def test_refusal_for_lack_of_permission_is_noted(owner: Person, act: Callable[[Person], Any], action: str):
    viewer = owner.colleague("viewer")
    act(viewer)
    (entry,) = entries(owner, result="refused")
    assert (entry["action"], entry["actor"]["user_id"]) == (action, viewer.tokens["user"]["id"])


def test_failed_logins_and_logins_are_noted(owner: Person):
    owner.hub.log_in(owner.email, "Wrong-horse-1", "192.0.2.77")
    owner.hub.log_in(owner.email)
    found = [
        (entry["result"], entry["address"], entry["actor"]["kind"])
        for entry in entries(owner, action="sessions:create")
    ]
    assert found == [("refused", "192.0.2.77", "anonymous"), ("done", "127.0.0.1", "user")]


def test_log_is_read_by_owners_and_administrators_of_the_organization_only(owner: Person):
    for role, status in {"admin": 200, "manager": 403, "engineer": 403, "viewer": 403}.items():
        owner.colleague(role).get("/audit-log", status)
    assert actions(owner.hub.register()) == ["organization:create"]


def test_no_secret_is_noted(owner: Person):
    key = owner.post("/api-keys", {"name": "K", "permissions": ["incidents:read"]})["key"]
    body = {"current_password": "Correct-horse-1", "new_password": "Better-battery-2"}
    owner.post("/auth/password/change", body, 204)
    noted = str(entries(owner))
    assert "account:change_password" in noted
    assert not any(secret in noted for secret in (key, owner.token, *body.values()))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET action = 'nothing:happened'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "ALTER TABLE audit_log DISABLE ROW LEVEL SECURITY",
        "DROP TABLE audit_log",
        "ALTER TABLE audit_log OWNER TO overwatch_app",
        "INSERT INTO audit_log (organization_id, id, actor_kind, action, result)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 'system', 'a:b', 'done')",
    ],
)
def test_runtime_role_can_add_to_its_log_and_do_nothing_else_to_it(owner: Person, statement: str):
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner|row-level security"),
        owner.hub.runtime.database.transaction(owner.organization_id) as session,
    ):
        session.execute(text(statement))
    assert actions(owner) == ["organization:create"]


def test_effect_and_entry_stand_or_fall_together(owner: Person, monkeypatch: pytest.MonkeyPatch):
    """When the entry cannot be written, the change is not made either."""

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(audit, "note", broken)
    assert owner.call("PATCH", "/organizations/current", json={"name": "Changed"}).status_code == 500
    monkeypatch.undo()
    assert owner.get("/organizations/current")["name"] != "Changed"
