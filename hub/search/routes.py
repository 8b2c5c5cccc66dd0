"""Routes of /search."""

import time
from pathlib import Path
from typing import Any

from flask import Flask, current_app

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint
from hub.http.ids import to_public
from hub.search import service
from hub.search.embedding.loaded import embedder
from hub.search.schemas import FoundSchema, QuerySchema
from hub.search.service import Answer, Filters, Hit

blp = JsonBlueprint("search", __name__, url_prefix="/api/v1/search", description="Search by meaning")

# where a document of each kind is read, and the prefix of its public id
_PLACES = {"incidents": ("inc", "incidents"), "solutions": ("inc", "incidents"), "procedures": ("proc", "procedures")}


def install(app: Flask, model_dir: Path) -> None:
    """Tells the app where its model is."""
    app.extensions["overwatch.model_dir"] = model_dir


@blp.route("/query", methods=["POST"])
@access.requires("incidents:read")
@blp.arguments(QuerySchema)
@blp.response(200, FoundSchema)
def query(asked: dict[str, Any]) -> dict[str, Any]:
    """Find incidents, procedures and solutions by meaning"""
    began = time.perf_counter()
    found = service.ask(
        access.current_session(),
        embedder(current_app.extensions["overwatch.model_dir"]),
        asked["query"],
        kinds=asked["content_types"],
        filters=Filters(**asked["filters"]),
        min_confidence=asked["min_confidence"],
        limit=asked["limit"],
    )
    return _shown(found, (time.perf_counter() - began) * 1000)


def _shown(found: Answer, took_ms: float) -> dict[str, Any]:
    meta = {
        "total": len(found.hits),
        "page": 1,
        "took_ms": round(took_ms, 1),
        "query_kind": found.query_kind,
        "model": found.model,
        "good_match": found.good_match,
    }
    return {"data": [_hit(hit) for hit in found.hits], "meta": meta}


def _hit(hit: Hit) -> dict[str, Any]:
    prefix, place = _PLACES[hit.type]
    public_id = to_public(prefix, hit.id)
    return {
        "id": public_id,
        "type": hit.type,
        "title": hit.title,
        "snippet": hit.snippet,
        "confidence": round(hit.result.confidence, 4),
        "scores": {"semantic": round(hit.result.semantic, 4), "text": round(hit.result.lexical, 4)},
        "reasons": list(hit.result.reasons),
        "url": f"/api/v1/{place}/{public_id}",
    }
