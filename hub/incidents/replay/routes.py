"""Routes of replay, beside those of /deliveries."""

from typing import Any, cast

from flask import current_app

from hub.accounts import access
from hub.alerts.normalising import Translators
from hub.deliveries.replay import Choice
from hub.http.blueprint import JsonBlueprint
from hub.http.ids import from_public
from hub.incidents.replay import service
from hub.incidents.replay.schemas import ReplayInput, ReplaySchema
from hub.incidents.replay.service import Report
from hub.integrations import installed
from hub.outbox import Waker

blp = JsonBlueprint("replay", __name__, url_prefix="/api/v1/deliveries", description="Deliveries, once more")


@blp.route("/<delivery_id>/replay", methods=["POST"])
@access.requires("integrations:update")
@blp.one(ReplaySchema, status=202)
def replay_delivery(delivery_id: str) -> Report:
    """Replay one delivery: normalised again, its events replaced, the alerts they touch computed anew"""
    return _start(Choice(delivery_id=from_public("dlv", delivery_id)))


@blp.route("/replay", methods=["POST"])
@access.requires("integrations:update")
@blp.arguments(ReplayInput)
@blp.one(ReplaySchema, status=202)
def replay_deliveries(fields: dict[str, Any]) -> Report:
    """Replay the deliveries of a filter or a time range; with dry_run only say what would change"""
    is_dry = fields.pop("dry_run")
    if not is_dry:
        return _start(Choice(**fields))
    translators = Translators(installed.connectors(), installed.vault())
    return service.rehearse(access.current_session(), translators, Choice(**fields))


def _start(choice: Choice) -> Report:
    session = access.current_session()
    report = service.start(session, choice)
    session.commit()
    cast(Waker, current_app.extensions["overwatch.waker"]).wake(["ingest"])
    return report
