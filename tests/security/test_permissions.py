"""Deny by default: every route says who may call it, and keeps the conventions."""

import re

from hub.accounts.rules import PERMISSIONS
from hub.http.openapi import document
from tests.factories import Hub

EVERY_PERMISSION = {permission for granted in PERMISSIONS.values() for permission in granted}

# reviewed one by one: they prove their caller otherwise, or tell nothing
PUBLIC = {
    "/api/v1/auth/email/verify",
    "/api/v1/auth/login",
    "/api/v1/auth/password/reset",
    "/api/v1/auth/password/reset/confirm",
    "/api/v1/auth/refresh",
    "/api/v1/auth/register",
    "/api/v1/heartbeats/{heartbeat_id}/ping",
    "/api/v1/webhooks/{platform}/{integration_id}",
    "/api/v2/alerts",
    "/generic/2010-04-15/create_event.json",
    "/healthz",
    "/readyz",
    "/v2/alerts",
    "/v2/alerts/requests/{request}",
    "/v2/alerts/{identifier}",
    "/v2/alerts/{identifier}/acknowledge",
    "/v2/alerts/{identifier}/close",
    "/v2/alerts/{identifier}/description",
    "/v2/alerts/{identifier}/message",
    "/v2/alerts/{identifier}/notes",
    "/v2/alerts/{identifier}/unacknowledge",
    "/v2/change/enqueue",
    "/v2/enqueue",
}


def test_every_route_declares_a_permission_that_exists(hub: Hub):
    for rule in hub.app.url_map.iter_rules():
        permission = getattr(hub.app.view_functions[rule.endpoint], "permission", None)
        known = permission == "public" or permission in EVERY_PERMISSION or f"{permission}_own" in EVERY_PERMISSION
        assert known, f"{rule.rule}: {permission}"


def test_routes_without_a_guard_are_the_reviewed_ones(hub: Hub):
    views = hub.app.view_functions
    found = {
        document.path_of(rule) for rule, _ in document.routes(hub.app) if views[rule.endpoint].permission == "public"
    }
    assert found == PUBLIC


def test_every_route_keeps_the_conventions(hub: Hub):
    for rule, _ in document.routes(hub.app):
        assert hasattr(hub.app.view_functions[rule.endpoint], "keeps_conventions"), rule.rule


def test_every_guarded_route_refuses_who_is_not_known(hub: Hub):
    for rule, method in document.routes(hub.app):
        if hub.app.view_functions[rule.endpoint].permission != "public":
            path = re.sub("{[^}]*}", "1", document.path_of(rule))
            answer = hub.http.open(path, method=method.upper())
            assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated"), f"{method} {path}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
