"""Suggestions in the flow: evidence first, similar past incidents, feedback that moves ranks, type-ahead."""

import pytest

from hub.search.embedding.loaded import embedder
from tests.colleagues import colleague, listed
from tests.factories import Person, alertmanager, firing
from workers.pipeline import STEPS

pytestmark = pytest.mark.usefixtures("model")

DISK = "# Free disk space\n\nRemove old logs when the volume of a database is full.\n\n## Do\n\nrm logs"
OTHER = "# Renew a certificate\n\nA TLS certificate expires soon.\n\n## Do\n\nRenew it."


@pytest.fixture(scope="module")
def model(runtime):
    return embedder(runtime.settings.model_dir)


def write(person: Person, title: str, content: str, **fields) -> dict:
    return person.post("/procedures", {"title": title, "content": content} | fields)


def opened(person: Person, *alerts: dict) -> dict:
    person.push(alertmanager(*alerts))
    person.hub.work()
    return person.get("/incidents")[0]


def alert_with(url: str) -> dict:
    return firing("VolumeFull") | {"annotations": {"summary": "volume is full", "runbook_url": url}}


def letters_to(person: Person) -> list[str]:
    letters = [path.read_text() for path in person.hub.runtime.mailer.outbox.glob("*.eml")]
    return [letter for letter in letters if f"To: {person.email}" in letter and "Critical" in letter]


def procedures_for(person: Person, incident: dict) -> list[dict]:
    return person.get(f"/incidents/{incident['id']}/procedures")


def test_runbook_that_the_alert_links_to_comes_first(owner: Person):
    write(owner, "Free disk space", DISK)
    linked = write(owner, "Renew a certificate", OTHER, source_url="https://runbooks.example/x")
    incident = opened(owner, alert_with("https://runbooks.example/x"))
    first, second = procedures_for(owner, incident)
    assert (first["id"], first["label"], second["label"]) == (linked["id"], "evidence", "suggestion")
    assert "is the runbook that the alert links to" in first["reasons"]


def test_exact_alert_name_comes_first(owner: Person):
    write(owner, "Free disk space", DISK)
    named = write(owner, "VolumeFull", OTHER)
    assert procedures_for(owner, opened(owner, firing("VolumeFull")))[0]["id"] == named["id"]


def test_procedure_of_the_service_comes_before_one_that_is_only_similar(owner: Person):
    write(owner, "Free disk space", DISK)
    of_service = write(owner, "Renew a certificate", OTHER, services=["db"])
    incident = opened(owner, firing("DiskIsFull", service="db"))
    first = procedures_for(owner, incident)[0]
    assert (first["id"], first["label"]) == (of_service["id"], "evidence")


def test_use_that_people_confirmed_comes_first_the_next_time(owner: Person):
    write(owner, "Free disk space", DISK)
    used = write(owner, "Renew a certificate", OTHER)
    incident = opened(owner, firing("DiskIsFull"))
    execution = owner.post(f"/procedures/{used['id']}/execute", {"context": {"incident_id": incident["id"]}})
    for step in execution["steps"]:
        owner.post(f"/executions/{execution['id']}/steps/{step['number']}", {"outcome": "done"}, status=200)
    owner.hub.work("index")
    first = procedures_for(owner, incident)[0]
    assert first["id"] == used["id"]
    assert "was confirmed for this alert by your team" in first["reasons"]


def test_new_incident_is_told_its_suggestions_in_the_timeline(owner: Person):
    named = write(owner, "VolumeFull", DISK)
    owner.hub.work("index")
    incident = opened(owner, firing("VolumeFull"))
    (entry,) = told_suggestions(owner, incident)
    assert entry["data"]["procedures"][0]["procedure_id"] == named["id"]
    assert entry["data"]["procedures"][0]["label"] == "evidence"


def test_notifications_say_what_may_help(owner: Person):
    named = write(owner, "VolumeFull", DISK)
    owner.hub.work("index")
    opened(owner, firing("VolumeFull"))
    (suggestion,) = owner.get("/notifications")[0]["suggestions"]
    assert (suggestion["id"], suggestion["type"], suggestion["label"]) == (named["id"], "procedure", "evidence")
    (letter,) = letters_to(owner)
    assert '- procedure "VolumeFull" (evidence)' in letter


def test_letter_waits_for_suggestions_but_not_for_long(owner: Person):
    owner.push(alertmanager(firing("VolumeFull")))
    owner.hub.work("ingest", "notify")
    assert letters_to(owner) == []
    owner.hub.later(seconds=10)
    owner.hub.work("notify")
    assert len(letters_to(owner)) == 1


def test_import_keeps_no_suggestion_waiting(owner: Person):
    write(owner, "VolumeFull", DISK)
    owner.hub.work("index")
    for number in range(10):
        write(owner, f"Procedure {number}", OTHER)
    owner.push(alertmanager(firing("VolumeFull")))
    owner.hub.work("ingest")
    for _ in ("incident", "suggest"):
        STEPS["index"](owner.hub.runtime)
    (incident,) = owner.get("/incidents")
    assert "suggested" in [each["kind"] for each in owner.get(f"/incidents/{incident['id']}/timeline")]


def test_import_of_one_organization_keeps_no_other_waiting(owner: Person):
    for number in range(20):
        write(owner, f"Procedure {number}", OTHER)
    other = owner.hub.register()
    made = write(other, "Procedure", OTHER)
    STEPS["index"](owner.hub.runtime)
    assert ask(other, "Procedure")[0]["id"] == made["id"]


def test_suggestions_are_told_once(owner: Person):
    write(owner, "VolumeFull", DISK)
    incident = opened(owner, firing("VolumeFull"))
    owner.patch(f"/incidents/{incident['id']}", {"description": "more words"})
    owner.hub.work("index")
    kinds = [each["kind"] for each in owner.get(f"/incidents/{incident['id']}/timeline")]
    assert kinds.count("suggested") == 1


def test_incident_that_says_nothing_new_is_asked_about_again_only_after_a_while(owner: Person):
    incident = opened(owner, firing("VolumeFull"))
    write(owner, "VolumeFull", DISK)
    opened(owner, firing("VolumeFull", pod="another"))
    assert not told_suggestions(owner, incident)
    owner.hub.later(seconds=6)
    owner.hub.work("index")
    assert told_suggestions(owner, incident)


def told_suggestions(person: Person, incident: dict) -> list[dict]:
    return [each for each in person.get(f"/incidents/{incident['id']}/timeline") if each["kind"] == "suggested"]


def test_similar_past_incident_comes_with_its_resolution(owner: Person):
    past = owner.post("/incidents", {"title": "Checkout is slow"})
    solved = {"summary": "Raised the pool's size", "root_cause": "Pool exhausted"}
    owner.patch(f"/incidents/{past['id']}", {"status": "resolved", "resolution": solved})
    new = owner.post("/incidents", {"title": "Checkout is slow again"})
    owner.hub.work("index")
    (similar,) = owner.get(f"/incidents/{new['id']}/similar")
    assert (similar["id"], similar["resolution"]) == (past["id"], solved)


def test_an_incident_is_not_similar_to_itself_nor_to_later_ones(owner: Person):
    first = owner.post("/incidents", {"title": "Checkout is slow"})
    owner.post("/incidents", {"title": "Checkout is slow"})
    owner.hub.work("index")
    assert owner.get(f"/incidents/{first['id']}/similar") == []


def test_foreign_incident_has_no_suggestions(owner: Person):
    foreign = owner.hub.register().post("/incidents", {"title": "Theirs"})
    for path in ("similar", "procedures"):
        owner.get(f"/incidents/{foreign['id']}/{path}", status=404)


def test_drafts_are_not_suggested(owner: Person):
    write(owner, "VolumeFull", DISK, status="draft")
    assert procedures_for(owner, opened(owner, firing("VolumeFull"))) == []


def ask(person: Person, query: str) -> list[dict]:
    return person.call("POST", "/search/query", json={"query": query}).json["data"]


def test_feedback_moves_the_next_ranking_and_says_so(owner: Person):
    for title in ("Restart the api", "Restart the worker"):
        write(owner, title, f"# {title}\n\nHow to restart it.")
    owner.hub.work("index")
    before = ask(owner, "how do I restart")
    owner.post("/search/feedback", {"query": "how do I restart", "result_id": before[1]["id"], "verdict": "helped"})
    owner.post("/search/feedback", {"query": "how do I restart", "result_id": before[0]["id"], "verdict": "wrong"})
    after = ask(owner, "How do I restart?")
    assert after[0]["id"] == before[1]["id"]
    assert "helped 1 times in your organization" in after[0]["reasons"]


def test_verdicts_count_for_queries_that_mean_the_same(owner: Person):
    made = write(owner, "Restart the api", "# Restart the api\n\nHow to restart it.")
    owner.hub.work("index")
    owner.post("/search/feedback", {"query": "restart the api server", "result_id": made["id"], "verdict": "used"})
    assert "was used 1 times in your organization" in ask(owner, "restarting the api server")[0]["reasons"]
    assert "was used 1 times in your organization" not in ask(owner, "certificate expires")[0]["reasons"]


def test_one_person_has_one_verdict(owner: Person):
    made = write(owner, "Restart the api", "# Restart the api\n\nHow to restart it.")
    owner.hub.work("index")
    for verdict in ("helped", "wrong", "helped", "wrong"):
        owner.post("/search/feedback", {"query": "restart", "result_id": made["id"], "verdict": verdict})
    assert "was called wrong 1 times in your organization" in ask(owner, "restart")[0]["reasons"]


def test_one_person_counts_once_however_many_ways_they_ask(owner: Person):
    made = write(owner, "Restart the api", "# Restart the api\n\nHow to restart it.")
    owner.hub.work("index")
    for query in ("restart the api", "restart the api!", "restart the api server", "restarting the api"):
        owner.post("/search/feedback", {"query": query, "result_id": made["id"], "verdict": "helped"})
    assert "helped 1 times in your organization" in ask(owner, "restart the api")[0]["reasons"]


def test_feedback_on_a_foreign_result_is_refused(owner: Person):
    foreign = owner.hub.register()
    theirs = write(foreign, "Restart", "# Restart")
    owner.hub.work("index")
    owner.post("/search/feedback", {"query": "x", "result_id": theirs["id"], "verdict": "helped"}, status=422)


def test_viewers_give_no_feedback(owner: Person):
    viewer = colleague(owner, "viewer", "Vera")
    viewer.post("/search/feedback", {"query": "x", "result_id": f"inc_{'0' * 32}", "verdict": "helped"}, status=403)


def test_type_ahead_completes_words_and_names_procedures_first(owner: Person):
    owner.post("/incidents", {"title": "DiskFull on db-1"})
    write(owner, "Free disk space", DISK)
    owner.hub.work("index")
    found = listed(owner, "/search/suggestions", "q=dis")
    assert [each["type"] for each in found] == ["incidents", "procedures"]
    assert [each["title"] for each in listed(owner, "/search/suggestions", "q=spa")] == ["Free disk space"]


@pytest.mark.parametrize("typed", ["%25", "'", "%F0%9F%94%A5", "a%20%26%20!", "\\\\"])
def test_strange_words_complete_to_nothing_or_something(owner: Person, typed: str):
    assert isinstance(listed(owner, "/search/suggestions", f"q={typed}"), list)


def test_deleted_procedure_leaves_search_at_once(owner: Person):
    made = write(owner, "VolumeFull", DISK)
    owner.hub.work("index")
    owner.delete(f"/procedures/{made['id']}")
    assert ask(owner, "VolumeFull") == []


def test_deleted_incident_leaves_search_at_once(owner: Person):
    incident = owner.post("/incidents", {"title": "VolumeFull"})
    owner.hub.work("index")
    owner.delete(f"/incidents/{incident['id']}")
    assert ask(owner, "VolumeFull") == []


def test_archived_procedure_leaves_search(owner: Person):
    made = write(owner, "VolumeFull", DISK)
    owner.hub.work("index")
    owner.patch(f"/procedures/{made['id']}", {"status": "archived"})
    owner.hub.work("index")
    assert ask(owner, "VolumeFull") == []
