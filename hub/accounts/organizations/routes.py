"""Routes of /organizations/current and /plans."""

from typing import Any

from flask import Response

from hub.accounts import access
from hub.accounts.models import Organization
from hub.accounts.organizations import exporting, service
from hub.accounts.organizations.schemas import (
    OrganizationPatch,
    OrganizationSchema,
    PlanSchema,
    SubscriptionInput,
    SubscriptionSchema,
    UsageSchema,
)
from hub.accounts.organizations.service import Subscription
from hub.http.blueprint import JsonBlueprint, PageQuery
from hub.listing import Page

blp = JsonBlueprint("organizations", __name__, url_prefix="/api/v1", description="The organization and its plan")


@blp.route("/organizations/current", methods=["GET"])
@access.requires("organization:read")
@blp.one(OrganizationSchema)
def get_organization() -> Organization:
    """Read the organization and its settings"""
    return service.get(access.current_session())


@blp.route("/organizations/current", methods=["PATCH"])
@access.requires("organization:update")
@blp.arguments(OrganizationPatch)
@blp.one(OrganizationSchema)
def change_organization(fields: dict[str, Any]) -> Organization:
    """Change name, slug, time zone or settings; settings that are left out stay"""
    session = access.current_session()
    organization = service.change(session, fields)
    session.commit()
    return organization


@blp.route("/organizations/current", methods=["DELETE"])
@access.requires("organization:delete")
@blp.response(204)
def delete_organization() -> None:
    """Erase the organization with all that it holds: people, alerts, incidents, documents, secrets. Cannot be undone"""
    session = access.current_session()
    service.erase(session)
    session.commit()


@blp.route("/organizations/current/export", methods=["GET"])
@access.requires("organization:export")
@blp.raw("application/octet-stream")  # generators of clients know no other type for a file
def export_organization() -> Response:
    """Take everything along that the organization holds, row by row as JSON lines; without passwords and secrets"""
    rows = exporting.rows(access.database(), access.caller().organization_id)
    response = Response(rows, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = 'attachment; filename="overwatch-export.ndjson"'
    return response


@blp.route("/plans", methods=["GET"])
@access.requires("organization:read")
@blp.arguments(PageQuery, location="query")
@blp.page(PlanSchema)
def list_plans(query: dict[str, Any]) -> Page:
    """List the plans of this hub, smallest first"""
    plans = [{"name": name, "limits": limits} for name, limits in access.plans().items()]
    first = (query["page"] - 1) * query["limit"]
    return Page(plans[first : first + query["limit"]], len(plans), **query)


@blp.route("/organizations/current/subscription", methods=["GET"])
@access.requires("billing:read")
@blp.one(SubscriptionSchema)
def get_subscription() -> Subscription:
    """Read the organization's plan"""
    return service.subscription(access.current_session(), access.plans())


@blp.route("/organizations/current/subscription", methods=["PUT"])
@access.requires("billing:update")
@blp.arguments(SubscriptionInput)
@blp.one(SubscriptionSchema)
def subscribe(wanted: dict[str, Any]) -> Subscription:
    """Take another plan"""
    session = access.current_session()
    subscription = service.subscribe(session, access.plans(), **wanted)
    session.commit()
    return subscription


@blp.route("/organizations/current/usage", methods=["GET"])
@access.requires("organization:read")
@blp.one(UsageSchema)
def get_usage() -> dict[str, Any]:
    """Read what the organization uses of its plan"""
    return service.usage(access.current_session(), access.plans())
