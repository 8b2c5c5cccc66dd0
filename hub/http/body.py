"""Request bodies: how much is read, how it is unpacked, and what counts as JSON."""

import json
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from flask import Request

from hub.contracts.errors import BadRequest, TooLarge, WrongMediaType

API_LIMIT_BYTES = 1_000_000
WEBHOOK_LIMIT_BYTES = 5_000_000
DEEPEST = 64
MOST_KEYS = 1_000
_LARGEST_INTEGER = 2**63 - 1  # what a bigint column and every client language can hold
_CHUNK_BYTES = 65_536
_MOST_FIELDS = 100
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


def read(request: Request, limit_bytes: int) -> bytes:
    """The body, unpacked. Raises TooLarge beyond the limit, packed or not, and WrongMediaType for unknown packing."""
    if request.content_length is not None and request.content_length > limit_bytes:
        raise _too_large(limit_bytes)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    chunks = _chunks(request, limit_bytes)
    if encoding in {"identity", ""}:
        return b"".join(chunks)
    if encoding in {"gzip", "deflate", "x-gzip"}:
        return _unpack(chunks, limit_bytes)
    raise WrongMediaType(f"Content-Encoding {encoding[:40]!r} is not supported: send gzip, deflate or none.")


def parse_json(raw: bytes) -> Any:
    """Strict JSON (RFC 8259, with unique keys). Raises BadRequest saying what is wrong and where."""
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_bounded_integer
        )
    except RecursionError as error:
        raise BadRequest(f"The JSON is nested deeper than {DEEPEST} levels.") from error
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    _check_inside(value)
    return value


def parse_form(raw: bytes) -> list[tuple[str, str]]:
    """An HTML form's fields (application/x-www-form-urlencoded). Raises BadRequest."""
    try:
        fields = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadRequest("The body is not a form.") from error
    if len({name for name, _ in fields}) != len(fields):
        raise BadRequest("The form has a field twice.")
    _check_inside(dict(fields))
    return fields


def _chunks(request: Request, limit_bytes: int) -> Iterator[bytes]:
    total = 0
    while chunk := request.stream.read(_CHUNK_BYTES):
        total += len(chunk)
        if total > limit_bytes:
            raise _too_large(limit_bytes)
        yield chunk
    if request.content_length is not None and total < request.content_length:
        raise BadRequest("The body ends before the length that its header names.")


def _unpack(chunks: Iterator[bytes], limit_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    unpacked = bytearray()
    try:
        for chunk in chunks:
            unpacked += unpacker.decompress(chunk, limit_bytes + 1 - len(unpacked))
            if len(unpacked) > limit_bytes:
                raise _too_large(limit_bytes)
    except zlib.error as error:
        raise BadRequest("The body is not what its Content-Encoding says.") from error
    if not unpacker.eof:
        raise BadRequest("The packed body ends too early.")
    return bytes(unpacked)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {limit_bytes} bytes.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_KEYS:
        raise BadRequest(f"The JSON has an object of more than {MOST_KEYS} keys.")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("The JSON has a key twice in one object.")
    return found


def _refuse_constant(name: str) -> None:
    raise BadRequest(f"{name} is not JSON.")


def _bounded_integer(text: str) -> int:
    if len(text) > len(str(_LARGEST_INTEGER)) + 1 or abs(int(text)) > _LARGEST_INTEGER:
        raise BadRequest("The JSON has an integer beyond 64 bits.")
    return int(text)


def _check_inside(value: Any) -> None:
    """Walks without recursion: depth, and text that Postgres or UTF-8 cannot hold."""
    level = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, float) and item in (float("inf"), float("-inf")):
                raise BadRequest("The JSON has a number too large for a double.")
        if not below:
            return
        level = below
    raise BadRequest(f"The JSON is nested deeper than {DEEPEST} levels.")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise BadRequest("The JSON has the character \\u0000, which cannot be stored.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadRequest("The JSON has half of a surrogate pair.") from error
