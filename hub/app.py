"""The Flask app: the composition root of the API."""

from flask import Flask
from flask_smorest import Api
from werkzeug.middleware.proxy_fix import ProxyFix

from hub import health, logs, metrics, settings, telemetry
from hub.accounts import access, tokens
from hub.accounts.api_keys import routes as api_keys
from hub.accounts.audit import routes as audit
from hub.accounts.members import routes as members
from hub.accounts.organizations import routes as organizations
from hub.accounts.passwords import routes as passwords
from hub.accounts.people import routes as people
from hub.accounts.registration import routes as registration
from hub.accounts.sessions import routes as sessions
from hub.alerts import routes as alerts
from hub.alerts.silencing import routes as silences
from hub.analytics import routes as analytics
from hub.catalogue import routes as catalogue
from hub.deliveries import dropin
from hub.deliveries import health as integration_health
from hub.deliveries import routes as deliveries
from hub.embedded.lifeline import die_with_parent
from hub.heartbeats import routes as heartbeats
from hub.http import farewell, front_door, limits
from hub.http.openapi import pages
from hub.incidents import routes as incidents
from hub.incidents.grouping import routes as grouping
from hub.incidents.replay import routes as replay
from hub.integrations import installed
from hub.integrations import routes as integrations
from hub.notifications import routes as notifications
from hub.notifications.outbound import routes as outbound
from hub.procedures import routes as procedures
from hub.procedures.executions import routes as executions
from hub.procedures.saving import routes as saving
from hub.runtime import Runtime, assemble
from hub.search import routes as search
from hub.search.embedding.loaded import embedders
from hub.search.feedback import routes as feedback
from hub.search.suggestions import routes as suggestions
from hub.stream import routes as stream

_BLUEPRINTS = (
    registration.blp,
    sessions.blp,
    passwords.blp,
    people.blp,
    organizations.blp,
    members.blp,
    api_keys.blp,
    audit.blp,
    integrations.blp,
    deliveries.blp,
    dropin.blp,
    integration_health.blp,
    alerts.blp,
    silences.blp,
    catalogue.blp,
    heartbeats.blp,
    incidents.blp,
    grouping.blp,
    replay.blp,
    procedures.blp,
    executions.blp,
    saving.blp,
    search.blp,
    feedback.blp,
    suggestions.blp,
    notifications.blp,
    outbound.blp,
    analytics.blp,
    stream.blp,
    health.blp,
)


def create_app(runtime: Runtime) -> Flask:
    """The API on this runtime."""
    app = Flask("hub", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # a redirect would not be JSON
    app.url_map.converters |= {"alias": dropin.opsgenie.Alias, "lone_alias": dropin.opsgenie.LoneAlias}
    app.config.update(
        API_TITLE="Overwatch",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        PUBLIC_URL=runtime.settings.public_url,
        REGISTRATION=runtime.settings.registration,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.extensions["overwatch.waker"] = runtime.waker
    installed.install(app, runtime.connectors, runtime.vault, runtime.egress)
    deliveries.install(app, runtime.database, runtime.waker)
    access.install(app, runtime.database, runtime.plans)
    tokens.install(app, runtime.settings.secrets)
    search.install(app, embedders(runtime.settings, runtime.connectors, runtime.egress))
    health.install(app, runtime.database)
    stream.install(app, runtime.settings.api_threads)
    api = Api(app)
    for blueprint in _BLUEPRINTS:
        api.register_blueprint(blueprint)
    pages.install(app, api.spec.to_dict())
    front_door.install(app, runtime.settings.secrets.encryption_key)
    telemetry.install(app)
    limits.install(app, runtime.settings, runtime.database)
    plugins = runtime.plugins
    metrics.install(
        app,
        runtime.database,
        runtime.settings.metrics_token,
        loaded=plugins.connectors,
        unavailable=plugins.unavailable,
    )
    if hops := runtime.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def from_environment() -> Flask:
    """What the API server calls in each of its processes."""
    die_with_parent()
    found = settings.from_env()
    logs.configure(found)
    telemetry.start(found, "api")
    app = create_app(assemble(found))
    farewell.install(app)
    return app
