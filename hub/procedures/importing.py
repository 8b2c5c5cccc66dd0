"""Use case of the import: runbooks become procedures; the same path again changes the same procedure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.contracts.errors import Forbidden, Invalid
from hub.database import organization_of
from hub.incidents.rules import SEVERITIES
from hub.procedures import markdown, rules, service
from hub.procedures.archives import File
from hub.procedures.models import Procedure
from hub.procedures.service import Editor

LARGEST_CONTENT_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file."""

    path: str
    outcome: str
    procedure_id: UUID | None = None
    reason: str = ""


def import_files(session: Session, editor: Editor, files: Sequence[File]) -> list[Imported]:
    """Each file for itself: one that is refused keeps no other back."""
    known = _known(session, [file.path for file in files])
    done: list[Imported] = []
    for file in files:
        try:
            done.append(_import(session, editor, file, known))
        except (Invalid, Forbidden) as error:
            done.append(Imported(file.path, "refused", reason=_reason(error)))
    return done


def counted(done: Sequence[Imported]) -> dict[str, int]:
    """How many files had each outcome."""
    found = Counter(each.outcome for each in done)
    return {outcome: found[outcome] for outcome in rules.OUTCOMES}


def _import(session: Session, editor: Editor, file: File, known: dict[str, Procedure]) -> Imported:
    fields = _fields(file)
    path = file.path or fields["title"]
    procedure = known.get(path)
    if procedure is None:
        known[path] = service.write(session, editor.user_id, source_path=path, **fields)
        return Imported(path, "created", known[path].id)
    if not _differs(procedure, fields):
        return Imported(path, "unchanged", procedure.id)
    service.change(session, procedure.id, editor, fields)
    return Imported(path, "updated", procedure.id)


def _reason(error: Invalid | Forbidden) -> str:
    if isinstance(error, Forbidden):
        return str(error)
    return " ".join(message for messages in error.details.values() for message in messages)


def _differs(procedure: Procedure, fields: Mapping[str, Any]) -> bool:
    return any(getattr(procedure, name) != value for name, value in fields.items())


def _fields(file: File) -> dict[str, Any]:
    text = _decoded(file.content)
    if len(text.encode()) > LARGEST_CONTENT_BYTES:
        raise Invalid({"content": [f"More than {LARGEST_CONTENT_BYTES} bytes."]})
    if not text.strip():
        raise Invalid({"content": ["The file is empty."]})
    runbook = markdown.read(text, file.path)
    title = (file.title or runbook.title).strip()[: markdown.LONGEST_TITLE] or "Untitled"
    fields: dict[str, Any] = {"title": title, "description": runbook.description, "content": runbook.content}
    return fields | _front(runbook.front)


def _front(front: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What the front matter says of the fields that procedures have; what it says else is left alone."""
    found: dict[str, Any] = {
        name: [value[:200] for value in front[key]][:50]
        for key, name in (("tags", "tags"), ("services", "services"), ("service", "services"))
        if key in front
    }
    severities = [value.lower() for key in ("severity", "severities") for value in front.get(key, ())]
    if severities:
        found["severities"] = [each for each in SEVERITIES if each in severities]
    if "category" in front:
        found["category"] = " ".join(front["category"])[:100]
    urls = [url for key in ("source_url", "runbook_url") for url in front.get(key, ())]
    if urls and urls[0].startswith(("http://", "https://")):
        found["source_url"] = urls[0][:2_000]
    return found


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Invalid({"content": [f"Not UTF-8 at byte {error.start}."]}) from error
    if "\0" in text:
        raise Invalid({"content": ["It has the character \\u0000, which cannot be stored."]})
    return text


def _known(session: Session, paths: Sequence[str]) -> dict[str, Procedure]:
    found = session.scalars(
        select(Procedure).where(
            Procedure.organization_id == organization_of(session), Procedure.source_path.in_(set(paths))
        )
    )
    return {str(procedure.source_path): procedure for procedure in found}
