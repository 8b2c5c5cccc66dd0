"""All that a plugin may import: plain Python and pluggy, nothing else."""

from hub.contracts.connector import (
    API_LEVEL,
    CheckResult,
    Config,
    Connector,
    Direction,
    Http,
    Notice,
    PollResult,
    Receipt,
    Response,
    Trouble,
)
from hub.contracts.delivery import Delivery
from hub.contracts.errors import Malformed, Misconfigured, Unavailable, Unconfirmed, Unsupported, Untrusted
from hub.contracts.event import Event, Link, Severity, State, fingerprint, severity_of, state_of
from hub.contracts.extensions import Enricher
from hub.contracts.hookspecs import GROUP, hookimpl
from hub.contracts.labels import RESOURCE_LABELS, SERVICE_LABELS, first_of, labels_of, resource_of, service_of
from hub.contracts.payload import Payload, is_web_address, parse_json, present
from hub.contracts.sending import expect_success, send_json
from hub.contracts.signing import check_certified, check_signature, check_signing_time
from hub.contracts.times import parse_time

__all__ = [
    "API_LEVEL",
    "GROUP",
    "RESOURCE_LABELS",
    "SERVICE_LABELS",
    "CheckResult",
    "Config",
    "Connector",
    "Delivery",
    "Direction",
    "Enricher",
    "Event",
    "Http",
    "Link",
    "Malformed",
    "Misconfigured",
    "Notice",
    "Payload",
    "PollResult",
    "Receipt",
    "Response",
    "Severity",
    "State",
    "Trouble",
    "Unavailable",
    "Unconfirmed",
    "Unsupported",
    "Untrusted",
    "check_certified",
    "check_signature",
    "check_signing_time",
    "expect_success",
    "fingerprint",
    "first_of",
    "hookimpl",
    "is_web_address",
    "labels_of",
    "parse_json",
    "parse_time",
    "present",
    "resource_of",
    "send_json",
    "service_of",
    "severity_of",
    "state_of",
]
