"""Decisions about what arrives: its proof, its key, what of its headers is kept."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

REPEAT_WINDOW_SECONDS = 300
LONGEST_EVENT_KEY = 255  # of PagerDuty's

ProblemsOf = Callable[[Mapping[str, Any]], list[str]]

_CREDENTIAL = re.compile(r"auth|cookie|token|secret|password|api-?key", re.IGNORECASE)
_EVENT_ACTIONS = ("trigger", "acknowledge", "resolve")
_MOST_PAIRS = 64
_LONGEST_VALUE = 2_048
_LONGEST_KEY = 256


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """What makes two deliveries one: `recent` is the key the same body had in the window before."""

    key: str | None
    recent: str | None = None


def token_of(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The webhook token: from ?token=, X-Overwatch-Token, a Bearer token, or a Basic password; "" without one."""
    if found := query.get("token") or headers.get("x-overwatch-token"):
        return found
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credential.strip()
    if scheme.lower() == "basic":
        return _basic_password(credential)
    return ""


def delivery_key(
    sender_key: str | None, body: bytes, received_at: datetime, *, repeats_on_purpose: bool
) -> DeliveryKey:
    """The sender's own id of the attempt, else a hash of the body within five minutes; none for repeating senders."""
    if sender_key:
        return DeliveryKey(
            f"id:{sender_key}" if len(sender_key) <= _LONGEST_KEY else f"id#{_digest(sender_key.encode())}"
        )
    if repeats_on_purpose:
        return DeliveryKey(None)
    window = int(received_at.timestamp()) // REPEAT_WINDOW_SECONDS
    digest = _digest(body)
    return DeliveryKey(f"body:{digest}:{window}", f"body:{digest}:{window - 1}")


def problems_of_event(event: Mapping[str, Any]) -> list[str]:
    """What PagerDuty's Events API v2 would refuse an event for, in words like its own; [] for one that it takes."""
    action, key = event.get("event_action"), event.get("dedup_key")
    payload = event.get("payload")
    summary = payload.get("summary") if isinstance(payload, Mapping) else None
    wrong = {
        "event_action must be trigger, acknowledge or resolve": action not in _EVENT_ACTIONS,
        "dedup_key is missing or blank": action in ("acknowledge", "resolve") and not key,
        "dedup_key is longer than 255 characters": len(str(key)) > LONGEST_EVENT_KEY,
        "payload.summary is missing or blank": action == "trigger" and not summary,
    }
    return [problem for problem, is_so in wrong.items() if is_so]


def problems_of_old_event(event: Mapping[str, Any]) -> list[str]:
    """The same for the Events API v1."""
    kind = event.get("event_type")
    wrong = {
        "Event type is invalid (must be one of: 'trigger', 'acknowledge', 'resolve')": kind not in _EVENT_ACTIONS,
        "Incident key is required": kind in ("acknowledge", "resolve") and not event.get("incident_key"),
        "Incident key is longer than 255 characters": len(str(event.get("incident_key"))) > LONGEST_EVENT_KEY,
        "Description is required": kind == "trigger" and not event.get("description"),
    }
    return [problem for problem, is_so in wrong.items() if is_so]


def kept(pairs: Mapping[str, str]) -> dict[str, str]:
    """Headers or query parameters as they are stored: without credentials, bounded, without NUL."""
    harmless = [(name, value) for name, value in pairs.items() if not _CREDENTIAL.search(name)]
    return {name[:_LONGEST_VALUE]: value[:_LONGEST_VALUE].replace("\0", "") for name, value in harmless[:_MOST_PAIRS]}


def _basic_password(credential: str) -> str:
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
