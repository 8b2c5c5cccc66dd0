"""Search on the real database and the real model."""

import pytest

from hub.search.embedding.loaded import embedder
from tests.factories import Person, alertmanager, firing

pytestmark = pytest.mark.usefixtures("model")


@pytest.fixture(scope="module")
def model(runtime):
    return embedder(runtime.settings.model_dir)


def ask(person: Person, query: str, **fields) -> dict:
    return person.call("POST", "/search/query", json={"query": query, **fields}).json


def test_incident_is_found_by_words_that_do_not_stand_in_it(owner: Person):
    owner.push(alertmanager(firing("NodeFilesystemAlmostOutOfSpace"), firing("CertificateExpiresSoon")))
    owner.hub.work()
    found = ask(owner, "no free storage left on the machine")
    assert found["data"][0]["title"] == "NodeFilesystemAlmostOutOfSpace"
    assert found["meta"]["query_kind"] == "text"


def test_exact_alert_name_comes_first_and_says_so(owner: Person):
    owner.push(alertmanager(firing("KubePodCrashLooping"), firing("KubePodNotReady")))
    owner.hub.work()
    found = ask(owner, "KubePodNotReady")
    assert found["data"][0]["title"] == "KubePodNotReady"
    assert "has the alert's exact name" in found["data"][0]["reasons"]
    assert found["meta"]["good_match"]


def test_filters_are_never_ignored(owner: Person):
    owner.push(alertmanager(firing("DiskFull", service="db"), firing("DiskSlow", service="web")))
    owner.hub.work()
    found = ask(owner, "disk", filters={"service": ["web"]})
    assert [hit["title"] for hit in found["data"]] == ["DiskSlow"]


def test_filter_may_be_one_value_by_itself(owner: Person):
    first = owner.post("/incidents", {"title": "Disk full", "service": "db", "severity": "high"})
    owner.post("/incidents", {"title": "Disk slow", "service": "web"})
    owner.hub.work("index")
    found = ask(owner, "disk", filters={"service": "db", "severity": "high"})
    assert [hit["id"] for hit in found["data"]] == [first["id"]]
    owner.post("/search/query", {"query": "disk", "filters": {"severity": "grave"}}, status=422)


def test_resolution_of_a_resolved_incident_is_a_solution(owner: Person):
    incident = owner.post("/incidents", {"title": "Checkout is slow"})
    resolution = {"summary": "Raised the connection pool's size", "root_cause": "Pool exhausted"}
    owner.patch(f"/incidents/{incident['id']}", {"status": "resolved", "resolution": resolution})
    owner.hub.work()
    found = ask(owner, "connection pool exhausted", content_types=["solutions"])
    assert [hit["id"] for hit in found["data"]] == [incident["id"]]


def test_another_organization_never_appears(owner: Person):
    owner.post("/incidents", {"title": "Secret trouble of ours"})
    owner.hub.work()
    assert ask(owner.hub.register(), "secret trouble")["data"] == []


def test_nothing_that_fits_is_said_plainly(owner: Person):
    owner.post("/incidents", {"title": "Checkout is slow"})
    owner.hub.work()
    assert not ask(owner, "recipe for apple pie")["meta"]["good_match"]


@pytest.mark.parametrize("query", ["x", "🔥🔥", "12345", "a" * 20_000, "' | & ! <-> \\", "%", "<script>"])
def test_strange_queries_have_answers(owner: Person, query: str):
    assert "data" in ask(owner, query)


def test_too_long_query_names_the_field(owner: Person):
    assert "query" in ask(owner, "a" * 20_001)["details"]
