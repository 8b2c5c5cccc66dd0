"""Which documents answer a query, in which order and how surely: decisions on numbers, then with the real model."""

import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import names
from hub.search import chunks, confidence, rules, text
from hub.search.embedding.model import MiniLM
from hub.search.lexical import Candidate
from hub.search.rules import Evidence

A, B, C, D = (UUID(int=number) for number in range(1, 5))


def chunk(document: UUID, cosine: float, *frequencies: int, length: int = 50, ordinal: int = 0) -> Candidate:
    return Candidate((document, ordinal), document, cosine, frequencies, length)


def order(kind: rules.Kind, *candidates: Candidate, **evidence: Evidence) -> list[UUID]:
    known = {UUID(int="_ABCD".index(document)): found for document, found in evidence.items()}
    return [result.document_id for result in rules.rank(kind, candidates, known)]


def test_nothing_found_is_nothing_ranked() -> None:
    assert list(rules.rank("text", [], {})) == []


def test_of_two_with_one_meaning_the_one_with_the_words_comes_first() -> None:
    assert order("text", chunk(A, 0.6, 0, 0), chunk(B, 0.6, 1, 1)) == [B, A]


def test_a_sentence_goes_by_meaning_and_a_log_by_words() -> None:
    candidates = chunk(A, 0.75, 0, 0), chunk(B, 0.4, 1, 1)
    assert order("text", *candidates) == [A, B]
    assert order("log", *candidates) == [B, A]


def test_a_rare_word_tells_more_than_one_that_all_have() -> None:
    assert order("text", chunk(A, 0.5, 1, 0), chunk(B, 0.5, 0, 1), chunk(C, 0.1, 1, 0), chunk(D, 0.1, 1, 0))[0] == B


def test_a_word_in_a_short_chunk_tells_more_than_in_a_long_one() -> None:
    assert order("text", chunk(A, 0.5, 1, length=200), chunk(B, 0.5, 1, length=20)) == [B, A]


def test_a_document_that_speaks_of_it_twice_comes_before_one_that_mentions_it() -> None:
    twice = chunk(A, 0.6, 0), chunk(A, 0.6, 0, ordinal=1)
    once = chunk(B, 0.61, 0), chunk(B, 0.2, 0, ordinal=1)
    assert order("text", *once, *twice) == [A, B]


def test_the_passage_to_show_is_the_one_closest_in_meaning() -> None:
    (result,) = rules.rank("text", [chunk(A, 0.3, 5), chunk(A, 0.7, 0, ordinal=1)], {})
    assert (result.passage_id, result.semantic) == ((A, 1), 0.7)


@pytest.mark.parametrize("known", ["exact_name", "linked_runbook", "confirmed"])
def test_explicit_evidence_goes_before_likeness(known: str) -> None:
    assert order("text", chunk(A, 0.9, 1), chunk(B, 0.1, 0), B=replace(Evidence(), **{known: True})) == [B, A]


def test_verdicts_lift_a_document_past_its_neighbour_and_push_it_behind() -> None:
    candidates = chunk(A, 0.62, 1), chunk(B, 0.6, 1)
    assert order("text", *candidates, B=Evidence(helped=2)) == [B, A]
    assert order("text", *candidates, A=Evidence(wrong=2)) == [B, A]
    assert order("text", *candidates, A=Evidence(wrong=2, used=4)) == [A, B]


def test_no_number_of_verdicts_lifts_what_does_not_fit() -> None:
    assert order("text", chunk(A, 0.7, 1), chunk(B, 0.4, 1), B=Evidence(helped=1_000_000)) == [A, B]


def test_reasons_say_what_counted_and_nothing_else() -> None:
    (result,) = rules.rank("alert", [chunk(A, 0.5, 1)], {A: Evidence(exact_name=True, helped=3)})
    assert result.reasons == (
        "has the alert's exact name",
        "helped 3 times in your organization",
        "50% similar in meaning",
        "has 100% of the words",
    )


def test_a_close_rival_makes_a_result_less_sure() -> None:
    alone, *_ = rules.rank("text", [chunk(A, 0.6, 1, 1), chunk(B, 0.2, 0, 0)], {})
    rivalled, *_ = rules.rank("text", [chunk(A, 0.6, 1, 1), chunk(B, 0.55, 1, 1)], {})
    assert rivalled.confidence < 0.75
    assert alone.confidence > 0.9


def test_siblings_that_stand_out_together_are_surer_than_the_first_of_a_crowd() -> None:
    crowd = [chunk(uuid4(), 0.5, 1, 0) for _ in range(20)]
    siblings = [chunk(A, 0.52, 1, 0), chunk(B, 0.51, 1, 0)]
    of_crowd, *_ = rules.rank("text", [*siblings, *crowd], {})
    standing_out, *_ = rules.rank(
        "text", [*siblings, *(replace(each, cosine=0.2, frequencies=(0, 0)) for each in crowd)], {}
    )
    assert of_crowd.confidence < 0.2
    assert confidence.is_good_match(standing_out.confidence)


def test_the_same_incident_of_last_week_is_no_rival() -> None:
    first, twin, _ = rules.rank("text", [chunk(A, 0.8, 1, 1), chunk(B, 0.8, 1, 1), chunk(C, 0.2, 0, 0)], {})
    assert first.confidence == twin.confidence > 0.9


def test_an_incident_is_no_rival_of_its_own_solution() -> None:
    solution, incident = (replace(chunk(each, 0.6, 1, 1), subject_id=C) for each in (A, B))
    first, _ = rules.rank("text", [solution, replace(incident, cosine=0.55)], {})
    assert first.confidence > 0.9


def test_the_only_document_is_not_an_answer_for_being_alone() -> None:
    (result,) = rules.rank("text", [chunk(A, 0.15, 0, 0, 1, 0)], {})
    assert not confidence.is_good_match(result.confidence)


def test_no_result_is_no_good_match() -> None:
    assert not confidence.is_good_match(None)


signals = st.builds(
    confidence.Signals,
    cosine=st.floats(-1, 1),
    margin=st.floats(-1, 1),
    lead=st.floats(-1, 1),
    coverage=st.floats(0, 1),
    explicit=st.booleans(),
)


@given(signals, st.sampled_from(["cosine", "margin", "lead", "coverage"]), st.floats(0, 2))
def test_no_signal_lowers_the_confidence(weak: confidence.Signals, signal: str, gain: float) -> None:
    strong = replace(weak, **{signal: getattr(weak, signal) + gain})
    assert 0 < confidence.estimate(weak) <= confidence.estimate(strong) <= 1
    assert confidence.estimate(replace(weak, explicit=False)) <= confidence.estimate(replace(weak, explicit=True))


some_chunks = st.lists(
    st.tuples(st.sampled_from([A, B, C]), st.floats(-1, 1), st.tuples(*[st.integers(0, 9)] * 3), st.integers(0, 200)),
    max_size=12,
)


@given(some_chunks, st.sampled_from(["alert", "log", "text"]))
def test_each_document_is_ranked_once_and_every_figure_is_a_share(found: list, kind: rules.Kind) -> None:
    candidates = [Candidate((n, n), doc, cosine, counts, size) for n, (doc, cosine, counts, size) in enumerate(found)]
    ranked = list(rules.rank(kind, candidates, {}))
    assert Counter(result.document_id for result in ranked) == Counter(
        {candidate.document_id for candidate in candidates}
    )
    assert [result.score for result in ranked] == sorted((result.score for result in ranked), reverse=True)
    assert all(0 <= share <= 1 for r in ranked for share in (r.semantic, r.lexical, r.confidence))


PAGES = {
    "KubePodCrashLooping": "A pod restarts again and again. Look at its previous logs, then at its limits and probes.",
    "NodeFilesystemAlmostOutOfSpace": "A file system of a node has little space left. Delete old images and archives.",
    "etcdNoLeader": "The etcd cluster has no leader. Check the network between its members and the latency of fsync.",
    "CertificateExpiry": "A TLS certificate expires soon. Renew it with cert-manager, then reload the ingress.",
    "ReplicationLag": "A replica of the database is behind its primary. Look for long transactions on the replica.",
    "QueueBacklog": "Messages wait in the queue longer than they should. Start more consumers or find the poison one.",
}


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM.load(Path(sys.prefix, "share", "overwatch", "model"))


def ask(model: MiniLM, question: str) -> tuple[str, bool]:
    """The title of the best of PAGES, and whether it is called an answer; plain words stand for Postgres' lexemes."""
    query = text.understand(question)
    asked = list(dict.fromkeys(re.findall(r"\w{3,}", query.lexical.lower())))
    (vector,) = model.embed([query.semantic])
    candidates = []
    for number, (title, body) in enumerate(PAGES.items(), start=1):
        cut = chunks.cut(title, body)
        for ordinal, (part, own) in enumerate(
            zip(cut, model.embed([names.split(each.whole) for each in cut]), strict=True)
        ):
            words = Counter(re.findall(r"\w{3,}", names.with_parts(part.whole).lower()))
            counts = [words[word] for word in asked]
            candidates.append(chunk(UUID(int=number), float(own @ vector), *counts, length=len(words), ordinal=ordinal))
    known = [UUID(int=n) for n, title in enumerate(PAGES, start=1) if text.names_of(title, "") & query.names]
    best = next(rules.rank(query.kind, candidates, {each: Evidence(exact_name=True) for each in known}))
    return list(PAGES)[best.document_id.int - 1], confidence.is_good_match(best.confidence)


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("KubePodCrashLooping", "KubePodCrashLooping"),
        ("the hard drive of a server is full", "NodeFilesystemAlmostOutOfSpace"),
        ("2026-01-02 10:00:00 ERROR etcdserver: no leader elected, member 8e9e05c52164694d", "etcdNoLeader"),
        ("https handshake fails because the cert is no longer valid", "CertificateExpiry"),
        ("database copy is stale", "ReplicationLag"),
    ],
)
def test_a_page_is_found_by_name_by_meaning_and_by_log(model: MiniLM, question: str, title: str) -> None:
    assert ask(model, question) == (title, True)


def test_a_vague_likeness_is_offered_but_not_called_an_answer(model: MiniLM) -> None:
    assert ask(model, "containers keep dying and come up over and over") == ("KubePodCrashLooping", False)


@pytest.mark.parametrize("question", ["how do I bake bread", "the invoice lacks our logo", "holiday rules for interns"])
def test_a_question_on_something_else_has_no_good_match(model: MiniLM, question: str) -> None:
    assert not ask(model, question)[1]
