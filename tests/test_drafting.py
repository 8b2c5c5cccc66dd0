"""Where no procedure fits an incident, a language model drafts one: off until an organization connects it."""

import pytest

from tests.factories import Hub, Person, alertmanager, firing
from tests.stand_in import Answer, Asked, StandIn

EGRESS_ALLOW = "127.0.0.0/8"  # the stand-ins
DRAFT = "# Rotate the turbine\n\nFor a turbine that hums.\n\n## Stop it\n\n```sh\nturbinectl stop {{ unit }}\n```\n"


@pytest.fixture
def endpoint(platform: StandIn) -> StandIn:
    platform.answer = lambda _: says(DRAFT)
    return platform


def says(text: str) -> Answer:
    return Answer(200, {"choices": [{"message": {"role": "assistant", "content": text}}]})


def connect(owner: Person, endpoint: StandIn) -> None:
    config = {"base_url": f"{endpoint.url}/v1", "model": "small", "api_key": "sesame"}
    owner.post("/integrations", {"platform": "openai", "name": "Drafts", "config": config})


def opened(hub: Hub, owner: Person) -> dict:
    owner.push(alertmanager(firing("TurbineHums", service="turbine")))
    hub.work("ingest", "index", "poll")
    return owner.get("/incidents")[0]


def drafts(owner: Person) -> list[dict]:
    return owner.get("/procedures", tag="drafted")


def test_incident_that_nothing_fits_gets_a_draft_and_its_timeline_says_so(hub: Hub, owner: Person, endpoint: StandIn):
    connect(owner, endpoint)
    incident = opened(hub, owner)
    (draft,) = drafts(owner)
    told = [each for each in owner.get(f"/incidents/{incident['id']}/timeline") if each["kind"] == "procedure_drafted"]
    assert (draft["status"], draft["title"], draft["author"]) == ("draft", "Rotate the turbine", None)
    assert draft["steps"][1]["command"] == "turbinectl stop {{ unit }}"
    assert [each["data"]["procedure_id"] for each in told] == [draft["id"]]


def test_endpoint_is_told_of_the_incident_with_its_key(hub: Hub, owner: Person, endpoint: StandIn):
    connect(owner, endpoint)
    opened(hub, owner)
    (asked,) = endpoint.asked
    assert (asked.path, asked.headers["authorization"]) == ("/v1/chat/completions", "Bearer sesame")
    assert "TurbineHums" in asked.json["messages"][-1]["content"]


def test_no_connection_is_held_while_the_model_thinks(hub: Hub, owner: Person, endpoint: StandIn):
    held: list[int] = []

    def answer(_: Asked) -> Answer:
        held.append(hub.runtime.database.engine.pool.checkedout())
        return says(DRAFT)

    connect(owner, endpoint)
    endpoint.answer = answer
    opened(hub, owner)
    assert (held, len(drafts(owner))) == ([0], 1)


def test_nothing_is_drafted_where_a_procedure_fits(hub: Hub, owner: Person, endpoint: StandIn):
    connect(owner, endpoint)
    owner.post("/procedures", {"title": "TurbineHums", "content": "Stop the turbine."})
    hub.work("index")
    opened(hub, owner)
    assert endpoint.asked == []


def test_nothing_is_drafted_until_an_organization_connects_a_model(hub: Hub, owner: Person, endpoint: StandIn):
    opened(hub, owner)
    assert (endpoint.asked, drafts(owner)) == ([], [])


def test_draft_is_no_suggestion_until_somebody_publishes_it(hub: Hub, owner: Person, endpoint: StandIn):
    connect(owner, endpoint)
    incident = opened(hub, owner)
    hub.work("index")
    assert owner.get(f"/incidents/{incident['id']}/procedures") == []
    owner.patch(f"/procedures/{drafts(owner)[0]['id']}", {"status": "published"})
    hub.work("index")
    assert owner.get(f"/incidents/{incident['id']}/procedures")[0]["title"] == "Rotate the turbine"


@pytest.mark.parametrize("answer", [Answer(401), Answer(200, {"choices": []}), Answer(200, b"<html>"), says("")])
def test_endpoint_that_answers_otherwise_drafts_nothing(hub: Hub, owner: Person, endpoint: StandIn, answer: Answer):
    endpoint.answer = lambda _: answer
    connect(owner, endpoint)
    opened(hub, owner)
    assert (len(endpoint.asked), drafts(owner)) == (1, [])


def test_endpoint_that_is_down_is_asked_again(hub: Hub, owner: Person, endpoint: StandIn):
    endpoint.answer = lambda _: Answer(503)
    connect(owner, endpoint)
    opened(hub, owner)
    endpoint.answer = lambda _: says(DRAFT)
    hub.later(seconds=60)
    hub.work("poll")
    assert len(drafts(owner)) == 1
