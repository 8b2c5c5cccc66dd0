"""flask-smorest's document, completed with what all routes have in common."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from hub.http.openapi import answers, common
from hub.http.openapi.answers import Json, Operation
from hub.http.openapi.examples import Examples

_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_NUMBER = re.compile(r"<int:([^<>]+)>")
_ARGUMENT_IN_PATH = re.compile(r"{([^{}]+)}")
_JSON = "application/json"
_OUTSIDE = frozenset({"HEAD", "OPTIONS"})
_ORDER = ("get", "post", "patch", "put", "delete")


def complete(document: Json, app: Flask) -> Json:
    """The document with answers, headers, security and examples on every operation. Changes it in place."""
    document["info"] |= {"version": version("overwatch-hub"), "description": common.DESCRIPTION, "license": _license()}
    document["servers"] = [{"url": app.config["PUBLIC_URL"] or "/"}]
    components = document.setdefault("components", {})
    components["securitySchemes"] = common.SECURITY
    components["parameters"] = common.PARAMETERS
    components["headers"] = answers.HEADERS
    components["responses"] = answers.responses()
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = answers.ERROR_SCHEMA
    for methods in document["paths"].values():
        methods.pop("parameters", None)  # of the path; here each operation has its own
    numbers = {name for rule, _ in routes(app) for name in _NUMBER.findall(rule.rule)}
    for operation in operations(document, app):
        parameters = [_path_parameter(name, numbers) for name in _ARGUMENT_IN_PATH.findall(operation.path)]
        operation.document.setdefault("parameters", []).extend(parameters)
        _complete(operation, schemas)
    _close_bodies(document, schemas)
    return document


def operations(document: Json, app: Flask) -> Iterator[Operation]:
    """Every operation of the document with its view."""
    views = {(path_of(rule), method): app.view_functions[rule.endpoint] for rule, method in routes(app)}
    for path, methods in document["paths"].items():
        seen: list[Any] = []
        for method in (each for each in _ORDER if each in methods):
            view = views[path, method]
            is_versioned = hasattr(views.get((path, "get")), "reader")
            yield Operation(path, method, view, methods[method], view in seen, is_versioned)
            seen.append(view)


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule that the document describes, with each of its methods in lower case."""
    for rule in app.url_map.iter_rules():
        if not getattr(app.view_functions[rule.endpoint], "is_documentation", False):
            yield from ((rule, method.lower()) for method in sorted((rule.methods or set()) - _OUTSIDE))


def path_of(rule: Rule) -> str:
    """`/incidents/<incident_id>` as OpenAPI writes it."""
    return _ARGUMENT.sub(r"{\1}", rule.rule)


def _license() -> Json:
    return {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _complete(operation: Operation, schemas: Json) -> None:
    described = operation.document
    described["operationId"] = _name(operation)
    described["security"] = [] if operation.is_public else [{name: []} for name in common.SECURITY]
    if reference := _parameter(operation):
        described["parameters"].append({"$ref": f"#/components/parameters/{reference}"})
    if getattr(operation.view, "takes_any_query", False):
        described["parameters"].append(common.TOKEN)
    if operation.takes_anything and operation.method not in ("get", "delete"):
        content = {_JSON: {"schema": dict(operation.raw_schema or {})}}
        described["requestBody"] = {"description": "Whatever the sender sends", "content": content}
    _complete_answers(operation)
    if "requestBody" in described:
        described["requestBody"]["required"] = _needs_body(operation, schemas)
    _exemplify(described.get("requestBody", {}), Examples(schemas, is_request=True))
    for answer in described["responses"].values():
        _exemplify(answer, Examples(schemas, is_request=False))


def _needs_body(operation: Operation, schemas: Json) -> bool:
    if operation.takes_anything:
        return operation.raw_schema is not None
    content = operation.document["requestBody"]["content"].get(_JSON)
    name = str(content["schema"].get("$ref", "")).rpartition("/")[2] if content else ""
    return operation.method != "post" or bool(schemas.get(name, {}).get("required"))


def _exemplify(described: Json, examples: Examples) -> None:
    content = described.get("content", {}).get(_JSON)
    if content and "example" not in content and "examples" not in content:
        content["example"] = examples.of(content["schema"])


def _name(operation: Operation) -> str:
    """The view's name; where one view has several methods, all but the first say theirs."""
    name: str = operation.view.__name__
    return f"{name}_with_{operation.method}" if operation.is_alias else name


def _path_parameter(name: str, numbers: set[str]) -> Json:
    schema: Json = {"type": "integer", "minimum": 0} if name in numbers else {"type": "string"}
    if name in common.ID_PREFIXES:
        schema["pattern"] = f"^{common.ID_PREFIXES[name]}_[0-9a-f]{{32}}$"
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _parameter(operation: Operation) -> str | None:
    if operation.method == "post":
        return None if operation.is_public else "IdempotencyKey"
    if not operation.is_versioned:
        return None
    return "IfNoneMatch" if operation.method == "get" else "IfMatch"


def _complete_answers(operation: Operation) -> None:
    found = operation.document["responses"]
    for status in ("default", "422"):
        found.pop(status, None)
    names = (*(answers.LIMITS if operation.is_counted else ()), "X-Request-Id")
    for answer in found.values():
        answer["headers"] = answers.references((*names, *(("ETag",) if operation.has_etag else ())))
    if operation.has_etag and operation.method == "get":
        found["304"] = {"description": "Not modified", "headers": answers.references(("ETag",))}
    found |= dict(answers.errors_of(operation))


def _close_bodies(document: Json, schemas: Json) -> None:
    """Unknown fields of a body are refused, so the document says that there are none."""
    for methods in document["paths"].values():
        for described in methods.values():
            if isinstance(described, dict):
                for content in described.get("requestBody", {}).get("content", {}).values():
                    _close(content["schema"], schemas, set())


def _close(schema: Any, schemas: Json, seen: set[str]) -> None:
    if isinstance(schema, list):
        for each in schema:
            _close(each, schemas, seen)
    if not isinstance(schema, dict):
        return
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen:
        _close(schemas[name], schemas, seen | {name})
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    for each in schema.values():
        _close(each, schemas, seen)
