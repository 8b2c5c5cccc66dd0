"""What many operations of the document share: security, parameters, the ids in paths."""

from hub.http import idempotency
from hub.http.openapi.answers import Json

# the ids of paths, by the name that routes give them
ID_PREFIXES = {
    "alert_id": "alrt",
    "delivery_id": "dlv",
    "execution_id": "exec",
    "heartbeat_id": "hbt",
    "incident_id": "inc",
    "integration_id": "int",
    "key_id": "key",
    "notification_id": "ntf",
    "procedure_id": "proc",
    "rule_id": "rule",
    "service_id": "svc",
    "session_id": "sess",
    "silence_id": "sil",
    "user_id": "user",
}

DESCRIPTION = """\
Alerts of many platforms in, incidents and what solved them last time out.

Lists take `page`, `limit`, `sort` and filters; filters take several values separated by commas. Unknown or repeated
query parameters and unknown fields are refused with 422. A changed object is only overwritten blindly when you do not
send `If-Match`. A POST with an `Idempotency-Key` can be sent again without being carried out again for 24 hours.
"""

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "From /api/v1/auth/login"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "From /api/v1/api-keys"},
}
PARAMETERS: Json = {
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "Change only this version, from ETag; otherwise 412",
        "schema": {"type": "string"},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "Send only another version than this one; otherwise 304",
        "schema": {"type": "string"},
    },
    "IdempotencyKey": {
        "name": idempotency.HEADER,
        "in": "header",
        "description": "Carry this out once: the same key and body get the first answer again for 24 hours",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
}

# stands in the webhook_url of an integration; X-Overwatch-Token, Bearer and a Basic password will do as well
TOKEN: Json = {
    "name": "token",
    "in": "query",
    "description": "The integration's token; other parameters are the sender's",
    "schema": {"type": "string"},
}
