"""The stream: what listeners are told, in which order transactions may commit, and how few threads it holds."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from hub.stream import rules, service
from hub.stream.listening import Slots, Stream
from hub.stream.rules import Cursor
from hub.stream.service import Listener
from tests.factories import Person, alertmanager, firing, resolved

Event = tuple[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def nobody_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams answer at once, unless the test is about those that are held."""
    monkeypatch.setattr(Slots, "take", lambda _slots: False)


def listen(person: Person, last: str = "", status: int = 200) -> TestResponse:
    answer = person.call("GET", "/stream", headers={"Last-Event-ID": last} if last else {})
    assert answer.status_code == status, answer.text
    return answer


def place_of(answer: TestResponse) -> str:
    return [line for line in answer.text.splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")


def events_of(stream: str) -> list[Event]:
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in stream.split("\n\n") if block]
    return [(block["event"], json.loads(block["data"])) for block in blocks if "event" in block]


def news(person: Person, last: str) -> list[Event]:
    return events_of(listen(person, last).text)


def stream_of(person: Person) -> Stream:
    return Stream(person.hub.runtime.database, person.organization_id, Listener(person.user_id))


def test_first_answer_tells_the_place_and_nothing_old(owner: Person):
    owner.post("/incidents", {"title": "Old"})
    answer = listen(owner)
    assert answer.mimetype == "text/event-stream"
    assert answer.text.startswith("retry: 2000\n\n")
    assert events_of(answer.text) == []
    assert rules.cursor_of(place_of(answer)) is not None


def test_listener_who_comes_again_is_told_what_has_changed_since(owner: Person):
    place = place_of(listen(owner))
    incident = owner.post("/incidents", {"title": "Down", "severity": "high"})
    owner.patch(f"/incidents/{incident['id']}", {"status": "in_progress"})
    told = news(owner, place)
    assert [(name, data["id"], data["change"]) for name, data in told] == [
        ("incident", incident["id"], "opened"),
        ("incident", incident["id"], "changed"),
    ]
    assert told[-1][1]["status"] == "in_progress"


def test_place_of_one_answer_leads_to_the_next_without_gap_or_repeat(owner: Person):
    place, seen = place_of(listen(owner)), []
    for number in range(3):
        owner.post("/incidents", {"title": f"Number {number}"})
        answer = listen(owner, place)
        seen += [data["title"] for _, data in events_of(answer.text)]
        place = place_of(answer)
    assert seen == ["Number 0", "Number 1", "Number 2"]
    assert news(owner, place) == []


def test_place_of_any_event_resumes_behind_that_event(owner: Person):
    place = place_of(listen(owner))
    for number in range(3):
        owner.post("/incidents", {"title": f"Number {number}"})
    lines = listen(owner, place).text.splitlines()
    first = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
    assert [data["title"] for _, data in news(owner, first)] == ["Number 1", "Number 2"]


def test_alert_and_its_incident_are_told_and_a_reminder_is_not(owner: Person):
    owner.push(alertmanager(firing("DiskFull", service="db")))
    place = place_of(listen(owner))
    owner.hub.work("ingest")
    answer = listen(owner, place)
    told = {name: data["title"] for name, data in events_of(answer.text)}
    assert told == {"alert": "DiskFull", "incident": "DiskFull"}
    owner.push(alertmanager(firing("DiskFull", service="db")))
    owner.hub.work("ingest")
    assert news(owner, place_of(answer)) == []
    owner.push(alertmanager(resolved("DiskFull", service="db")))
    owner.hub.work("ingest")
    assert {data["status"] for _, data in news(owner, place_of(answer))} == {"resolved"}


def test_deleted_incident_is_told_by_its_id(owner: Person):
    incident = owner.post("/incidents", {"title": "Mistake"})
    place = place_of(listen(owner))
    owner.delete(f"/incidents/{incident['id']}")
    ((name, data),) = news(owner, place)
    assert (name, data["id"], data["change"]) == ("incident", incident["id"], "deleted")


def test_another_organization_hears_nothing_of_it(owner: Person):
    stranger = owner.hub.register()
    place = place_of(listen(stranger))
    owner.post("/incidents", {"title": "Ours"})
    assert news(stranger, place) == []


def test_transaction_that_commits_late_is_not_missed(owner: Person):
    """It began, and so has its number, before one that a listener was told of already."""
    database = owner.hub.runtime.database
    place = place_of(listen(owner))
    with database.session(owner.organization_id) as slow:
        slow.execute(text("SELECT pg_current_xact_id()"))
        owner.post("/incidents", {"title": "Quick"})
        answer = listen(owner, place)
        assert events_of(answer.text) == []
        slow.execute(
            text("INSERT INTO incidents (organization_id, id, title, severity) VALUES (:o, :id, 'Slow', 'low')"),
            {"o": owner.organization_id, "id": UUID(int=7)},
        )
        slow.commit()
    assert sorted(data["title"] for _, data in news(owner, place_of(answer))) == ["Quick", "Slow"]


def test_place_that_is_none_of_ours_or_too_old_is_a_reset(owner: Person):
    now = rules.cursor_of(place_of(listen(owner)))
    future = str(Cursor(now.xid + 1_000_000))
    for place in ("nonsense", "1", "-1-" + "0" * 32, future):
        assert [name for name, _ in news(owner, place)] == ["reset"]


def test_place_from_before_what_is_kept_is_a_reset(owner: Person):
    place = place_of(listen(owner))
    owner.post("/incidents", {"title": "Old"})
    kept = place_of(listen(owner))
    database = owner.hub.runtime.database
    with database.transaction(owner.organization_id) as session:
        session.execute(text("UPDATE changes SET at = at - interval '25 hours'"))
        assert service.forget_old(session) is False
    assert [name for name, _ in news(owner, place)] == ["reset"]
    assert news(owner, kept) == []


def test_more_than_one_batch_is_told_in_one_answer(owner: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "MOST_AT_ONCE", 2)
    place = place_of(listen(owner))
    for number in range(5):
        owner.post("/incidents", {"title": f"Number {number}"})
    assert [data["title"] for _, data in news(owner, place)] == [f"Number {number}" for number in range(5)]


def test_held_stream_tells_what_happens_while_it_is_held(owner: Person):
    happenings = iter(("First", "Second"))

    def pause(_seconds: float) -> None:
        owner.post("/incidents", {"title": next(happenings)})

    held = stream_of(owner).held(None, pause)
    text_so_far = "".join(islice(held, 4))
    held.close()
    assert [data["title"] for _, data in events_of(text_so_far)] == ["First", "Second"]


def test_held_stream_ends_when_its_time_is_up(owner: Person):
    assert len(list(stream_of(owner).held(None, _never, seconds=0))) == 2


def test_held_stream_ends_when_the_listener_is_disabled(owner: Person):
    def disable(_seconds: float) -> None:
        with owner.hub.runtime.database.transaction(owner.organization_id) as session:
            session.execute(text("UPDATE users SET status = 'inactive'"))

    assert len(list(stream_of(owner).held(None, disable))) == 2


def test_a_quarter_of_the_threads_may_hold(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    slots = Slots(8)
    assert [slots.take() for _ in range(3)] == [True, True, False]
    slots.give_back()
    assert slots.take()


def test_slot_of_a_listener_who_left_is_free_again(owner: Person, monkeypatch: pytest.MonkeyPatch):
    taken: list[int] = []
    monkeypatch.setattr(Slots, "take", lambda _slots: taken.append(1) or True)
    monkeypatch.setattr(Slots, "give_back", lambda _slots: taken.pop())
    answer = owner.hub.http.get("/api/v1/stream", headers={"Authorization": f"Bearer {owner.token}"}, buffered=False)
    assert taken == [1]
    answer.close()
    assert taken == []


def test_two_hundred_listeners_take_no_connection_while_they_are_held(owner: Person):
    """Many more streams than the pool has connections, each of them in the middle."""
    held: list[Iterator[str]] = [stream_of(owner).held(None, _never) for _ in range(200)]
    for stream in held:
        assert len(list(islice(stream, 2))) == 2
    assert owner.hub.runtime.database.engine.pool.checkedout() == 0
    for stream in held:
        stream.close()


def _never(_seconds: float) -> None:
    raise AssertionError("nobody waits here")


def test_listeners_who_come_again_and_again_leave_their_peoples_requests_alone(owner: Person):
    assert owner.call("PUT", "/organizations/current/subscription", json={"plan": "free"}).status_code == 200
    before = int(owner.call("GET", "/alerts").headers["X-RateLimit-Remaining"])
    for _ in range(5):
        listen(owner)
    assert int(owner.call("GET", "/alerts").headers["X-RateLimit-Remaining"]) == before - 1
