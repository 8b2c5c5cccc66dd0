"""Other embedding models: one behind an endpoint, tested against a stand-in of it; and changing from one to another."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from hub.contracts.errors import Misconfigured, Unavailable
from hub.egress import Egress, networks
from hub.search import lane, reembedding, service
from hub.search.embedding.loaded import Embedders
from hub.search.embedding.remote import PluginModel
from plugins.openai import OpenAi
from tests.factories import Person


class Endpoint(HTTPServer):
    """Speaks the embeddings API; answers with `status`, and vectors of `dimensions` in any order."""

    status = 200
    dimensions = 384
    asked: list[dict[str, Any]]
    keys: list[str | None]


class _Answering(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        self.server.keys.append(self.headers.get("Authorization"))
        data = [
            {"index": place, "embedding": [float(len(said)), 1.0] + [0.0] * (self.server.dimensions - 2)}
            for place, said in enumerate(asked["input"])
        ]
        body = json.dumps({"data": data[::-1]}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(("127.0.0.1", 0), _Answering) as server:
        server.asked, server.keys = [], []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def remote(endpoint: Endpoint, allowed: str = "127.0.0.1") -> PluginModel:
    config = {"base_url": f"http://127.0.0.1:{endpoint.server_port}/v1", "model": "text-model", "api_key": "sesame"}
    return PluginModel(OpenAi(), config, Egress(networks(allowed)))


def test_texts_become_unit_vectors_in_their_order(endpoint: Endpoint):
    vectors = remote(endpoint).embed(["a", "bbbb"])
    assert vectors.shape == (2, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert vectors[1][0] > vectors[0][0]


def test_endpoint_is_asked_in_batches_with_model_and_key(endpoint: Endpoint):
    remote(endpoint).embed(["x"] * 100)
    assert [len(asked["input"]) for asked in endpoint.asked] == [64, 36]
    assert {asked["model"] for asked in endpoint.asked} == {"text-model"}
    assert set(endpoint.keys) == {"Bearer sesame"}


def test_longer_vectors_are_cut(endpoint: Endpoint):
    endpoint.dimensions = 1_536
    assert remote(endpoint).embed(["a"]).shape == (1, 384)


def test_shorter_vectors_are_a_wrong_setting(endpoint: Endpoint):
    endpoint.dimensions = 128
    with pytest.raises(Misconfigured):
        remote(endpoint).embed(["a"])


@pytest.mark.parametrize(("status", "error"), [(500, Unavailable), (429, Unavailable), (401, Misconfigured)])
def test_errors_of_the_endpoint_have_names(endpoint: Endpoint, status: int, error: type[Exception]):
    endpoint.status = status
    with pytest.raises(error):
        remote(endpoint).embed(["a"])


def test_private_endpoint_needs_the_operators_permission(endpoint: Endpoint):
    with pytest.raises(Misconfigured):
        remote(endpoint, allowed="").embed(["a"])


class Model:
    """A stand-in whose vectors depend on the text alone."""

    dimensions = 384

    def __init__(self, model_id: str) -> None:
        self.model_id = model_id

    def embed(self, texts):
        rows = np.zeros((len(texts), 384), np.float32)
        for row, said in zip(rows, texts, strict=True):
            for word in said.lower().split():
                row[sum(map(ord, word)) % 384] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


OLD = Model("old")
BEFORE = Embedders(lambda: OLD, lambda: OLD.model_id)
AFTER = Embedders(lambda: OLD, lambda: OLD.model_id, Model("new"))


def stored(owner: Person) -> set[str]:
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        return set(session.execute(text("SELECT model FROM chunks")).scalars())


def found(owner: Person, models: Embedders, query: str) -> tuple[str, float]:
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        (hit,) = service.ask(session, models, query, limit=1).hits
    return hit.title, round(hit.result.semantic, 3)


def index(owner: Person, models: Embedders) -> None:
    while lane.work_off(owner.hub.runtime.database, models):
        pass


def test_documents_of_the_old_model_are_found_until_they_are_embedded_anew(owner: Person):
    owner.post("/incidents", {"title": "Checkout is slow"})
    index(owner, BEFORE)
    assert found(owner, AFTER, "Checkout is slow") == ("Checkout is slow", 1.0)
    assert stored(owner) == {"old"}


def test_new_model_embeds_everything_again_in_the_background(owner: Person):
    for number in range(40):
        owner.post("/incidents", {"title": f"Trouble {number}"})
    index(owner, BEFORE)
    reembedding.notice(owner.hub.runtime.database, "new")
    index(owner, AFTER)
    assert stored(owner) == {"new"}
    assert found(owner, AFTER, "Trouble 7")[1] == 1.0


def test_nothing_is_left_to_do_once_all_is_embedded(owner: Person):
    owner.post("/incidents", {"title": "Checkout is slow"})
    index(owner, AFTER)
    reembedding.notice(owner.hub.runtime.database, "new")
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        assert session.execute(text("SELECT count(*) FROM jobs WHERE kind = 'reembed'")).scalar_one() == 0
