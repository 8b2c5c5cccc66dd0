"""The whole surface of the API, taken from its own document, so that new routes are tested without being named here."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask.testing import FlaskClient

from hub.http.openapi import document
from hub.http.openapi.answers import Operation
from tests.factories import Hub, Person, alertmanager, firing

API = "/api/v1"
PUBLIC_ID = re.compile(r"\b([a-z]+)_([0-9a-f]{32})\b")
ERROR_FIELDS = {"error", "status_code", "timestamp", "path", "code", "request_id"}

# what a generated example cannot know: an address is unique over the hub, and these need something to stand on
_NEVER_FURNISHED = ("/auth/", "/replay", "/search/", "/stream", "/execute")


class Surface:
    """Every operation, with the way to call it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.document: dict[str, Any] = hub.http.get("/openapi.json").json
        self.operations = list(document.operations(self.document, hub.app))

    def body_schema(self, operation: Operation) -> dict[str, Any] | None:
        """Of a JSON body that has a schema; None without one."""
        content = operation.document.get("requestBody", {}).get("content", {}).get("application/json")
        return self.resolve(content["schema"]) if content and content["schema"] else None

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def example(self, operation: Operation) -> Any:
        """A body that the operation accepts; None when it takes none."""
        content = operation.document.get("requestBody", {}).get("content", {}).get("application/json", {})
        return copy.deepcopy(content.get("example"))

    def queries(self, operation: Operation) -> list[dict[str, Any]]:
        """The query parameters."""
        return [each for each in operation.document["parameters"] if each.get("in") == "query"]


def arguments(operation: Operation) -> list[str]:
    """The names in the operation's path."""
    return re.findall(r"{(\w+)}", operation.path)


def path_of(operation: Operation, values: Mapping[str, str]) -> str:
    """The path with its arguments filled in."""
    return re.sub(r"{(\w+)}", lambda found: values[found[1]], operation.path)


def ids_in(text: str) -> Iterator[tuple[str, str]]:
    """Every public id in the text, with its prefix."""
    return ((found[1], found[0]) for found in PUBLIC_ID.finditer(text))


def furnish(surface: Surface, owner: Person) -> dict[str, str]:
    """One object of each kind in the owner's organization: their ids by prefix."""
    owner.push(alertmanager(firing("DiskFull", service="db")))
    surface.hub.work()
    for operation in surface.operations:
        is_skipped = any(part in operation.path for part in _NEVER_FURNISHED)
        if operation.method == "post" and not arguments(operation) and not is_skipped:
            body = surface.example(operation) or {}
            if "email" in body:
                body["email"] = f"guest-of-{owner.email}"
            owner.call("POST", operation.path.removeprefix(API), json=body)
    procedure = f"/procedures/{harvest(surface, owner)['proc']}"
    owner.patch(procedure, {"status": "published"})
    owner.post(f"{procedure}/execute")
    return harvest(surface, owner)


def harvest(surface: Surface, owner: Person) -> dict[str, str]:
    """The ids that the owner's lists show, by prefix; the organization's own objects only."""
    found: dict[str, str] = {}
    for operation in surface.operations:
        is_list = operation.method == "get" and not arguments(operation) and not operation.is_public
        if is_list and not operation.path.endswith(("/stream", "/platforms")):
            found = dict(ids_in(owner.call("GET", operation.path.removeprefix(API)).text)) | found
    return found


def send(http: FlaskClient, operation: Operation, path: str, body: Any, headers: Mapping[str, str]) -> Any:
    """One request as a client would send it."""
    options = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return http.open(path, method=operation.method.upper(), headers=dict(headers), **options)


def is_error_shape(answer: Any) -> bool:
    """Whether the answer is an error as the contract has it."""
    return (
        answer.mimetype == "application/json"
        and answer.json.keys() >= ERROR_FIELDS
        and answer.json["status_code"] == answer.status_code
    )
