"""A folder of runbooks, sent to a hub in zips of bearable size; each path is relative to the folder."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hub.client import Client
from hub.procedures import archives

_BATCH_BYTES = 3_000_000
_BATCH_FILES = 50

_File = tuple[str, bytes]


def runbooks(path: Path) -> list[Path]:
    """The runbooks below a folder in the order of their paths, or the one file; links that lead out are left alone."""
    if path.is_file():
        return [path]
    home = path.resolve()
    found = (each for each in path.rglob("*") if each.suffix.lower() in archives.ENDINGS and each.is_file())
    return sorted(
        each
        for each in found
        if each.resolve().is_relative_to(home)
        and not any(part.startswith(".") for part in each.relative_to(path).parts)
    )


def upload(client: Client, path: Path, files: Sequence[Path]) -> Iterator[list[dict[str, Any]]]:
    """Sends the files, and gives what became of each batch as it is done. Raises ApiRefused, OSError."""
    home = path if path.is_dir() else path.parent
    for batch in _batches(home, files):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in batch:
                archive.writestr(name, content)
        answer = client.upload("/procedures/import", packed.getvalue(), "application/zip")
        yield answer["data"]


def _batches(home: Path, files: Sequence[Path]) -> Iterator[list[_File]]:
    batch: list[_File] = []
    size = 0
    for each in files:
        with each.open("rb") as opened:
            content = opened.read(archives.LARGEST_FILE_BYTES + 1)  # more is refused anyway
        if batch and (size + len(content) > _BATCH_BYTES or len(batch) == _BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append((each.relative_to(home).as_posix(), content))
        size += len(content)
    if batch:
        yield batch
