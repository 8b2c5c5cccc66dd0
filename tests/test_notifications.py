"""Notifications: who hears of what, where, and only once."""

from email import message_from_bytes
from typing import Any

import pytest
from sqlalchemy import text

from hub.accounts.mail.transport import Mailer
from hub.contracts.errors import Unavailable
from hub.notifications import rules
from tests.factories import Person, alertmanager, firing


def inbox(person: Person, **query: Any) -> list[tuple[str, str]]:
    return [(each["kind"], each["title"]) for each in person.get("/notifications", **query)]


def mails_to(person: Person, about: str) -> list[str]:
    """Subjects of the mails to this person that name the incident."""
    folder = person.hub.runtime.mailer.outbox
    letters = [message_from_bytes(path.read_bytes()) for path in folder.glob("*.eml")]
    return [letter["Subject"] for letter in letters if letter["To"] == person.email and about in letter["Subject"]]


def kinds_in_timeline(person: Person, incident: dict[str, Any]) -> list[str]:
    return [entry["kind"] for entry in person.get(f"/incidents/{incident['id']}/timeline")]


def open_incident(person: Person, title: str, **fields: Any) -> dict[str, Any]:
    return person.post("/incidents", {"title": title, "severity": "low"} | fields)


def test_new_critical_is_told_to_those_who_respond(owner: Person):
    engineer, viewer = owner.colleague("engineer"), owner.colleague("viewer")
    owner.push(alertmanager(firing("DiskFull", service="db")))
    owner.hub.work("ingest", "index", "notify")
    assert inbox(owner) == inbox(engineer) == [("critical", "DiskFull")]
    assert mails_to(engineer, "DiskFull") == ["Critical: DiskFull"]
    assert inbox(viewer) == mails_to(viewer, "DiskFull") == []


def test_lesser_incident_is_told_to_nobody_until_it_grows_critical(owner: Person):
    incident = open_incident(owner, "Slow")
    owner.hub.work("index", "notify")
    assert inbox(owner) == []
    for severity in ("critical", "high", "critical"):
        owner.patch(f"/incidents/{incident['id']}", {"severity": severity})
        owner.hub.work("index", "notify")
    assert inbox(owner) == [("critical", "Slow")]


def test_mention_is_told_to_the_mentioned_and_not_to_the_author(owner: Person):
    engineer = owner.colleague("engineer")
    incident = open_incident(owner, "Mention")
    owner.post(f"/incidents/{incident['id']}/comments", {"body": f'Ask @"{name_of(engineer)}" and @"{name_of(owner)}"'})
    owner.hub.work("index", "notify")
    assert (inbox(engineer), inbox(owner)) == ([("mentioned", "Mention")], [])
    assert mails_to(engineer, "Mention") == ["You are mentioned: Mention"]
    assert "notified" in kinds_in_timeline(owner, incident)
    assert f"Told {name_of(engineer)}: mentioned" in owner.get(f"/incidents/{incident['id']}/report")["markdown"]


def test_each_mention_is_told(owner: Person):
    engineer = owner.colleague("engineer")
    incident = open_incident(owner, "Twice")
    for _ in range(2):
        owner.post(f"/incidents/{incident['id']}/comments", {"body": f'@"{name_of(engineer)}"'})
    owner.hub.work("index", "notify")
    assert inbox(engineer) == [("mentioned", "Twice")] * 2


def test_assignee_is_told_at_each_assignment(owner: Person):
    engineer = owner.colleague("engineer")
    incident = open_incident(owner, "Yours")
    for assignee in (id_of(engineer), None, id_of(engineer)):
        owner.patch(f"/incidents/{incident['id']}", {"assignee": assignee})
        owner.hub.work("index", "notify")
    assert inbox(engineer) == [("assigned", "Yours")] * 2


def test_who_assigns_to_themselves_is_not_told(owner: Person):
    incident = open_incident(owner, "Mine")
    owner.patch(f"/incidents/{incident['id']}", {"assignee": id_of(owner)})
    open_incident(owner, "Mine too", assignee=id_of(owner))
    owner.hub.work("index", "notify")
    assert inbox(owner) == []


def test_preferences_decide_where_one_hears_of_what(owner: Person):
    owner.patch("/notifications/preferences", {"critical": ["mail"]})
    owner.patch("/notifications/preferences", {"mentioned": []})
    preferences = owner.get("/notifications/preferences")
    assert preferences == {"mentioned": [], "assigned": ["inbox", "mail"], "critical": ["mail"]}
    open_incident(owner, "By mail", severity="critical")
    owner.hub.work("index", "notify")
    assert (inbox(owner), mails_to(owner, "By mail")) == ([], ["Critical: By mail"])


@pytest.mark.parametrize("wanted", [{"critical": ["pigeon"]}, {"owls": []}, {"critical": "mail"}, {"critical": None}])
def test_preferences_that_make_no_sense_are_refused(owner: Person, wanted: dict[str, Any]):
    owner.patch("/notifications/preferences", wanted, status=422)


def test_job_that_is_done_again_tells_nothing_again(owner: Person):
    incident = open_incident(owner, "Once", severity="critical")
    owner.hub.work("index", "notify")
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        again = "SELECT organization_id, gen_random_uuid(), 'notify', :kind, id FROM incidents WHERE id = :id"
        for kind in ("critical", "assigned"):
            session.execute(
                text(f"INSERT INTO jobs (organization_id, id, lane, kind, subject_id) {again}"),
                {"kind": kind, "id": incident["id"].removeprefix("inc_")},
            )
    owner.hub.work("index", "notify")
    assert inbox(owner) == [("critical", "Once")]
    assert mails_to(owner, "Once") == ["Critical: Once"]
    assert kinds_in_timeline(owner, incident).count("notified") == 1


def test_mail_that_the_server_does_not_take_is_sent_when_it_does(owner: Person, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: str) -> None:
        raise Unavailable("no server")

    with monkeypatch.context() as patch:
        patch.setattr(Mailer, "send", refuse)
        open_incident(owner, "Later", severity="critical")
        owner.hub.work("index", "notify")
    assert (inbox(owner), mails_to(owner, "Later")) == ([("critical", "Later")], [])
    owner.hub.later(minutes=2)
    owner.hub.work("bulk", "notify")
    assert mails_to(owner, "Later") == ["Critical: Later"]


def test_inbox_is_marked_as_read_one_by_one_or_all(owner: Person):
    for title in ("One", "Two", "Three"):
        open_incident(owner, title, severity="critical")
        owner.hub.work("index", "notify")
    first = owner.get("/notifications")[0]
    owner.patch(f"/notifications/{first['id']}", {"read": True})
    assert [title for _, title in inbox(owner, unread="true")] == ["Two", "One"]
    assert owner.post("/notifications/read", status=200) == {"marked": 2}
    assert inbox(owner, unread="true") == []


def test_inbox_of_another_person_is_out_of_sight(owner: Person):
    engineer = owner.colleague("engineer")
    open_incident(owner, "Ours", severity="critical")
    owner.hub.work("index", "notify")
    (theirs,) = engineer.get("/notifications")
    owner.patch(f"/notifications/{theirs['id']}", {"read": True}, status=404)
    owner.hub.register().patch(f"/notifications/{theirs['id']}", {"read": True}, status=404)


def test_stream_tells_each_listener_their_own(owner: Person):
    engineer = owner.colleague("engineer")
    last = _place(engineer)
    open_incident(owner, "Streamed", assignee=id_of(engineer))
    owner.hub.work("index", "notify")
    told = engineer.call("GET", "/stream", headers={"Last-Event-ID": last}).text
    assert "event: notification" in told
    assert '"kind": "assigned"' in told
    others = owner.call("GET", "/stream", headers={"Last-Event-ID": last}).text
    assert "event: incident" in others
    assert "event: notification" not in others


def test_title_of_several_lines_cannot_write_headers():
    subject, body = rules.letter(
        "critical",
        title="Down\r\nBcc: all@example.org",
        severity="critical",
        service="",
        said="a\nb",
        address="http://x",
    )
    assert subject == "Critical: Down Bcc: all@example.org"
    assert "> a\n> b\n" in body


def id_of(person: Person) -> str:
    return person.get("/auth/me")["id"]


def name_of(person: Person) -> str:
    return person.get("/auth/me")["name"]


@pytest.fixture(autouse=True)
def nobody_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams answer at once."""
    monkeypatch.setattr("hub.stream.listening.Slots.take", lambda _slots: False)


def _place(person: Person) -> str:
    lines = person.call("GET", "/stream").text.splitlines()
    return next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
