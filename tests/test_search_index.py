"""The index: what is embedded and when, that one bad document harms no other, and that large tenants use indexes."""

import zlib
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.search import candidates, indexing, lexical, passages, service, vocabulary
from hub.search.drafts import Draft
from hub.search.embedding.loaded import Embedders
from hub.search.service import Filters
from hub.search.vectors import as_halfvec
from tests.factories import Hub, Person

LARGE = 6_000  # chunks: beyond what is scanned exactly


class Model:
    """A stand-in of the embedding model: what counts here is not how good it is, but what it is given."""

    model_id = "stand-in"
    dimensions = 384

    def __init__(self, fails_on: str = "nothing at all") -> None:
        self.given: list[str] = []
        self.batches: list[int] = []
        self.fails_on = fails_on

    def embed(self, texts):
        if any(self.fails_on in each for each in texts):
            raise RuntimeError("cannot embed this")
        self.given += texts
        self.batches.append(len(texts))
        rows = np.array(
            [np.random.default_rng(zlib.crc32(each.encode())).normal(size=384) for each in texts], np.float32
        )
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def draft(title: str, body: str = "", **fields) -> Draft:
    made = Draft(
        kind="procedures",
        source_id=uuid4(),
        title=title,
        body=body,
        services=[],
        severities=[],
        status="published",
        tags=[],
        names=[title.lower()],
        created_at=datetime.now(UTC),
    )
    return replace(made, **fields)


def only(model: Model) -> Embedders:
    return Embedders(lambda: model, lambda: model.model_id)


def transaction(owner: Person):
    return owner.hub.runtime.database.transaction(owner.organization_id)


def scans(hub: Hub) -> int:
    """Sequential scans of documents and chunks so far, whoever did them."""
    with psycopg.connect(hub.runtime.settings.owner_database_url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("SELECT pg_stat_force_next_flush()")
        counted = owner.execute(
            "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname ~ '^(documents|chunks)_[0-9]+$'"
        ).fetchone()
    return int(counted[0])


@pytest.fixture(scope="module")
def large(hub: Hub) -> Person:
    """An organization with so many chunks that its search goes by the indexes."""
    person = hub.register()
    rng = np.random.default_rng(1)
    with psycopg.connect(hub.runtime.settings.owner_database_url.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("CREATE TEMP TABLE staged (n integer, vector text)")
        with owner.cursor().copy("COPY staged FROM STDIN") as copy:
            for number in range(LARGE):
                copy.write_row((number, as_halfvec(rng.normal(size=384).astype(np.float32))))
        told = {"org": person.organization_id}
        owner.execute(
            "INSERT INTO documents (organization_id, id, kind, source_id, title, services, names, text_hash, model,"
            " created_at) SELECT %(org)s, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'incidents',"
            " gen_random_uuid(), 'Doc ' || n, CASE WHEN n < 20 THEN '{rare}'::text[] ELSE '{web}' END,"
            " ARRAY['doc' || n], ''::bytea, 'stand-in', now() FROM staged",
            told,
        )
        owner.execute(
            "INSERT INTO chunks (organization_id, document_id, ordinal, text, lexemes, text_hash, model, embedding)"
            " SELECT %(org)s, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 0, 'Doc ' || n,"
            " to_tsvector('english', 'disk is full number' || n), ''::bytea, 'stand-in', vector::halfvec FROM staged",
            told,
        )
        owner.execute("INSERT INTO vocabularies (organization_id, models) VALUES (%(org)s, '{stand-in}')", told)
        owner.execute("ANALYZE documents, chunks")
    with transaction(person) as session:
        vocabulary.count(session)
    return person


def ask(person: Person, query: str, **options):
    with transaction(person) as session:
        return service.ask(session, only(Model()), query, **options).hits


def test_large_tenants_are_never_scanned_from_end_to_end(large: Person):
    before = scans(large.hub)
    ask(large, "disk is full number17")
    ask(large, "number99")
    assert scans(large.hub) == before


def test_documents_are_read_by_index_under_the_wall(large: Person):
    with transaction(large) as session:
        plan = session.execute(
            text(
                "EXPLAIN SELECT FROM documents WHERE organization_id = :org AND kind = 'incidents' AND source_id = :id"
            ),
            {"org": large.organization_id, "id": uuid4()},
        )
        assert "Seq Scan" not in "\n".join(plan.scalars())


@pytest.mark.parametrize("count", [0, 1, 2, 7, 60])
def test_how_often_a_word_stands_in_a_text_is_read_off_its_rank(owner: Person, count: int):
    with transaction(owner) as session:
        rank = session.execute(
            text("SELECT ts_rank('{1, 1, 1, 1}', to_tsvector('simple', 'pod ' || repeat('disk ', :count)), 'disk')"),
            {"count": count},
        ).scalar_one()
    assert candidates.frequency(rank) == count


def test_rare_word_is_found_among_thousands(large: Person):
    assert ask(large, "what about number4711 then")[0].title == "Doc 4711"


def test_narrow_filter_finds_all_that_fit_in_a_large_tenant(large: Person):
    hits = ask(large, "disk is full", filters=Filters(service=["rare"]), limit=50)
    assert len(hits) == 20


def test_name_is_found_in_a_large_tenant(large: Person):
    assert "has the alert's exact name" in ask(large, "doc123")[0].result.reasons


def test_common_words_are_known_and_rare_ones_are_not(large: Person):
    with transaction(large) as session:
        words = vocabulary.read(session, "disk full number17")
    assert set(words.common) == {"disk", "full"}
    assert words.chunk_count == LARGE


def test_another_tenant_in_the_same_index_never_appears(large: Person):
    assert ask(large.hub.register(), "disk is full number17") == []


def test_only_rare_words_are_asked_for():
    assert lexical.worth_asking(["disk", "etcd"], {"disk": 0.2}, 0.01) == [("etcd",)]


def test_common_words_are_asked_for_in_pairs():
    assert lexical.worth_asking(["disk", "full", "is"], {"disk": 0.1, "full": 0.05, "is": 0.9}, 0.01) == [
        ("full", "disk")
    ]


def test_something_is_always_asked_for():
    assert lexical.worth_asking(["disk"], {"disk": 0.9}, 0.001) == [("disk",)]
    assert lexical.worth_asking([], {}, 0.001) == []


def test_identical_text_is_embedded_once(owner: Person):
    model = Model()
    with transaction(owner) as session:
        indexing.index(session, model, [draft("Disk full", "Same words"), draft("Disk full", "Same words")])
        indexing.index(session, model, [draft("Disk full", "Same words")])
    assert len(model.given) == len(set(model.given)) == 2


def test_unchanged_document_is_not_embedded_again(owner: Person):
    model, one = Model(), draft("Disk full", "Words")
    with transaction(owner) as session:
        indexing.index(session, model, [one])
        given = len(model.given)
        indexing.index(session, model, [replace(one, status="archived")])
    assert len(model.given) == given


def test_what_takes_too_long_is_left_for_another_transaction(owner: Person):
    long = "\n\n".join(f"## Part {number}\n\nword {number}" for number in range(300))
    with transaction(owner) as session:
        _, late = indexing.index(session, Model(), [draft("One", long), draft("Two", long), draft("Three", "short")])
    assert [each.title for each in late] == ["One", "Two", "Three"]


def index_whole(session: Session, model: Model, one: Draft) -> int:
    """Gives how many turns it took."""
    turns = 1
    while indexing.index(session, model, [one])[1]:
        turns += 1
    return turns


def stored_text(session: Session) -> list[str]:
    return list(session.execute(text("SELECT text FROM chunks ORDER BY document_id, ordinal")).scalars())


def sections(*said: object) -> str:
    return "\n\n".join(f"## Part {number}\n\n{words}" for number, words in enumerate(said))


def test_long_document_is_indexed_part_by_part_and_embedded_once(owner: Person):
    model, one = Model(), draft("One", sections(*(f"word {number}" for number in range(60))))
    with transaction(owner) as session:
        turns = index_whole(session, model, one)
        stored = stored_text(session)
    assert (turns, len(stored), len(set(stored))) == (4, 61, 61)
    assert model.batches == [16, 16, 16, 13]
    assert len(model.given) == len(set(model.given)) == 61


def test_document_that_is_changed_back_while_half_of_it_is_indexed_ends_as_it_is(owner: Person):
    model, first = Model(), draft("One", sections(*(f"word {number}" for number in range(40))))
    other = replace(first, body=sections(*(f"another {number}" for number in range(40))))
    with transaction(owner) as session:
        index_whole(session, model, first)
        before = stored_text(session)
        indexing.index(session, model, [other])
        assert stored_text(session) != before
        index_whole(session, model, first)
        assert stored_text(session) == before


def test_document_is_the_former_models_until_all_of_it_is_embedded_anew(owner: Person):
    one, newer = draft("One", sections(*(f"word {number}" for number in range(20)))), Model()
    newer.model_id = "newer"
    known_by = text("SELECT model FROM documents")
    with transaction(owner) as session:
        index_whole(session, Model(), one)
        assert indexing.index(session, newer, [one]) == ([], [one])
        assert session.scalar(known_by) == Model.model_id
        assert indexing.index(session, newer, [one]) == ([one], [])
        assert session.scalar(known_by) == "newer"
        assert set(session.scalars(text("SELECT DISTINCT model FROM chunks"))) == {"newer"}


def test_changed_section_is_the_only_one_that_is_written_anew(owner: Person):
    model, one = Model(), draft("One", sections("disk", "memory", "network", "power"))
    with transaction(owner) as session:
        indexing.index(session, model, [one])
        given = len(model.given)
        indexing.index(session, model, [replace(one, body=sections("disk", "another", "network"))])
        assert [said.rpartition(": ")[2] for said in stored_text(session)] == ["One", "disk", "another", "network"]
    assert len(model.given) == given + 1


def test_document_longer_than_a_book_is_cut(owner: Person):
    endless = "\n\n".join(f"## Part {number}\n\nword {number}" for number in range(5_000))
    with transaction(owner) as session:
        index_whole(session, Model(), draft("Endless", endless))
        assert len(stored_text(session)) == passages.MOST_CHUNKS


def test_document_that_fails_keeps_no_other_back(owner: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workers.pipeline.embedders", lambda *_: only(Model(fails_on="poison")))
    good, bad = owner.post("/incidents", {"title": "Good"}), owner.post("/incidents", {"title": "poison"})
    owner.hub.work("index")
    with transaction(owner) as session:
        found = set(session.execute(text("SELECT title FROM documents")).scalars())
        waiting = session.execute(text("SELECT attempts FROM jobs WHERE subject_id = :id"), {"id": id_of(bad)}).all()
    assert (found, len(waiting)) == ({"Good"}, 1), good


def id_of(found: dict) -> UUID:
    return UUID(hex=found["id"].partition("_")[2])


def test_snippet_is_what_people_wrote(owner: Person):
    model = Model()
    with transaction(owner) as session:
        indexing.index(session, model, [draft("KubePodCrashLooping", "## Look\n\nkubectl get pod my-pod.x")])
    (hit,) = ask(owner, "KubePodCrashLooping")
    assert (hit.title, hit.snippet) == ("KubePodCrashLooping", "Look: kubectl get pod my-pod.x")
