"""Requests are counted exactly, over all processes, and every answer says what is left."""

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import text

from hub.database import Database
from hub.http import errors, limits
from hub.http.limits import Allowance
from hub.settings import Settings
from tests.factories import Hub, Person, alertmanager, firing
from tests.served import serving

PROCESSES = 2
THREADS = 4
REQUESTS = 400
PER_MINUTE = 250


def counting_app(settings: Settings, database: Database) -> Flask:
    """A route that counts the user and the organization of its path, and one that counts addresses."""
    app = Flask("counting")
    errors.register(app)
    limits.install(app, settings, database)

    @app.get("/<user>/<int:per_user>/<organization>/<int:per_organization>")
    def counted(user: str, per_user: int, organization: str, per_organization: int) -> dict[str, Any]:
        limits.admit(Allowance(f"user:{user}", per_user), Allowance(f"org:{organization}", per_organization))
        return {"windows": len(g.windows)}

    @app.get("/login")
    @limits.per_address
    def login() -> dict[str, Any]:
        return {}

    return app


@pytest.fixture
def database(hub_settings: Settings):
    made = Database(hub_settings.database_url)
    with made.transaction() as session:
        session.execute(text("DELETE FROM rate_limits"))
    yield made
    made.dispose()


@pytest.fixture
def app(hub_settings: Settings, database: Database) -> Flask:
    return counting_app(replace(hub_settings, auth_requests_per_minute=3), database)


def shown(answer: Any) -> tuple[str, str]:
    return answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]


def test_answer_shows_the_limit_nearest_to_running_out(app: Flask):
    http = app.test_client()
    assert shown(http.get("/ann/5/acme/100")) == ("5", "4")
    assert shown(http.get("/bob/50/other/4")) == ("4", "3")
    assert 0 < int(http.get("/ann/5/acme/100").headers["X-RateLimit-Reset"]) - time.time() <= 61


def test_spent_limit_answers_429_in_the_error_shape_and_says_when_to_come_back(app: Flask):
    http = app.test_client()
    statuses = [http.get("/ann/3/acme/100").status_code for _ in range(5)]
    refused = http.get("/ann/3/acme/100")
    assert statuses == [200, 200, 200, 429, 429]
    assert (refused.json["code"], refused.json["status_code"]) == ("rate_limited", 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert shown(refused) == ("3", "0")


def test_organization_is_counted_over_its_people(app: Flask):
    http = app.test_client()
    assert [http.get(f"/{who}/100/acme/3").status_code for who in ("ann", "bob", "ann", "bob")] == [200, 200, 200, 429]
    assert http.get("/ann/100/other/3").status_code == 200


def test_person_who_is_refused_does_not_spend_the_organizations_limit(app: Flask):
    http = app.test_client()
    for _ in range(10):
        http.get("/ann/1/acme/5")
    assert shown(http.get("/bob/100/acme/5")) == ("5", "3")


def test_window_that_is_over_begins_anew(app: Flask, database: Database):
    http = app.test_client()
    assert [http.get("/ann/1/acme/9").status_code for _ in range(2)] == [200, 429]
    with database.transaction() as session:
        session.execute(text("UPDATE rate_limits SET expires_at = now() - interval '1 second'"))
    assert http.get("/ann/1/acme/9").status_code == 200


def test_login_has_its_own_limit_per_address(app: Flask):
    http = app.test_client()
    assert [http.get("/login").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert http.get("/login", environ_base={"REMOTE_ADDR": "192.0.2.9"}).status_code == 200
    assert http.get("/ann/5/acme/100").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/incidents", 200),
        ("GET", f"/incidents/inc_{'0' * 32}", 404),
        ("GET", "/incidents?color=red", 422),
        ("POST", "/incidents", 422),
        ("PATCH", "/incidents/x", 404),
    ],
)
def test_every_authenticated_answer_shows_its_limit(owner: Person, method: str, path: str, status: int):
    answer = owner.call(method, path, json=None if method == "GET" else {"status": "active"})
    assert answer.status_code == status
    assert int(answer.headers["X-RateLimit-Remaining"]) < int(answer.headers["X-RateLimit-Limit"])
    assert int(answer.headers["X-RateLimit-Reset"]) > time.time() - 1


def test_webhooks_are_outside_the_limits(owner: Person):
    answer = owner.hub.http.post(owner.alertmanager, json=alertmanager(firing()))
    assert answer.status_code == 200
    assert "X-RateLimit-Limit" not in answer.headers


def test_two_processes_of_the_api_admit_what_the_plan_allows(hub: Hub, hub_settings: Settings):
    hub.register()  # the first organization is an enterprise
    token = hub.register().token
    plan = {"free": {"user_requests_per_minute": 50, "organization_requests_per_minute": 1_000}}
    with serving(replace(hub_settings, plans=json.dumps(plan)), processes=PROCESSES) as address:
        ask = urllib.request.Request(f"{address}/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})

        def status(_number: int) -> int:
            try:
                with urllib.request.urlopen(ask, timeout=10) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                return error.code

        with ThreadPoolExecutor(THREADS) as pool:
            statuses = list(pool.map(status, range(120)))
    assert statuses.count(200) == 50
    assert statuses.count(429) == 70


def admitted_by_one_process(settings: Settings) -> int:
    database = Database(settings.database_url)
    app = counting_app(settings, database)

    def send(_number: int) -> bool:
        return app.test_client().get(f"/ann/{PER_MINUTE}/acme/100000").status_code == 200

    with ThreadPoolExecutor(THREADS) as pool:
        admitted = sum(pool.map(send, range(REQUESTS // PROCESSES)))
    database.dispose()
    return admitted


@pytest.mark.usefixtures("database")
def test_two_processes_admit_what_one_would(hub_settings: Settings):
    with get_context("spawn").Pool(PROCESSES) as processes:
        admitted = sum(processes.map(admitted_by_one_process, [hub_settings] * PROCESSES))
    assert admitted == pytest.approx(PER_MINUTE, rel=0.02)
