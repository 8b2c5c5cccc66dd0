"""The document and the routes say the same, in both directions, with examples that hold."""

import gzip
import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from hub.http.openapi import document
from tests.factories import Hub

ERRORS = range(400, 600)


@pytest.fixture(scope="module")
def described(hub: Hub) -> dict[str, Any]:
    return hub.http.get("/openapi.json").json


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in described["paths"].items() for method, one in methods.items()]


def resolved(described: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found = described
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_document_and_routes_agree_in_both_directions(hub: Hub, described: dict[str, Any]):
    routes = {(document.path_of(rule), method) for rule, method in document.routes(hub.app)}
    assert routes == {(path, method) for path, method, _ in operations(described)}


def test_document_describes_every_route_but_its_own_pages_and_the_metrics(hub: Hub):
    described = {rule.rule for rule, _ in document.routes(hub.app)}
    left_out = {rule.rule for rule in hub.app.url_map.iter_rules()} - described
    assert {re.match(r"/[^/]+", path)[0] for path in left_out} == {"/openapi.json", "/docs", "/redoc", "/metrics"}


def test_document_is_valid_openapi_3_1(described: dict[str, Any]):
    assert described["openapi"].startswith("3.1.")
    for name, schema in described["components"]["schemas"].items():
        assert validator_for(schema, Draft202012Validator).check_schema(schema) is None, name


def test_every_reference_leads_somewhere(described: dict[str, Any]):
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(described))):
        assert resolved(described, {"$ref": reference}), reference


def test_operations_have_names_of_their_own(described: dict[str, Any]):
    names = [one["operationId"] for _, _, one in operations(described)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z_]+", name) for name in names)


def test_every_operation_has_a_summary_a_tag_and_its_security(hub: Hub, described: dict[str, Any]):
    for operation in document.operations(described, hub.app):
        said = operation.document
        assert said["summary"] and said["tags"], operation.path
        assert [*said["security"]] == ([] if operation.is_public else [{"bearer": []}, {"apiKey": []}])


def test_every_argument_of_a_path_is_described(described: dict[str, Any]):
    for path, _, one in operations(described):
        parameters = {each["name"]: each for each in (resolved(described, each) for each in one["parameters"])}
        for name in re.findall(r"{(\w+)}", path):
            assert parameters[name]["required"], path
            assert not name.endswith("_id") or "pattern" in parameters[name]["schema"], f"{path}: add to ID_PREFIXES"


def test_every_error_has_the_one_shape(described: dict[str, Any]):
    for path, method, one in operations(described):
        for status, answer in one["responses"].items():
            if int(status) in ERRORS:
                content = resolved(described, answer)["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}, f"{method} {path} {status}"


def test_every_guarded_operation_can_refuse_and_shows_its_limits(hub: Hub, described: dict[str, Any]):
    for operation in document.operations(described, hub.app):
        if not operation.is_public:
            answers = operation.document["responses"]
            assert {"400", "401", "403", "422", "429"} <= answers.keys(), operation.path
            success = next(answer for status, answer in answers.items() if status.startswith("2"))
            assert "X-RateLimit-Remaining" in success["headers"]


def contents(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every described JSON body: where it stands, with its schema and example."""
    found = []
    for path, method, one in operations(described):
        bodies = {"request": one.get("requestBody", {})} | one["responses"]
        for place, body in bodies.items():
            content = resolved(described, body).get("content", {}).get("application/json")
            if content:
                found.append((f"{method} {path} {place}", content))
    return found


def test_every_json_body_has_an_example_that_its_schema_accepts(described: dict[str, Any]):
    for place, content in contents(described):
        schema = content["schema"] | {"components": described["components"]}
        problems = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
        assert not problems, f"{place}: {problems}"


def test_report_is_described_as_json_and_as_markdown(described: dict[str, Any]):
    answer = described["paths"]["/api/v1/incidents/{incident_id}/report"]["get"]["responses"]["200"]
    assert {*answer["content"]} == {"application/json", "text/markdown"}
    assert "example" in answer["content"]["application/json"]


def test_every_request_body_is_closed_to_unknown_fields(described: dict[str, Any]):
    for place, content in contents(described):
        if place.endswith("request") and content["schema"]:
            schema = resolved(described, content["schema"])
            assert schema.get("additionalProperties", True) is not True or "properties" not in schema, place


@pytest.mark.parametrize(
    "path",
    ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/redoc", "/redoc/start.js"],
)
def test_pages_come_from_the_package(hub: Hub, path: str):
    answer = hub.http.get(path)
    assert answer.status_code == 200
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]


def test_pages_name_no_other_server(hub: Hub):
    for path in ("/docs", "/docs/start.js", "/redoc", "/redoc/start.js"):
        assert "//" not in hub.http.get(path).text.replace("// ", ""), path


@pytest.mark.parametrize("path", ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/redoc/redoc.standalone.js"])
def test_programs_of_the_pages_ask_no_content_delivery_network(hub: Hub, path: str):
    named = re.findall(
        r"//(?:[\w-]+\.)*(?:cdn\.|unpkg\.|jsdelivr\.|cloudflare\.|googleapis\.)\S{,40}", hub.http.get(path).text
    )
    assert not named


def test_packed_file_is_unpacked_for_who_cannot_read_it(hub: Hub):
    path = "/redoc/redoc.standalone.js"
    packed = hub.http.get(path, headers={"Accept-Encoding": "gzip"})
    plain = hub.http.get(path)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert hub.http.get(path, headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304
