"""How fast and how exactly search answers by the size of an organization: latency, recall against exact, index size."""

import json
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub import names, settings
from hub.bench.running import RunningHub, running_hub
from hub.bench.search import timed
from hub.bench.search_corpus import Corpus
from hub.client import Client
from hub.database import Database, new_id
from hub.http.ids import from_public
from hub.search import candidates, vocabulary
from hub.search.candidates import KINDS, NO_FILTERS, Asked, Places
from hub.search.embedding.loaded import embedder
from hub.search.embedding.model import Embedder
from hub.search.vectors import as_halfvec

_QUERIES = 200
_TOP = 10
_BATCH = 2_000
_TOLD_EVERY = 10_000
_UNLIMITED = {"users": None, "user_requests_per_minute": None, "organization_requests_per_minute": None}

_STAGE = "CREATE TEMP TABLE staged (id uuid, title text, name text, body text, title_vector text, body_vector text)"
_DOCUMENTS = (
    "INSERT INTO documents (organization_id, id, kind, source_id, title, names, text_hash, model, created_at)"
    " SELECT %(org)s, id, 'incidents', id, title, ARRAY[name], sha256(body::bytea), %(model)s, now() FROM staged"
)
_CHUNKS = (
    "INSERT INTO chunks (organization_id, document_id, ordinal, text, lexemes, text_hash, model, embedding)"
    " SELECT %(org)s, s.id, c.ordinal, c.said, to_tsvector('english', c.said), sha256(c.said::bytea), %(model)s,"
    "   c.vector::halfvec FROM staged s,"
    " LATERAL (VALUES (0, s.title, s.title_vector), (1, s.title || ': ' || s.body, s.body_vector))"
    "   AS c (ordinal, said, vector)"
)
_EXACT = text(
    "SELECT document_id FROM chunks WHERE organization_id = :org"
    " GROUP BY document_id ORDER BY min((embedding <=> CAST(:vector AS halfvec)) + 0) LIMIT :top"
)
# of each index of its partition, which other organizations are in as well
_SHARE = (
    "SELECT count(*) * (SELECT sum(pg_relation_size(x.indexrelid)) / greatest(max(t.reltuples), 1) / 1e6"
    "   FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid WHERE x.indrelid = c.tableoid)"
    " FROM chunks c WHERE c.organization_id = %(org)s GROUP BY c.tableoid"
)


def run(sizes: Collection[int]) -> Iterator[str]:
    """Organizations of so many documents of two chunks each, all in one index."""
    plans = {"OVERWATCH_PLANS": json.dumps({"free": _UNLIMITED})}
    with (
        tempfile.TemporaryDirectory(prefix="overwatch-bench-") as data,
        running_hub(Path(data), environment=plans) as hub,
    ):
        chosen = settings.from_env(hub.data)
        model = embedder(chosen.model_dir)
        yield "embedding what the documents are made of"
        corpus = Corpus(model, most=max(sizes))
        people = {size: hub.owner() for size in sorted(sizes)}
        with psycopg.connect(chosen.owner_database_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("SET statement_timeout = 0")
            connection.execute("DROP INDEX chunks_embedding")
            for size, person in people.items():
                yield from _fill(connection, organization_of(person), corpus, size, model.model_id)
            yield "building the index of vectors"
            yield _build(connection)
        for size, person in people.items():
            yield _measure(hub, person, corpus, model, size)


def _fill(
    connection: psycopg.Connection, organization_id: UUID, corpus: Corpus, size: int, model_id: str
) -> Iterator[str]:
    """Writes the documents; says every now and then how many there are."""
    connection.execute(_STAGE)
    documents = corpus.documents(size)
    for start in range(0, size, _BATCH):
        with connection.cursor().copy("COPY staged FROM STDIN") as copy:
            for _, (said, vectors) in zip(range(min(_BATCH, size - start)), documents, strict=False):
                copy.write_row((new_id(), said.title, names.fold(said.title), said.body, *vectors))
        for statement in (_DOCUMENTS, _CHUNKS):
            connection.execute(statement, {"org": organization_id, "model": model_id})
        connection.execute("TRUNCATE staged")
        written = min(start + _BATCH, size)
        if written == size or written % _TOLD_EVERY == 0:
            yield f"{written} of {size} documents written"
    connection.execute("DROP TABLE staged")
    note = "INSERT INTO vocabularies (organization_id, models) VALUES (%s, ARRAY[%s])"
    connection.execute(note, (organization_id, model_id))


def _build(connection: psycopg.Connection) -> str:
    began = time.perf_counter()
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute("SET max_parallel_maintenance_workers = 0")
    connection.execute(
        "CREATE INDEX chunks_embedding ON chunks USING hnsw (embedding halfvec_cosine_ops)"
        " WITH (m = 16, ef_construction = 64)"
    )
    seconds = time.perf_counter() - began
    connection.execute("VACUUM ANALYZE documents, chunks")
    sizes = connection.execute(
        "SELECT i.relname ~ 'embedding', sum(pg_relation_size(i.oid)) / 1e6, sum(t.reltuples)"
        " FROM pg_class i JOIN pg_index x ON x.indexrelid = i.oid JOIN pg_class t ON t.oid = x.indrelid"
        " WHERE t.relname ~ '^chunks_[0-9]$' AND i.relname ~ 'embedding|lexemes' GROUP BY 1 ORDER BY 1 DESC"
    ).fetchall()
    told = ", ".join(f"{'meaning' if row[0] else 'words'} {float(row[1]):.0f} MB" for row in sizes)
    return f"{int(sizes[0][2])} chunks, index built in {seconds:.0f} s: {told}"


def _measure(hub: RunningHub, person: Client, corpus: Corpus, model: Embedder, size: int) -> str:
    organization_id = organization_of(person)
    database = Database(settings.from_env(hub.data).database_url, pool_size=1)
    with database.transaction(organization_id) as session:
        vocabulary.count(session)
    queries = corpus.queries(_QUERIES)
    for query in queries[:10]:
        person.call("POST", "/search/query", {"query": query})
    speed = timed(hub, queries, lambda query: person.call("POST", "/search/query", {"query": query}))
    recall = _recall(database, organization_id, model, queries)
    database.dispose()
    ((megabytes,),) = hub.query(_SHARE, org=organization_id)
    return f"{size:>7} documents: {speed}, recall@{_TOP} {recall:.3f}, share of the indexes {megabytes:.1f} MB"


def _recall(database: Database, organization_id: UUID, model: Embedder, queries: Sequence[str]) -> float:
    """The share of the ten nearest documents that are among the candidates' ten nearest."""
    shares = []
    with database.transaction(organization_id) as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        for vector in map(as_halfvec, model.embed(queries)):
            asked = {"org": organization_id, "vector": vector, "top": _TOP}
            exact = set(session.execute(_EXACT, asked).scalars())
            shares.append(len(exact & _nearest(session, model, vector)) / len(exact))
    return sum(shares) / len(shares)


def _nearest(session: Session, model: Embedder, vector: str) -> set[UUID]:
    """What search finds by meaning alone."""
    asked = Asked({model.model_id: vector}, lexemes=(), searched=(), by_words=Places("{}", "{}"), names=())
    found = candidates.find(session, asked, KINDS, NO_FILTERS)
    by_cosine = sorted((each.candidate for each in found), key=lambda each: each.cosine, reverse=True)
    return set(islice(dict.fromkeys(each.document_id for each in by_cosine), _TOP))


def organization_of(person: Client) -> UUID:
    """The organization that the person is logged in to."""
    return from_public("org", person.call("GET", "/organizations/current")["data"]["id"])
