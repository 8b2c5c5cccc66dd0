"""Traces from a webhook to its incident over processes, received by a stand-in for a collector; logs as JSON lines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import urllib3
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from hub.bench.running import RunningHub, running_hub
from hub.bench.sender import alert_body
from tests.stand_in import Answer, Asked, StandIn, standing_in
from tests.system import eventually

CALLER = "0af7651916cd43dd8448eb211c80319c"
CALLERS_SPAN = "b7ad6b7169203331"
SECRET = "what-nobody-may-read-in-a-log"


@dataclass(frozen=True)
class Span:
    trace: str
    id: str
    parent: str
    name: str
    service: str
    facts: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Watched:
    """A hub whose traces arrive at `collector`."""

    hub: RunningHub
    collector: StandIn

    def spans(self) -> list[Span]:
        return [span for asked in list(self.collector.asked) for span in read(asked.body)]

    def lines(self) -> list[dict[str, Any]]:
        """All that its processes have logged as JSON."""
        logs = (self.hub.data / "logs").glob("*.log")
        told = [line for log in logs for line in log.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in told]


def read(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        (service,) = (each.value.string_value for each in resource.resource.attributes if each.key == "service.name")
        for scope in resource.scope_spans:
            for each in scope.spans:
                facts = {fact.key: fact.value.string_value for fact in each.attributes}
                yield Span(
                    each.trace_id.hex(), each.span_id.hex(), each.parent_span_id.hex(), each.name, service, facts
                )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    def ok(_: Asked) -> Answer:
        return Answer(body=b"")

    with standing_in() as collector:
        collector.answer = ok
        environment = {
            "OVERWATCH_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OVERWATCH_LOG_FORMAT": "json",
        }
        with running_hub(tmp_path_factory.mktemp("telemetry"), environment=environment) as hub:
            yield Watched(hub, collector)


@pytest.fixture(scope="module")
def receipt(watched: Watched) -> dict[str, str]:
    """Of one webhook whose sender traces too; its alert is an incident by now."""
    owner = watched.hub.owner()
    webhook = owner.connect("alertmanager", "Production")
    headers = {"Content-Type": "application/json", "traceparent": f"00-{CALLER}-{CALLERS_SPAN}-01"}
    body = alert_body(range(1), SECRET)
    answer = urllib3.request("POST", webhook, body=body, headers=headers)
    eventually(lambda: owner.call("GET", "/incidents")["data"], 20)
    return answer.json()["data"]


def test_one_trace_leads_from_the_webhook_to_the_incident_and_its_index(watched: Watched, receipt: dict[str, str]):
    wanted = {"store delivery", "process delivery", "normalised", "deduplicated", "correlated", "ingest", "incident"}
    eventually(lambda: wanted <= {each.name for each in mine(watched)}, 20)
    found = mine(watched)
    assert {each.service for each in found} == {"overwatch-api", "overwatch-worker"}
    (root,) = (each for each in found if each.parent == CALLERS_SPAN)
    assert root.name == "POST /api/v1/webhooks/<platform>/<integration_id>"
    (work,) = (each for each in found if each.name == "process delivery")
    assert work.facts["overwatch.delivery_id"] == receipt["delivery_id"]


def test_statements_of_the_database_are_spans_below_the_work_that_ran_them(watched: Watched, receipt: dict[str, str]):
    found = eventually(lambda: [each for each in mine(watched) if each.facts.get("db.system")], 20)
    assert SECRET not in str([each.facts for each in found])


def test_workers_that_look_for_work_begin_no_traces(watched: Watched, receipt: dict[str, str]):
    roots = [each for each in watched.spans() if not each.parent]
    assert [each.name for each in roots if each.facts.get("db.system")] == []


def test_lines_of_a_request_and_of_its_delivery_carry_its_ids(watched: Watched, receipt: dict[str, str]):
    def about_it() -> list[dict[str, Any]]:
        return [line for line in watched.lines() if line.get("delivery_id") == receipt["delivery_id"]]

    lines = eventually(lambda: found if len(found := about_it()) == 2 else None, 20)
    by_message = {line["message"]: line for line in lines}
    assert by_message["request"]["request_id"]
    assert by_message["delivery"]["organization_id"].startswith("org_")
    assert by_message["delivery"]["outcome"] == "processed"


def test_no_line_tells_what_somebody_sent(watched: Watched, receipt: dict[str, str]):
    assert watched.lines()
    assert SECRET not in str(watched.lines())


def mine(watched: Watched) -> list[Span]:
    return [each for each in watched.spans() if each.trace == CALLER]
