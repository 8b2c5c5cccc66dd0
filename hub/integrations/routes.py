"""Routes of /integrations and /platforms."""

from dataclasses import replace
from typing import Any

from flask import current_app, request

from hub.accounts import access
from hub.contracts.connector import CheckResult, Connector
from hub.http.blueprint import JsonBlueprint, Page, PageQuery
from hub.http.ids import from_public, to_public
from hub.integrations import checking, installed, installing, rotation, rules, service
from hub.integrations.models import Integration
from hub.integrations.schemas import (
    CheckSchema,
    IntegrationInput,
    IntegrationPatch,
    IntegrationQuery,
    IntegrationSchema,
    PlatformSchema,
    RotatedSchema,
    RotationInput,
)

blp = JsonBlueprint("integrations", __name__, url_prefix="/api/v1", description="Connected platforms")


@blp.route("/platforms", methods=["GET"])
@access.requires("integrations:read")
@blp.arguments(PageQuery, location="query")
@blp.page(PlatformSchema)
def list_platforms(query: dict[str, Any]) -> Page:
    """List the connectors that are installed"""
    platforms = sorted(installed.connectors().values(), key=lambda connector: connector.name)
    first = (query["page"] - 1) * query["limit"]
    return Page(
        [vars_of(connector) for connector in platforms[first : first + query["limit"]]], len(platforms), **query
    )


@blp.route("/integrations", methods=["POST"])
@access.requires("integrations:create")
@blp.arguments(IntegrationInput)
@blp.one(IntegrationSchema, status=201)
def create_integration(wanted: dict[str, Any]) -> dict[str, Any]:
    """Connect a platform; the answer's webhook_url carries the token and is shown in full this once"""
    session = access.current_session()
    created = service.create(session, installed.connectors(), installed.vault(), **wanted)
    session.commit()
    return _shown(created.integration, created.token)


@blp.route("/integrations", methods=["GET"])
@access.requires("integrations:read")
@blp.arguments(IntegrationQuery, location="query")
@blp.page(IntegrationSchema)
def list_integrations(query: dict[str, Any]) -> Page:
    """List the connected platforms, newest first"""
    page = service.find(access.current_session(), query)
    return replace(page, items=[_shown(integration) for integration in page.items])


@blp.route("/integrations/<integration_id>", methods=["GET"])
@access.requires("integrations:read")
@blp.one(IntegrationSchema)
def get_integration(integration_id: str) -> dict[str, Any]:
    """Read one connected platform"""
    return _shown(service.get(access.current_session(), from_public("int", integration_id)))


@blp.route("/integrations/<integration_id>", methods=["PATCH", "PUT"])
@access.requires("integrations:update")
@blp.arguments(IntegrationPatch)
@blp.one(IntegrationSchema)
def change_integration(wanted: dict[str, Any], integration_id: str) -> dict[str, Any]:
    """Change a connected platform; of its config only the fields that are named"""
    session = access.current_session()
    found = from_public("int", integration_id)
    changed = service.change(session, installed.connectors(), installed.vault(), found, **wanted)
    session.commit()
    return _shown(changed)


@blp.route("/integrations/<integration_id>/rotate", methods=["POST"])
@access.requires("integrations:update")
@blp.arguments(RotationInput)
@blp.one(RotatedSchema)
def rotate_integration(wanted: dict[str, Any], integration_id: str) -> dict[str, Any]:
    """Make a new webhook token, and a new signing secret if the platform signs; the old one is good for a while"""
    session = access.current_session()
    found = from_public("int", integration_id)
    rotated = rotation.rotate(session, installed.connectors(), installed.vault(), found, **wanted)
    session.commit()
    return {**_shown(rotated.integration, rotated.token), "secret": rotated.secret}


@blp.route("/integrations/<integration_id>/test", methods=["POST"])
@access.requires("integrations:update")
@blp.one(CheckSchema)
def test_integration(integration_id: str) -> CheckResult:
    """Test the credentials with the platform itself"""
    found = from_public("int", integration_id)
    session = access.current_session()
    return checking.check(session, installed.connectors(), installed.vault(), found, installed.http())


@blp.route("/integrations/<integration_id>/install", methods=["POST"])
@access.requires("integrations:update")
@blp.one(IntegrationSchema)
def install_integration(integration_id: str) -> dict[str, Any]:
    """Let the hub set up the platform's side, with a new webhook token; the old one is good for a day"""
    session = access.current_session()
    found = from_public("int", integration_id)
    rotated = installing.begin(session, installed.connectors(), found)
    shown = _shown(rotated.integration, rotated.token)
    installing.finish(
        installed.connectors(), installed.vault(), rotated.integration, shown["webhook_url"], installed.http()
    )
    session.commit()
    return shown


@blp.route("/integrations/<integration_id>", methods=["DELETE"])
@access.requires("integrations:delete")
@blp.response(204)
def delete_integration(integration_id: str) -> None:
    """Disconnect a platform; its webhooks are refused from now on, its alerts stay"""
    session = access.current_session()
    service.delete(session, from_public("int", integration_id))
    session.commit()


def vars_of(connector: Connector) -> dict[str, Any]:
    """A connector as /platforms shows it."""
    shown = {name: getattr(connector, name) for name in ("name", "title", "version", "config_schema", "setup_guide")}
    shown["installs"] = connector.installs
    return {**shown, "directions": sorted(connector.directions), "sample_body": connector.sample_body}


def _shown(integration: Integration, token: str = "") -> dict[str, Any]:
    base = current_app.config["PUBLIC_URL"] or request.host_url.rstrip("/")
    address = f"{base}/api/v1/webhooks/{integration.platform}/{to_public('int', integration.id)}"
    return {
        "id": integration.id,
        "platform": integration.platform,
        "name": integration.name,
        "config": service.shown_config(integration, installed.vault()),
        "enabled": integration.enabled,
        "events": integration.events,
        "filters": integration.filters,
        "notify_disabled_at": integration.notify_disabled_at,
        "notify_problem": integration.notify_problem,
        "expire_after_seconds": integration.expire_after_seconds,
        "previous_until": integration.previous_until,
        "webhook_url": f"{address}?token={token or rules.redacted('')}",
        "created_at": integration.created_at,
        "updated_at": integration.updated_at,
    }
