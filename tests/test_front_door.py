"""What the front door does with requests that no route should see, and with every answer."""

import gzip
import re
from dataclasses import replace
from typing import Any

import pytest

from hub.app import create_app
from hub.http.front_door import LARGEST_HEADERS_BYTES, LONGEST_TARGET, MOST_HEADERS
from tests.factories import Hub, Person
from tests.security.surface import is_error_shape

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "//api/v1/incidents", 404),
        ("GET", "/api/v1//incidents", 404),
        ("GET", "/api/v1/../v1/incidents", 404),
        ("DELETE", "/api/v1/incidents", 405),
        ("TRACE", "/api/v1/incidents", 405),
        ("BREW", "/api/v1/incidents", 405),
        ("POST", "/openapi.json", 405),
        ("GET", "/api/v1/incidents?q=%zz", 400),
        ("GET", "/api/v1/incidents?q=%", 400),
        ("GET", "/api/v1/incidents?q=%ff", 400),
        ("GET", "/api/v1/%ff", 404),
        ("GET", "/api/v1/incidents/%00", 404),
        ("GET", "/api/v1/incidents?q=" + "a" * LONGEST_TARGET, 414),
        ("GET", "/" + "a" * LONGEST_TARGET, 414),
    ],
)
def test_request_that_no_route_should_see_gets_the_error_shape(hub: Hub, method: str, path: str, status: int):
    answer = hub.http.open(path, method=method)
    assert answer.status_code == status
    assert is_error_shape(answer)
    assert MOMENT.fullmatch(answer.json["timestamp"])
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_wrong_method_names_the_right_ones(hub: Hub):
    answer = hub.http.delete("/api/v1/incidents")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert "use one of GET, HEAD, OPTIONS, POST" in answer.json["error"]


def test_missing_path_says_where_the_paths_are_listed(hub: Hub):
    assert "/docs" in hub.http.get("/api/v1/nothing").json["error"]


def test_options_say_what_is_possible_and_allow_no_other_origin(hub: Hub):
    answer = hub.http.options(
        "/api/v1/incidents", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 200
    assert {*answer.headers["Allow"].split(", ")} == {"GET", "HEAD", "OPTIONS", "POST"}
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_head_is_get_without_the_body(owner: Person):
    got, headed = owner.call("GET", "/auth/me"), owner.call("HEAD", "/auth/me")
    assert (headed.status_code, headed.data) == (200, b"")
    assert (headed.headers["ETag"], headed.headers["Content-Length"]) == (got.headers["ETag"], str(len(got.data)))


@pytest.mark.parametrize("path", ["/", "/healthz", "/docs", "/openapi.json", "/api/v1/auth/me", "/api/v1/incidents"])
def test_every_answer_carries_the_security_headers(hub: Hub, path: str):
    headers = hub.http.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Server" not in headers


def test_transport_security_is_asked_for_over_tls_only(hub: Hub):
    assert "Strict-Transport-Security" not in hub.http.get("/healthz").headers
    assert "Strict-Transport-Security" in hub.http.get("/healthz", base_url="https://localhost").headers


def test_get_with_a_body_is_refused(owner: Person):
    answer = owner.call("GET", "/incidents", json={"title": "a"})
    assert (answer.status_code, answer.json["error"]) == (400, "GET takes no body.")


def test_body_where_none_is_taken_is_refused(owner: Person):
    made = owner.post("/integrations", {"platform": "alertmanager", "name": "a"})
    answer = owner.call("DELETE", f"/integrations/{made['id']}", json={"force": True})
    assert (answer.status_code, answer.json["details"]) == (422, {"force": ["Unknown field."]})
    assert owner.call("DELETE", f"/integrations/{made['id']}", json={}).status_code == 204


@pytest.mark.parametrize("body", [None, b"", b"null", b"[]", b'"text"', b"7"])
def test_body_that_is_no_object_is_refused(owner: Person, body: bytes | None):
    answer = owner.call("POST", "/incidents", data=body, content_type="application/json")
    assert answer.status_code == 422
    assert is_error_shape(answer)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"title": 5}, "title"),
        ({"title": ["a"]}, "title"),
        ({"title": "a", "tags": "eu"}, "tags"),
        ({"title": "a", "tags": [1]}, "tags.0"),
        ({"title": "a", "links": [{"title": 1, "url": "https://example.org"}]}, "links.0.title"),
        ({"title": "a", "color": "red"}, "color"),
        ({"title": "a", "severity": "urgent"}, "severity"),
        ({"title": None}, "title"),
    ],
)
def test_field_of_the_wrong_type_is_named(owner: Person, fields: dict[str, Any], wrong: str):
    answer = owner.call("POST", "/incidents", json=fields)
    assert (answer.status_code, answer.json["code"]) == (422, "validation_error")
    assert list(answer.json["details"]) == [wrong]


@pytest.mark.parametrize("value", ["true", "yes", 1, 0, "on", [], {}])
def test_boolean_is_never_guessed(owner: Person, value: Any):
    body = {"platform": "alertmanager", "name": "a", "enabled": value}
    assert list(owner.call("POST", "/integrations", json=body).json["details"]) == ["enabled"]


@pytest.mark.parametrize("value", ["300", 300.0, 300.5, True, [], "3e2"])
def test_integer_is_never_guessed(owner: Person, value: Any):
    answer = owner.call("POST", "/heartbeats", json={"name": "backup", "every_seconds": value})
    assert "every_seconds" in answer.json["details"]


def test_packed_body_is_unpacked(owner: Person):
    packed = gzip.compress(b'{"title": "packed"}')
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert owner.call("POST", "/incidents", data=packed, headers=headers).json["data"]["title"] == "packed"


def test_flood_of_headers_is_refused(hub: Hub):
    many = [(f"X-{number}", "a") for number in range(MOST_HEADERS + 1)]
    for headers in (many, [("X-Large", "a" * LARGEST_HEADERS_BYTES)]):
        answer = hub.http.get("/healthz", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (431, "headers_too_large")


def test_crash_tells_its_request_id_and_nothing_else(hub: Hub, owner: Person, monkeypatch: pytest.MonkeyPatch):
    def crash(**_ids: Any) -> None:
        raise RuntimeError("the secret is /etc/overwatch/key")

    monkeypatch.setitem(hub.app.view_functions, "users.me", crash)
    answer = owner.call("GET", "/auth/me")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert is_error_shape(answer)
    assert "secret" not in answer.text


def test_proxies_are_trusted_by_count(hub: Hub):
    runtime = replace(hub.runtime, settings=replace(hub.runtime.settings, trusted_proxies=1))
    app = create_app(runtime)
    forged = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9", "X-Forwarded-Proto": "https"}
    with app.test_client() as http:
        assert "Strict-Transport-Security" in http.get("/healthz", headers=forged).headers
    assert "Strict-Transport-Security" not in hub.http.get("/healthz", headers=forged).headers


def test_nothing_of_the_host_header_reaches_an_answer_unasked(hub: Hub):
    answer = hub.http.get("/api/v1/incidents/", headers={"Host": "evil.example"})
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_path_that_is_no_id_has_its_own_methods_only(owner: Person, method: str):
    answer = owner.call(method, "/users/me", json={"name": "a"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert owner.call("OPTIONS", "/users/me").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_change_without_a_body_is_a_mistake(owner: Person):
    answer = owner.call("PATCH", "/organizations/current")
    assert (answer.status_code, answer.json["details"]) == (422, {"_schema": ["Send a JSON object."]})
