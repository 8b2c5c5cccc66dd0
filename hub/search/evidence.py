"""What is known of documents and a query besides their texts: links, uses that people confirmed, verdicts."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.database import organization_of
from hub.search.rules import Evidence

Source = tuple[str, UUID]  # the kind of document, and the id of what it is about
Row = tuple[str, UUID, str, int]  # of a source: what is known, and how many say so

_URL = re.compile(r"https?://[^\s\"'<>\\)\]}]+")
_MOST_URLS = 20
_ALIKE = 0.25  # the cosine distance up to which two queries ask the same
_MOST_SOURCES = 60

# what does not depend on the query's meaning, and whether there is more to ask for
_EXPLICIT = text(
    "WITH linked AS (SELECT 'procedures' AS kind, id AS source_id, 'linked' AS what, 1::bigint AS count FROM procedures"
    "   WHERE organization_id = :organization_id AND source_url = ANY(:urls) AND source_url <> '' LIMIT :most),"
    " confirmed AS (SELECT 'procedures', procedure_id, 'confirmed', count(DISTINCT execution_id) FROM confirmations"
    "   WHERE organization_id = :organization_id AND name = ANY(:names) GROUP BY procedure_id"
    "   ORDER BY 4 DESC LIMIT :most)"
    " SELECT * FROM linked UNION ALL SELECT * FROM confirmed UNION ALL"
    " SELECT '', :organization_id, 'verdicts', 0 WHERE EXISTS"
    "   (SELECT FROM verdicts WHERE organization_id = :organization_id)"
)
# on the same words, or on words that mean the same to the same model, of which each person has one of a kind, however
# many ways of asking they have tried
_VERDICTS = text(
    "SELECT kind, source_id, verdict, count(DISTINCT user_id) FROM verdicts"
    " WHERE organization_id = :organization_id AND (query_key = :key"
    "   OR (model = :model AND embedding <=> CAST(:vector AS halfvec) < :alike))"
    " GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT :most"
)


def urls_in(said: str) -> list[str]:
    """The addresses in a text, as they stand there and without a sentence's end."""
    found = (url.rstrip(".,;:") for url in _URL.findall(said))
    return list(dict.fromkeys(found))[:_MOST_URLS]


def explicit(session: Session, names: Sequence[str], urls: Sequence[str]) -> tuple[list[Row], bool]:
    """Procedures that are linked, or whose use for one of the names people confirmed; whether there are verdicts."""
    told = {
        "organization_id": organization_of(session),
        "names": list(names),
        "urls": list(urls),
        "most": _MOST_SOURCES,
    }
    rows: list[Row] = [
        (kind, source_id, what, count) for kind, source_id, what, count in session.execute(_EXPLICIT, told)
    ]
    found = [row for row in rows if row[2] != "verdicts"]
    return found, len(found) < len(rows)


def verdicts(session: Session, key: str, model_id: str, vector: str) -> list[Row]:
    """What people said of documents as answers to this query, or to one that means the same."""
    told = {
        "organization_id": organization_of(session),
        "key": key,
        "model": model_id,
        "vector": vector,
        "alike": _ALIKE,
        "most": _MOST_SOURCES,
    }
    return [(kind, source_id, verdict, count) for kind, source_id, verdict, count in session.execute(_VERDICTS, told)]


def of_each(rows: Iterable[Row]) -> dict[Source, Evidence]:
    """The evidence of each document that has any but its name."""
    found: dict[Source, Evidence] = defaultdict(Evidence)
    for kind, source_id, what, count in rows:
        found[kind, source_id] = _with(found[kind, source_id], what, count)
    return dict(found)


def _with(evidence: Evidence, what: str, count: int) -> Evidence:
    told: Mapping[str, Any] = {"linked": {"linked_runbook": True}, "confirmed": {"confirmed": True}}
    return replace(evidence, **told.get(what, {what: count}))
