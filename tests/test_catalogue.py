"""The service catalogue: names, dependencies without circles, who suffers from whom."""

from itertools import permutations

import pytest

from hub.catalogue import rules
from tests.factories import Person


def add(person: Person, name: str, *depends_on: str, **fields: object) -> dict:
    return person.post("/services", {"name": name, "depends_on": list(depends_on)} | fields)


def test_service_is_listed_with_what_it_depends_on_by_name(owner: Person):
    db = add(owner, "db")
    add(owner, "cache")
    web = add(owner, "web", "cache", db["id"], owner="team-web", repository="https://git.example.org/web")
    assert owner.get(f"/services/{web['id']}") == web
    assert (web["depends_on"], web["owner"]) == (["cache", "db"], "team-web")
    assert [each["name"] for each in owner.get("/services")] == ["cache", "db", "web"]


def test_procedure_of_a_service_is_one_of_the_organization(owner: Person):
    runbook = owner.post("/procedures", {"title": "Restart", "content": "1. Restart it."})["id"]
    assert add(owner, "web", procedures=[runbook])["procedures"] == [runbook]
    missing = f"proc_{'0' * 32}"
    answer = owner.call("POST", "/services", json={"name": "db", "procedures": [runbook, missing]})
    assert answer.status_code == 422
    assert answer.json["details"]["procedures"] == [f"There is no such procedure: {missing}."]


def test_service_cannot_depend_on_itself(owner: Person):
    web = add(owner, "web")
    answer = owner.call("PATCH", f"/services/{web['id']}", json={"depends_on": ["web"]})
    assert answer.status_code == 422
    assert answer.json["details"]["depends_on"] == ["web cannot depend on itself."]


def test_circle_is_refused_and_named(owner: Person):
    db = add(owner, "db")
    add(owner, "api", "db")
    add(owner, "web", "api")
    answer = owner.call("PATCH", f"/services/{db['id']}", json={"depends_on": ["web"]})
    assert answer.status_code == 422
    assert "db → web → api → db" in answer.json["details"]["depends_on"][0]
    assert owner.get(f"/services/{db['id']}")["depends_on"] == []


def test_unknown_dependency_is_refused_by_name(owner: Person):
    answer = owner.call("POST", "/services", json={"name": "web", "depends_on": ["nothing"]})
    assert answer.status_code == 422
    assert "nothing" in answer.json["details"]["depends_on"][0]
    assert owner.get("/services") == []


def test_name_is_taken_once(owner: Person):
    add(owner, "web")
    owner.post("/services", {"name": "web"}, status=409)


def test_services_of_another_organization_cannot_be_seen_nor_depended_on(owner: Person):
    stranger = owner.hub.register()
    db = add(stranger, "db")
    owner.get(f"/services/{db['id']}", status=404)
    owner.post("/services", {"name": "web", "depends_on": [db["id"]]}, status=422)
    owner.post("/services", {"name": "web", "depends_on": ["db"]}, status=422)


def test_removed_service_leaves_the_graph(owner: Person):
    db = add(owner, "db")
    web = add(owner, "web", "db")
    owner.delete(f"/services/{db['id']}")
    assert owner.get(f"/services/{web['id']}")["depends_on"] == []


@pytest.mark.parametrize("name", ["", " web", "web ", "x" * 201, f"svc_{'0' * 32}"])
def test_name_that_cannot_be_told_from_others_is_refused(owner: Person, name: str):
    owner.post("/services", {"name": name}, status=422)


def test_engineer_reads_the_catalogue_but_does_not_change_it(owner: Person):
    engineer = owner.colleague("engineer")
    web = add(owner, "web")
    assert engineer.get("/services") == [web]
    engineer.patch(f"/services/{web['id']}", {"owner": "me"}, status=403)


def test_radius_counts_the_shortest_way():
    graph = {"web": {"api", "db"}, "api": {"db"}, "mobile": {"web"}}
    found = {each.service: (each.hops, each.path) for each in rules.blast_radius(["db"], graph)}
    assert found == {"api": (1, ("db", "api")), "web": (1, ("db", "web")), "mobile": (2, ("db", "web", "mobile"))}


def test_circle_is_found_whichever_service_closes_it():
    for first, second, third in permutations("abc"):
        graph = {first: [second], second: [third], third: [first]}
        assert rules.circle_through(first, graph) == [first, second, third, first]
    assert rules.circle_through("a", {"a": ["b"], "b": ["c"]}) == []
