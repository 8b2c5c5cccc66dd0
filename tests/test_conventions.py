"""What holds on every route: pages, sorting, filters, versions of objects, and requests that are sent twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from tests.factories import Hub, Person, alertmanager, firing

KEY = {"Idempotency-Key": "3f0c2c1e-attempt"}


@contextmanager
def statements(hub: Hub) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(hub.runtime.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(hub.runtime.database.engine, "before_cursor_execute", note)


def open_incidents(owner: Person, *titles: str, **fields: Any) -> list[dict[str, Any]]:
    return [owner.post("/incidents", {"title": title} | fields) for title in titles]


def titles(owner: Person, **query: Any) -> list[str]:
    return [incident["title"] for incident in owner.get("/incidents", **query)]


# --- pages, sorting, filters ----------------------------------------------------------------------------------------


def test_page_says_where_it_stands_in_the_list(owner: Person):
    open_incidents(owner, "a", "b", "c")
    answer = owner.call("GET", "/incidents", query_string={"page": 2, "limit": 2}).json
    assert answer["meta"] == {"total": 3, "page": 2, "limit": 2, "pages": 2}
    assert [incident["title"] for incident in answer["data"]] == ["a"]


def test_page_behind_the_last_is_empty(owner: Person):
    answer = owner.call("GET", "/incidents", query_string={"page": 7}).json
    assert (answer["data"], answer["meta"]["pages"]) == ([], 0)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/incidents", "page=0"),
        ("/incidents", "page=1.5"),
        ("/incidents", "page=%2B1"),
        ("/incidents", "limit=201"),
        ("/incidents", "limit=1_0"),
        ("/incidents", "limit=%D9%A5"),
        ("/incidents", "sort=words"),
        ("/incidents", "sort=title,-title"),
        ("/incidents", "sort="),
        ("/incidents", "status=gone"),
        ("/incidents", "severity=high,,low"),
        ("/incidents", "created_after=yesterday"),
        ("/incidents", "created_after=2026-01-05T10:00:00"),
        ("/incidents", "created_before=0001-01-01T00:00:00%2B23:59"),
        ("/incidents", "color=red"),
        ("/incidents", "page=1&page=2"),
        ("/incidents", "q=" + "x" * 201),
        ("/alerts", "integration_id=int_1"),
        ("/alerts", "label=team"),
        ("/integrations", "enabled=yes"),
        ("/auth/me", "fields=email"),
        ("/incidents/inc_00000000000000000000000000000000", "verbose=1"),
    ],
)
def test_query_that_is_not_understood_is_refused(owner: Person, path: str, query: str):
    answer = owner.call("GET", f"{path}?{query}")
    assert answer.status_code == 422, answer.text
    assert query.partition("=")[0] in answer.json["details"]


def test_lists_are_newest_first_unless_sorted(owner: Person):
    open_incidents(owner, "b", "c", "a")
    assert titles(owner) == ["a", "c", "b"]
    assert titles(owner, sort="title") == ["a", "b", "c"]
    assert titles(owner, sort="-title") == ["c", "b", "a"]


def test_severities_sort_by_rank_and_equals_by_the_next_field(owner: Person):
    for title, severity in (("b", "low"), ("a", "low"), ("c", "critical"), ("d", "high")):
        open_incidents(owner, title, severity=severity)
    assert titles(owner, sort="-severity,title") == ["c", "d", "a", "b"]


def test_filters_take_several_values_and_narrow_together(owner: Person):
    open_incidents(owner, "a", severity="low", tags=["eu"])
    open_incidents(owner, "b", severity="high", tags=["eu", "db"])
    open_incidents(owner, "c", severity="critical")
    assert titles(owner, severity="high,critical", sort="title") == ["b", "c"]
    assert titles(owner, severity="high,critical", tag="eu,us") == ["b"]
    assert titles(owner, source="manual", sort="title") == ["a", "b", "c"]


def test_open_stands_for_two_statuses(owner: Person):
    (first, second, _) = open_incidents(owner, "a", "b", "c")
    owner.patch(f"/incidents/{first['id']}", {"status": "resolved"})
    owner.patch(f"/incidents/{second['id']}", {"status": "in_progress"})
    answer = owner.call("GET", "/incidents?status=open&sort=title").json["data"]
    assert [incident["title"] for incident in answer] == ["b", "c"]


def test_plain_text_finds_beginnings_of_words_in_either_case_and_takes_wildcards_literally(owner: Person):
    open_incidents(owner, "Disk full on db-1", "Disk slow", "100% CPU")
    assert titles(owner, q="FU dis") == ["Disk full on db-1"]
    assert titles(owner, q="isk") == []
    assert titles(owner, q="%") == ["100% CPU"]
    assert titles(owner, q="d_sk") == []


def test_windows_of_time_meet_without_gap_or_overlap(owner: Person):
    open_incidents(owner, "a", "b")
    with owner.hub.runtime.database.transaction(owner_id(owner)) as session:
        session.execute(text("UPDATE incidents SET created_at = '2026-01-05T10:00:00Z' WHERE title = 'a'"))
    assert titles(owner, created_before="2026-01-05T10:00:00Z") == []
    assert titles(owner, created_before="2026-01-05T12:00:00.001+02:00") == ["a"]
    assert titles(owner, created_after="2026-01-05T10:00:00Z", created_before="2026-01-06T00:00:00Z") == ["a"]


def test_alerts_are_found_by_label_platform_and_integration(owner: Person):
    owner.push(alertmanager(firing("Disk", team="db", url="http://x:1"), firing("Cpu", team="web")))
    owner.hub.work()
    (integration,) = owner.get("/integrations")
    assert [alert["title"] for alert in owner.get("/alerts", label="team:db")] == ["Disk"]
    assert len(owner.get("/alerts", label="url:http://x:1")) == 1
    assert len(owner.get("/alerts", platform="alertmanager", integration_id=integration["id"])) == 2
    assert owner.get("/alerts", platform="datadog") == []


def test_statements_of_a_list_do_not_grow_with_its_page(owner: Person):
    owner.push(alertmanager(*(firing(f"Alert{number}", service=f"s{number}") for number in range(12))))
    owner.hub.work()
    for path in ("/incidents", "/alerts", "/deliveries", "/integrations"):
        with statements(owner.hub) as few:
            owner.get(path, limit=1)
        with statements(owner.hub) as many:
            owner.get(path, limit=200)
        assert len(few) == len(many), path


# --- versions: ETag, If-None-Match, If-Match ------------------------------------------------------------------------


def test_unchanged_object_is_not_sent_again(owner: Person):
    (incident,) = open_incidents(owner, "a")
    tag = owner.call("GET", f"/incidents/{incident['id']}").headers["ETag"]
    again = owner.call("GET", f"/incidents/{incident['id']}", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)


def test_change_with_the_current_version_gives_the_next_one(owner: Person):
    (incident,) = open_incidents(owner, "a")
    path = f"/incidents/{incident['id']}"
    tag = owner.call("GET", path).headers["ETag"]
    changed = owner.call("PATCH", path, json={"title": "b"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] == owner.call("GET", path).headers["ETag"] != tag


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"title": "c"}), ("DELETE", None)])
def test_change_of_a_version_that_is_gone_is_refused(owner: Person, method: str, body: Any):
    made = owner.post("/integrations", {"platform": "alertmanager", "name": "a"})
    path = f"/integrations/{made['id']}" if method == "DELETE" else f"/incidents/{open_incidents(owner, 'a')[0]['id']}"
    answer = owner.call(method, path, json=body, headers={"If-Match": '"of-long-ago"'})
    assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed")
    assert owner.call("GET", path).status_code == 200


def test_of_two_changes_from_one_version_one_wins(owner: Person):
    (incident,) = open_incidents(owner, "a")
    path = f"/incidents/{incident['id']}"
    tag = owner.call("GET", path).headers["ETag"]

    def rename(number: int) -> int:
        body = {"title": f"renamed {number}"}
        return owner.call("PATCH", path, json=body, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(rename, range(6))) == [200, 412, 412, 412, 412, 412]


def test_if_match_where_nothing_has_a_version_is_refused(owner: Person):
    key = owner.post("/api-keys", {"name": "a", "permissions": ["incidents:read"]})
    answer = owner.call("DELETE", f"/api-keys/{key['id']}", headers={"If-Match": '"x"'})
    assert answer.status_code == 400
    assert len(owner.get("/api-keys")) == 1


def test_if_match_on_a_missing_object_is_not_found(owner: Person):
    answer = owner.call("PATCH", f"/incidents/inc_{'0' * 32}", json={"title": "b"}, headers={"If-Match": '"x"'})
    assert answer.status_code == 404


# --- Idempotency-Key ------------------------------------------------------------------------------------------------


def test_post_that_is_sent_again_is_carried_out_once(owner: Person):
    first = owner.call("POST", "/incidents", json={"title": "once"}, headers=KEY)
    again = owner.call("POST", "/incidents", json={"title": "once"}, headers=KEY)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert titles(owner) == ["once"]


def test_key_of_another_request_is_refused(owner: Person):
    owner.call("POST", "/incidents", json={"title": "once"}, headers=KEY)
    for path in ("/incidents", "/integrations"):
        body = {"title": "twice"} if path == "/incidents" else {"platform": "alertmanager", "name": "a"}
        answer = owner.call("POST", path, json=body, headers=KEY)
        assert (answer.status_code, list(answer.json["details"])) == (422, ["Idempotency-Key"])


def test_keys_of_two_organizations_are_two_keys(owner: Person, hub: Hub):
    neighbour = hub.register()
    for person in (owner, neighbour):
        assert person.call("POST", "/incidents", json={"title": "once"}, headers=KEY).status_code == 201
    assert (titles(owner), titles(neighbour)) == (["once"], ["once"])


def test_failed_request_leaves_its_key_free(owner: Person):
    wrong = owner.call("POST", "/incidents", json={"title": ""}, headers=KEY)
    right = owner.call("POST", "/incidents", json={"title": "right"}, headers=KEY)
    assert (wrong.status_code, right.status_code) == (422, 201)


def test_request_that_comes_twice_at_once_is_carried_out_once(owner: Person):
    def send(_number: int) -> int:
        return owner.call("POST", "/incidents", json={"title": "once"}, headers=KEY).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(16)))
    assert set(statuses) <= {201, 409}
    assert titles(owner) == ["once"]


def test_key_whose_answer_was_lost_in_a_crash_does_not_repeat_the_effect(owner: Person):
    owner.call("POST", "/incidents", json={"title": "once"}, headers=KEY)
    with owner.hub.runtime.database.transaction(owner_id(owner)) as session:
        session.execute(text("UPDATE idempotency_keys SET answer = NULL, status = NULL"))
    answer = owner.call("POST", "/incidents", json={"title": "once"}, headers=KEY)
    assert (answer.status_code, answer.json["code"]) == (409, "idempotency_in_flight")
    assert titles(owner) == ["once"]


def test_key_is_free_again_after_a_day(owner: Person):
    owner.call("POST", "/incidents", json={"title": "a"}, headers=KEY)
    with owner.hub.runtime.database.transaction(owner_id(owner)) as session:
        session.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '24 hours 1 second'"))
    assert owner.call("POST", "/incidents", json={"title": "b"}, headers=KEY).status_code == 201


def test_stored_answer_does_not_show_its_secret(owner: Person):
    body = {"platform": "alertmanager", "name": "a"}
    made = owner.call("POST", "/integrations", json=body, headers=KEY).json["data"]
    token = made["webhook_url"].partition("token=")[2]
    with owner.hub.runtime.database.transaction(owner_id(owner)) as session:
        (stored,) = session.execute(text("SELECT answer FROM idempotency_keys")).scalars()
    assert token.encode() not in stored
    assert owner.call("POST", "/integrations", json=body, headers=KEY).json["data"] == made


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "schlüssel"])
def test_malformed_key_is_refused(owner: Person, key: str):
    answer = owner.call("POST", "/incidents", json={"title": "a"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 400


def owner_id(owner: Person) -> str:
    from hub.http.ids import from_public

    return str(from_public("org", owner.tokens["user"]["organization_id"]))
