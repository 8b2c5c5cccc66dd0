"""Route of /search/feedback."""

from typing import Any

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint
from hub.http.ids import to_public
from hub.search.feedback import service
from hub.search.feedback.schemas import KINDS, FeedbackInput, FeedbackSchema
from hub.search.routes import models

blp = JsonBlueprint("feedback", __name__, url_prefix="/api/v1/search", description="What results were worth")


@blp.route("/feedback", methods=["POST"])
@access.requires("incidents:update")
@blp.arguments(FeedbackInput)
@blp.one(FeedbackSchema, status=201)
def give_feedback(said: dict[str, Any]) -> dict[str, Any]:
    """Say what a result was worth; it moves later rankings of your organization, within bounds"""
    session = access.current_session()
    kind, source_id = said["result_id"]
    verdict = {"kind": kind, "source_id": source_id, "query": said["query"], "verdict": said["verdict"]}
    service.say(session, models().current(), access.caller().user_id, **verdict)
    session.commit()
    prefix = next(prefix for prefix, each in KINDS.items() if each == kind)
    return {"result_id": to_public(prefix, source_id), "verdict": said["verdict"]}
