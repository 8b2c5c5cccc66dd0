"""Opening what was sent for import: one Markdown file, a zip, a form with either, or JSON; nothing touches the disk."""

import io
import json
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hub.contracts.errors import Invalid, TooLarge

MOST_FILES = 2_000
LARGEST_FILE_BYTES = 2_000_000
LARGEST_TOTAL_BYTES = 50_000_000
LONGEST_PATH = 500
ENDINGS = (".md", ".markdown", ".mdx", ".mkd", ".txt")

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class File:
    """One file with the path it came from; `title` is its title where the sender knows better than the text."""

    path: str
    content: bytes
    title: str = ""


def is_zip(body: bytes) -> bool:
    """Whether the bytes begin as a zip does."""
    return body.startswith((_ZIP, _EMPTY_ZIP))


def opened(name: str, body: bytes) -> list[File]:
    """A zip's runbooks, or the one file that it is."""
    return unzipped(body) if is_zip(body) else [File(clean_path(name), body)]


def unzipped(body: bytes) -> list[File]:
    """The runbooks in a zip. Raises Invalid for one that is broken, encrypted or leads out of itself; TooLarge."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                raise TooLarge(f"The archive has more than {MOST_FILES} files.")
            for entry in entries:
                _check(entry)
            return list(_read(archive, [entry for entry in entries if _is_runbook(entry.filename)]))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, UnicodeError, OSError) as error:
        raise Invalid({"body": [f"The zip cannot be read: {error}"]}) from error


def from_json(body: bytes) -> list[File]:
    """`{"files": [{"path", "content", "title"?}]}`. Raises Invalid."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid({"body": ["Not JSON."]}) from error
    listed = said.get("files") if isinstance(said, Mapping) and set(said) == {"files"} else None
    if not isinstance(listed, list) or not all(map(_is_file, listed)):
        raise Invalid({"files": ["A list of objects with path and content, both texts, and perhaps a title."]})
    if len(listed) > MOST_FILES:
        raise TooLarge(f"More than {MOST_FILES} files.")
    return [File(clean_path(f["path"]), f["content"].encode("utf-8", "replace"), f.get("title", "")) for f in listed]


def clean_path(name: str) -> str:
    """The path with forward slashes and without dots. Raises Invalid for one that leads out of its folder."""
    path = name.replace("\\", "/")
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or path[1:2] == ":" or "\0" in path or len(path) > LONGEST_PATH:
        raise Invalid({"path": [f"Not a path inside its folder: {name[:100]!r}."]})
    return "/".join(parts)


def _check(entry: zipfile.ZipInfo) -> None:
    clean_path(entry.orig_filename)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Invalid({"body": [f"The archive has a link: {entry.filename[:100]!r}."]})
    if entry.flag_bits & 0x1:
        raise Invalid({"body": ["The archive is encrypted."]})


def _read(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> Iterator[File]:
    """Counts what really comes out, because a bomb's own figures lie."""
    total = 0
    for entry in entries:
        content = bytearray()
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                total += len(chunk)
                content += chunk[: LARGEST_FILE_BYTES + 1 - len(content)]
                if total > LARGEST_TOTAL_BYTES:
                    raise TooLarge(f"The archive holds more than {LARGEST_TOTAL_BYTES} bytes.")
                if len(content) > LARGEST_FILE_BYTES:
                    break  # refused by its size later, alone
        yield File(clean_path(entry.filename), bytes(content))


def _is_runbook(name: str) -> bool:
    is_hidden = any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
    return name.lower().endswith(ENDINGS) and not is_hidden


def _is_file(found: Any) -> bool:
    return (
        isinstance(found, Mapping)
        and {"path", "content"} <= set(found) <= {"path", "content", "title"}
        and all(isinstance(value, str) for value in found.values())
    )
