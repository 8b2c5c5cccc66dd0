"""The route /stream."""

import threading
from typing import cast

from flask import Flask, Response, current_app, request

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint
from hub.stream.listening import Slots, Stream
from hub.stream.service import Listener

blp = JsonBlueprint("stream", __name__, url_prefix="/api/v1/stream", description="Changes as they happen")

_SLOTS = "overwatch.stream_slots"
_EVENTS = "text/event-stream"


def install(app: Flask, threads: int) -> None:
    """Tells the app how many threads it has, of which streams may hold a part."""
    app.extensions[_SLOTS] = Slots(threads)


@blp.route("", methods=["GET"])
@access.requires("incidents:read", budget="stream:")  # listeners come again every 2 s while all slots are taken
@blp.response(200, content_type=_EVENTS)
def listen() -> Response:
    """Listen to incidents, alerts and own notifications as server-sent events; Last-Event-ID resumes

    The events are `incident`, `alert`, `notification`, and `reset` when changes were missed and all is to be read anew.
    """
    caller = access.caller()
    listener = Listener(caller.user_id, caller.session_id, caller.api_key_id)
    stream = Stream(access.database(), caller.organization_id, listener)
    slots = cast(Slots, current_app.extensions[_SLOTS])
    said = request.headers.get("Last-Event-ID")
    if not slots.take():
        return Response(stream.once(said), mimetype=_EVENTS)
    response = Response(stream.held(said, threading.Event().wait), mimetype=_EVENTS)
    response.call_on_close(slots.give_back)
    return response
