"""Routes of /notifications: the caller's own."""

from typing import Any

from hub.accounts import access
from hub.accounts.rules import OWN_ACCOUNT
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public
from hub.notifications import schemas, service
from hub.notifications.models import Notification

blp = JsonBlueprint(
    "notifications", __name__, url_prefix="/api/v1/notifications", description="What the caller is told, and where"
)


@blp.route("", methods=["GET"])
@access.requires(OWN_ACCOUNT)
@blp.arguments(schemas.NotificationQuery, location="query")
@blp.page(schemas.NotificationSchema)
def list_notifications(query: dict[str, Any]) -> Page:
    """List what the caller was told, newest first"""
    return service.inbox(access.current_session(), access.caller().user_id, query)


@blp.route("/read", methods=["POST"])
@access.requires(OWN_ACCOUNT)
@blp.one(schemas.MarkedSchema)
def read_all() -> dict[str, int]:
    """Mark all notifications as read"""
    session = access.current_session()
    marked = service.mark_all_read(session, access.caller().user_id)
    session.commit()
    return {"marked": marked}


@blp.route("/<notification_id>", methods=["PATCH"])
@access.requires(OWN_ACCOUNT)
@blp.arguments(schemas.MarkInput)
@blp.one(schemas.NotificationSchema)
def mark_notification(fields: dict[str, bool], notification_id: str) -> Notification:
    """Mark a notification as read, or as unread again"""
    session = access.current_session()
    marked = service.mark(session, access.caller().user_id, from_public("ntf", notification_id), **fields)
    session.commit()
    return marked


@blp.route("/preferences", methods=["GET"])
@access.requires(OWN_ACCOUNT)
@blp.one(schemas.PreferencesSchema)
def get_preferences() -> dict[str, list[str]]:
    """Read where the caller hears of which kind"""
    return service.preferences(access.current_session(), access.caller().user_id)


@blp.route("/preferences", methods=["PATCH"])
@access.requires(OWN_ACCOUNT)
@blp.arguments(schemas.PreferencesPatch)
@blp.one(schemas.PreferencesSchema)
def change_preferences(wanted: dict[str, list[str]]) -> dict[str, list[str]]:
    """Change where the caller hears of which kind; an empty list is silence"""
    session = access.current_session()
    preferences = service.prefer(session, access.caller().user_id, wanted)
    session.commit()
    return preferences
