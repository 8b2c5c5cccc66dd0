"""Use case of search: ask."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from uuid import UUID

from sqlalchemy.orm import Session

from hub import names
from hub.search import candidates, evidence, lexical, rules, vocabulary
from hub.search.candidates import KINDS, NO_FILTERS, Asked, Filters, Found
from hub.search.confidence import is_good_match
from hub.search.embedding.loaded import Embedders
from hub.search.evidence import Source
from hub.search.rules import NO_EVIDENCE, Evidence, Result
from hub.search.text import Query, understand
from hub.search.vectors import of_query

__all__ = ["KINDS", "Answer", "Filters", "Hit", "Known", "ask", "key_of"]

_SNIPPET_CHARACTERS = 400
_LONGEST_KEY = 200
_MOST_MATCHES = 200  # chunks that the words alone should bring in; each costs some microseconds to rank

_embedding = ThreadPoolExecutor(thread_name_prefix="embedding")


@dataclass(frozen=True, slots=True)
class Known:
    """What the asker knows besides the query's text: the trouble's other names, the addresses its alerts link to.

    `service_sources` are the procedures of its services; `but` is a source that is never a result: what one looks for
    something similar to.
    """

    names: frozenset[str] = frozenset()
    urls: Sequence[str] = ()
    service_sources: frozenset[UUID] = frozenset()
    but: UUID | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One result as it is shown; its `evidence` tells what is known from what is only similar."""

    id: UUID
    type: str
    title: str
    snippet: str
    result: Result
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query; `good_match` false says plainly that nothing fits."""

    hits: Sequence[Hit]
    query_kind: str
    model: str
    good_match: bool


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, by whom knows what, and of which documents."""

    text: str
    understood: Query
    kinds: Sequence[str]
    filters: Filters
    known: Known


def ask(
    session: Session,
    models: Embedders,
    query: str,
    *,
    kinds: Sequence[str] = KINDS,
    filters: Filters = NO_FILTERS,
    min_confidence: float = 0.0,
    limit: int = 10,
    known: Known = Known(),
) -> Answer:
    """The documents that answer the query, best first."""
    asked = _Question(query, understand(query), kinds, filters, known)
    chunks, known_of = _look(session, models, asked)
    by_id = {chunk.candidate.chunk_id: chunk for chunk in chunks}
    ranked = rules.rank(asked.understood.kind, [chunk.candidate for chunk in chunks], known_of)
    sure = list(islice((result for result in ranked if result.confidence >= min_confidence), limit))
    return Answer(
        hits=[_hit(by_id[result.passage_id], result, known_of[result.document_id]) for result in sure],
        query_kind=asked.understood.kind,
        model=models.current_id,
        good_match=is_good_match(sure[0].confidence if sure else None),
    )


def _look(session: Session, models: Embedders, asked: _Question) -> tuple[list[Found], dict[UUID, Evidence]]:
    """The chunks worth ranking, and what is known of their documents. The query is embedded meanwhile."""
    model, known = models.current(), asked.known
    named = asked.understood.names | known.names
    embedding = _embedding.submit(of_query, model, asked.understood.semantic)
    words = vocabulary.read(session, asked.understood.lexical)
    searched = lexical.worth_asking(words.lexemes, words.common, _MOST_MATCHES / max(1, words.chunk_count))
    by_words = candidates.by_words(session, searched, asked.kinds, asked.filters)
    rows, has_verdicts = evidence.explicit(session, sorted(named), [*known.urls, *evidence.urls_in(asked.text)])
    vector = embedding.result()
    if has_verdicts:
        rows += evidence.verdicts(session, key_of(asked.text), model.model_id, vector)
    judged = evidence.of_each(rows)
    wanted = Asked(
        vectors={**_others(models, words.models, asked.understood), model.model_id: vector},
        lexemes=words.lexemes,
        searched=searched,
        by_words=by_words,
        names=named,
        sources={source_id for _, source_id in judged} | known.service_sources,
    )
    found = candidates.find(session, wanted, asked.kinds, asked.filters)
    chunks = [each for each in found if each.source_id != known.but]
    one_of_each = {chunk.candidate.document_id: chunk for chunk in chunks}
    return chunks, {document_id: _evidence(chunk, judged, known) for document_id, chunk in one_of_each.items()}


def key_of(query: str) -> str:
    """What makes two queries one for verdicts: the same letters and digits."""
    return names.fold(query)[:_LONGEST_KEY]


def _others(models: Embedders, model_ids: Collection[str], query: Query) -> dict[str, str]:
    """The query as each model sees it whose vectors are stored; without one, its documents are found by words."""
    found = (models.find(model_id) for model_id in model_ids)
    return {model.model_id: of_query(model, query.semantic) for model in found if model}


def _evidence(chunk: Found, judged: Mapping[Source, Evidence], known: Known) -> Evidence:
    """A solution is its incident's: what is known of the one holds for the other."""
    kind = "incidents" if chunk.kind == "solutions" else chunk.kind
    found = judged.get((kind, chunk.source_id), NO_EVIDENCE)
    for_service = chunk.source_id in known.service_sources
    if chunk.is_named or for_service:
        return replace(found, exact_name=chunk.is_named, for_service=for_service)
    return found


def _hit(chunk: Found, result: Result, known: Evidence) -> Hit:
    return Hit(chunk.source_id, chunk.kind, chunk.title, _snippet(chunk), result, known)


def _snippet(chunk: Found) -> str:
    """The passage as people wrote it, without the title that stands beside it anyway."""
    said = chunk.said.removeprefix(chunk.title).lstrip(".: \n") or chunk.said
    return said if len(said) <= _SNIPPET_CHARACTERS else f"{said[:_SNIPPET_CHARACTERS]}…"
