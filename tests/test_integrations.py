"""Integrations as people use them: configs named field by field, secrets write-only, rotation with grace, health."""

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from sqlalchemy import text

from hub import settings
from hub.contracts import CheckResult, Config, Connector, Delivery, Event, Http, Misconfigured, Untrusted
from hub.http.ids import from_public
from hub.integrations.relocking import keys_used, relock
from hub.integrations.rules import problems
from hub.integrations.service import config_of, get
from hub.integrations.vault import KeyFile, Vault
from hub.runtime import Runtime
from tests.colleagues import colleague
from tests.factories import Hub, Person, alertmanager, firing

SECRET = "a-signing-secret-of-length"


class Acme(Connector):
    """A platform that signs, and that has a key to be checked."""

    name = "acme"
    title = "Acme"
    signing_secret = "secret"
    config_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {
            "secret": {"type": "string", "format": "secret"},
            "api_key": {"type": "string", "format": "secret"},
            "region": {"type": "string", "enum": ["eu", "us"], "default": "eu"},
            "calls_out": {"type": "boolean"},
        },
        "additionalProperties": False,
    }

    def verify(self, delivery: Delivery, config: Config) -> None:
        expected = hmac.new(config["secret"].encode(), delivery.body, hashlib.sha256).hexdigest()
        if delivery.headers.get("x-acme-signature") != expected:
            raise Untrusted("signature")

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        return []

    def check(self, config: Config, http: Http) -> CheckResult:
        if config.get("calls_out"):
            http.request("GET", "https://acme.example.org")
        return CheckResult(ok=config.get("api_key") == "right", detail="Asked Acme.", missing=("alerts.read",))


@pytest.fixture(scope="module")
def hub(runtime: Runtime) -> Iterator[Hub]:
    return Hub(replace(runtime, connectors={**runtime.connectors, "acme": Acme()}))


def made(owner: Person, **config: Any) -> dict[str, Any]:
    return owner.post("/integrations", {"platform": "acme", "name": "Acme", "config": config})


def webhook(integration: dict[str, Any]) -> str:
    return integration["webhook_url"].removeprefix("http://localhost")


def sign(secret: str, body: bytes) -> dict[str, str]:
    return {"X-Acme-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"region": "mars"}, "config.region"),
        ({"unknown": 1}, "config.unknown"),
        ({"secret": 5}, "config.secret"),
        ({"api_key": "••••wxyz"}, "config.api_key"),
    ],
)
def test_config_is_refused_naming_the_field(owner: Person, config: dict[str, Any], field: str):
    path = f"/integrations/{made(owner)['id']}"
    for method, where in (("PATCH", path), ("POST", "/integrations")):
        body = {"config": config} | ({"platform": "acme", "name": "Acme"} if method == "POST" else {})
        answer = owner.call(method, where, json=body)
        assert (answer.status_code, list(answer.json["details"])) == (422, [field])


def test_each_missing_field_is_named_once():
    schema = {"properties": {"url": {}, "secret": {}}, "required": ["url", "secret"]}
    assert problems({}, schema) == {"config.url": ["Is required."], "config.secret": ["Is required."]}


def test_secrets_are_write_only_and_kept_when_their_dots_come_back(owner: Person):
    integration = made(owner, secret=SECRET, api_key="right")
    assert integration["config"] == {"secret": "••••ngth", "api_key": "••••", "region": "eu"}
    path = f"/integrations/{integration['id']}"
    changed = owner.patch(path, {"config": integration["config"] | {"region": "us"}})
    assert changed["config"] == integration["config"] | {"region": "us"}
    assert owner.post(f"{path}/test", status=200)["ok"] is True
    assert owner.patch(path, {"config": {"api_key": None}})["config"] == {"secret": "••••ngth", "region": "us"}


def test_disabled_integration_refuses_its_webhooks_until_it_is_enabled(owner: Person):
    address = owner.connect("alertmanager")
    (integration,) = owner.get("/integrations")
    path = f"/integrations/{integration['id']}"
    assert owner.patch(path, {"enabled": False})["enabled"] is False
    owner.push(alertmanager(firing()), address, status=404)
    owner.patch(path, {"enabled": True})
    owner.push(alertmanager(firing()), address)


def test_rotated_token_and_the_one_before_are_good_until_the_grace_ends(owner: Person):
    old = owner.connect("alertmanager")
    path = f"/integrations/{owner.get('/integrations')[0]['id']}"
    rotated = owner.post(f"{path}/rotate", status=200)
    for number, address in enumerate((old, webhook(rotated))):
        owner.push(alertmanager(firing(f"Alert{number}")), address)
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        session.execute(text("UPDATE integrations SET previous_until = overwatch_now()"))
    owner.push(alertmanager(firing("Late")), old, status=401)
    owner.push(alertmanager(firing("Late")), webhook(rotated))


def test_rotation_without_grace_ends_the_old_token_at_once(owner: Person):
    old = owner.connect("alertmanager")
    path = f"/integrations/{owner.get('/integrations')[0]['id']}"
    owner.post(f"{path}/rotate", {"grace_seconds": 0}, status=200)
    owner.push(alertmanager(firing()), old, status=401)


def test_rotated_signing_secret_and_the_one_before_both_verify(owner: Person):
    integration = made(owner, secret=SECRET)
    rotated = owner.post(f"/integrations/{integration['id']}/rotate", status=200)
    for secret, status in ((SECRET, 200), (rotated["secret"], 200), ("wrong", 401)):
        body = secret.encode()
        answer = owner.hub.http.post(webhook(rotated), data=body, headers=sign(secret, body))
        assert answer.status_code == status
    given = owner.post(f"/integrations/{integration['id']}/rotate", {"secret": "given-by-acme"}, status=200)
    assert given["secret"] == "given-by-acme"


@pytest.mark.parametrize("body", [{"grace_seconds": -1}, {"grace_seconds": 10**9}, {"secret": "x"}, {"nothing": 1}])
def test_rotation_without_sense_is_refused(owner: Person, body: dict[str, Any]):
    owner.post(f"/integrations/{made(owner)['id']}/rotate", body, status=422)


def test_test_tells_what_the_platform_said(owner: Person):
    path = f"/integrations/{made(owner, api_key='wrong')['id']}/test"
    assert owner.post(path, status=200) == {"ok": False, "detail": "Asked Acme.", "missing": ["alerts.read"]}


def test_test_that_cannot_reach_the_platform_says_so(owner: Person):
    path = f"/integrations/{made(owner, calls_out=True)['id']}/test"
    assert owner.post(path, status=200)["ok"] is False


def test_health_tells_the_last_delivery_and_the_error_rate(owner: Person):
    address = owner.connect("alertmanager")
    path = f"/integrations/{owner.get('/integrations')[0]['id']}"
    assert owner.get(f"{path}/health")["status"] == "unused"
    owner.push(alertmanager(firing()), address)
    owner.push({"alerts": "none"}, address)
    owner.hub.work("ingest")
    health = owner.get(f"{path}/health")
    assert (health["delivery_count"], health["dead_count"], health["error_rate"]) == (2, 1, 0.5)
    assert (health["status"], health["last_delivery"]["status"]) == ("failing", "dead")
    owner.patch(path, {"enabled": False})
    assert owner.get(f"{path}/health")["status"] == "disabled"


def test_platforms_show_everything_needed_to_connect_one(owner: Person):
    acme, *_ = owner.get("/platforms")
    assert (acme["name"], acme["title"], acme["directions"]) == ("acme", "Acme", ["webhook"])
    assert acme["config_schema"]["properties"]["region"]["enum"] == ["eu", "us"]
    assert {"version", "setup_guide", "sample_body"} <= acme.keys()


def test_only_admins_change_integrations(owner: Person):
    manager = colleague(owner, "manager", "Grace")
    path = f"/integrations/{made(owner)['id']}"
    manager.get(path)
    manager.patch(path, {"enabled": False}, status=403)
    for action in ("rotate", "test"):
        manager.post(f"{path}/{action}", status=403)


def test_integrations_of_others_do_not_exist(owner: Person):
    path = f"/integrations/{made(owner)['id']}"
    stranger = owner.hub.register()
    stranger.patch(path, {"enabled": False}, status=404)
    stranger.get(f"{path}/health", status=404)
    for action in ("rotate", "test"):
        stranger.post(f"{path}/{action}", status=404)


def test_new_encryption_key_is_taken_without_a_restart(tmp_path: Path):
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"encryption_key": "first"}))
    vault = Vault(KeyFile(file))
    place = (uuid4(), uuid4(), "secret")
    locked = vault.lock("s3cret", *place)
    file.write_text(json.dumps({"encryption_key": "second", "old_encryption_keys": ["first"]}))
    os.utime(file, ns=(1, 1))
    assert (vault.unlock(locked, *place), vault.key_id == locked.partition(".")[0]) == ("s3cret", False)


def test_only_keys_that_nothing_needs_are_forgotten_and_not_at_once(tmp_path: Path):
    chosen = settings.from_env(tmp_path, {})
    keys = [chosen.secrets.encryption_key]
    for _ in range(2):
        settings.rotate_encryption_key(chosen)
        keys.insert(0, json.loads(chosen.secrets_file.read_text())["encryption_key"])
    with pytest.raises(Misconfigured, match="minutes ago"):
        settings.forget_encryption_keys(chosen, lambda _: [])
    os.utime(chosen.secrets_file, (1, 1))
    assert settings.forget_encryption_keys(chosen, lambda old: old[1:]) == 1
    assert KeyFile(chosen.secrets_file)() == (keys[0], keys[2])


def test_secrets_are_locked_with_the_newest_key_while_everything_runs(hub: Hub, owner: Person):
    config = {"webhook_secret": "a-secret-of-sixteen"}
    made = owner.post("/integrations", {"platform": "pagerduty", "name": "PD", "config": config})
    place = (owner.organization_id, from_public("int", made["id"]))
    renewed = Vault(lambda: ("the new key", *hub.runtime.vault.keys()))
    with hub.runtime.database.transaction(place[0]) as session:
        relock(session, renewed)
    assert keys_used(hub.runtime.database, ["the new key", "one before"]) == {"the new key"}
    only_new = Vault(lambda: ("the new key",))
    with hub.runtime.database.transaction(place[0]) as session:
        assert config_of(get(session, place[1]), only_new)["webhook_secret"] == "a-secret-of-sixteen"
