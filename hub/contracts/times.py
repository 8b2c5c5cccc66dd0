"""Times as senders write them: RFC 3339, RFC 5322, or an epoch number in whatever unit, tamed into aware UTC."""

import math
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

from hub.contracts.errors import Malformed

_MAX_EPOCH_SECONDS = 253_402_300_799  # 9999-12-31, the last moment datetime can hold
_MAX_CHARACTERS = 80  # no time is longer, and a number of a million digits would cost a second to read
_KNOWN_ZONE = re.compile(r" (?:UTC?|GMT|[ECMP][SD]T|[+-]\d{4})\b")  # of RFC 5322; any other would be taken for UTC
_OPEN_ENDED = ("0001-01-01", "0000-")  # Go's zero time: "not over yet"


def parse_time(text: str, field: str) -> datetime | None:
    """RFC 3339, RFC 5322, or an epoch number of seconds, milliseconds, microseconds or nanoseconds (told by its size).

    None for the "not over yet" times (Go's year 1, epoch 0). Raises Malformed naming `field` otherwise.
    """
    if text.startswith(_OPEN_ENDED):
        return None
    number = _finite_number(text)
    if number is None:
        return _parse_calendar_time(text, field)
    if abs(number) > _MAX_EPOCH_SECONDS * 1e9:
        raise Malformed(field, f"{text[:40]!r} is no time, not even in nanoseconds")
    while abs(number) > _MAX_EPOCH_SECONDS:
        number /= 1000
    if number > 100_000_000_000:  # beyond the year 5138 in seconds: these are milliseconds
        number /= 1000
    return datetime.fromtimestamp(number, UTC) if number > 0 else None


def _finite_number(text: str) -> float | None:
    if len(text) > _MAX_CHARACTERS:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parse_calendar_time(text: str, field: str) -> datetime | None:
    found = _from_iso(text)
    if found is None:
        if spelt_out := _parse_spelt_out_time(text[:_MAX_CHARACTERS]):
            return spelt_out
        raise Malformed(field, f"{text[:40]!r} is not a time in RFC 3339")
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        return None


def _from_iso(text: str) -> datetime | None:
    """As most are written; else as Go writes one that nobody has formatted."""
    for written in (str.strip, _trimmed):
        with suppress(ValueError):
            return datetime.fromisoformat(written(text[: _MAX_CHARACTERS + 1]))
    return None


def _parse_spelt_out_time(text: str) -> datetime | None:
    """RFC 5322, or as `date` writes it: "Fri Jan  2 03:00:00 UTC 2026". None without a zone whose offset is known."""
    try:
        parts = parsedate_tz(text)
        if parts is None or parts[9] is None or not _KNOWN_ZONE.search(text):
            return None
        return datetime(*parts[:6], tzinfo=UTC) - timedelta(seconds=parts[9])
    except (ValueError, IndexError, OverflowError):
        return None


def _trimmed(text: str) -> str:
    """Without what datetime cannot hold: digits beyond microseconds (cut, not rounded), a zone's name after its offset.

    The latter is how Go writes a time that nobody has formatted: "2026-01-02 03:00:00.123456789 +0000 UTC m=+12.5".
    """
    whole = re.sub(r" ([+-]\d{4})(?: [A-Z]{2,5})?(?: m=[+-][\d.]+)?$", r"\1", text.strip())
    return re.sub(r"(\.\d{6})\d+", r"\1", whole)
