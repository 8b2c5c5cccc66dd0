"""The settings of a mapping, and what they are when nobody has set them."""

from typing import Any

from hub.contracts import Severity, State
from hub.contracts.jsonpath import PATTERN

TEXT: dict[str, Any] = {"type": "string"}
PATH = {"type": "string", "pattern": f"^$|{PATTERN}"}  # empty: nowhere
PATHS = {"type": "array", "items": PATH, "minItems": 1}
TABLE = {"type": "object", "additionalProperties": PATH}
STATE_WORDS = {"type": "object", "additionalProperties": {"enum": [str(state) for state in State]}}
SEVERITY_WORDS = {"type": "object", "additionalProperties": {"enum": [str(severity) for severity in Severity]}}
SETTINGS: dict[str, tuple[dict[str, Any], str, str, Any]] = {  # name: (type, title, description, default)
    "events": (PATH, "Events", "Where the events are: one, or a list of them.", "$"),
    "dedup_key": (PATHS, "Deduplication key", "Equal for a firing and its resolve; several are joined.", ["@.id"]),
    "title": (PATH, "Title", "What happened; the same in every state.", "@.title"),
    "description": (PATH, "Description", "More about it.", "@.description"),
    "state": (PATH, "State", "Whether it fires; empty if the sender only ever says that it does.", "@.status"),
    "severity": (PATH, "Severity", "The sender's word for how bad it is.", "@.severity"),
    "service": (PATH, "Service", "The service that it is about.", "@.service"),
    "resource": (PATH, "Resource", "The host, container or the like that it is about.", "@.host"),
    "occurred_at": (PATH, "Time", "When this state began.", "@.timestamp"),
    "labels": (TABLE, "Labels", "Name of the label: path.", {}),
    "links": (TABLE, "Links", "Title of the link: path to an address.", {}),
    "states": (STATE_WORDS, "States", "Word of the sender: state.", {}),
    "severities": (SEVERITY_WORDS, "Severities", "Word of the sender: severity.", {}),
    "sample": (TEXT, "Sample", "One of the sender's bodies, to try the mapping on.", ""),
    "signature_header": (TEXT, "Signature header", "Has the HMAC-SHA256 of the body in hex.", "X-Webhook-Signature"),
}
DEFAULTS = {name: default for name, (*_, default) in SETTINGS.items()}
FIELDS = ("title", "description", "state", "severity", "service", "resource", "occurred_at")
SECRET = {"format": "secret", "title": "Signing secret", "description": "Of a sender that signs; also whsec_…"}

# Where a setting is left as it is and leads nowhere: under what else senders put it who were written for no hub at all.
OTHERWISE = {
    "title": ("name", "alert_name", "alertname", "summary", "subject", "message", "text"),
    "description": ("message", "details", "body"),
    "state": ("state", "alert_status"),
    "severity": ("priority", "level"),
    "service": ("service_name", "app"),
    "resource": ("hostname", "instance", "resource"),
    "occurred_at": ("time", "date", "created_at"),
}
NAMES = {name for names in OTHERWISE.values() for name in names}
LISTS = ("alerts", "events")
