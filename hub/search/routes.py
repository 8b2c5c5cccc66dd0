"""Routes of /search."""

import time
from typing import Any, cast
from uuid import UUID

from flask import Flask, current_app

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import to_public
from hub.search import service, typeahead
from hub.search.embedding.loaded import Embedders
from hub.search.schemas import FoundSchema, QuerySchema, TitleSchema, TypedQuery
from hub.search.service import Answer, Filters, Hit

blp = JsonBlueprint("search", __name__, url_prefix="/api/v1/search", description="Search by meaning")

# where a document of each kind is read, and the prefix of its public id
_PLACES = {"incidents": ("inc", "incidents"), "solutions": ("inc", "incidents"), "procedures": ("proc", "procedures")}


def install(app: Flask, models: Embedders) -> None:
    """Gives the app its models."""
    app.extensions["overwatch.models"] = models


def models() -> Embedders:
    """The app's models; loaded with the first search of the process."""
    return cast(Embedders, current_app.extensions["overwatch.models"])


@blp.route("/query", methods=["POST"])
@access.requires("incidents:read")
@blp.arguments(QuerySchema)
@blp.response(200, FoundSchema)
def query(asked: dict[str, Any]) -> dict[str, Any]:
    """Find incidents, procedures and solutions by meaning"""
    began = time.perf_counter()
    found = service.ask(
        access.current_session(),
        models(),
        asked["query"],
        kinds=asked["content_types"],
        filters=Filters(**asked["filters"]),
        min_confidence=asked["min_confidence"],
        limit=asked["limit"],
    )
    return _shown(found, (time.perf_counter() - began) * 1000)


@blp.route("/suggestions", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(TypedQuery, location="query")
@blp.page(TitleSchema)
def complete_query(typed: dict[str, Any]) -> Page:
    """Complete what somebody types: titles that its words begin to spell"""
    found = typeahead.titles(access.current_session(), typed["q"], typed["limit"])
    items = [{"type": each.type, "title": each.title, **_place(each.type, each.id)} for each in found]
    return Page(items, len(items), 1, typed["limit"])


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
    return {
        "type": hit.type,
        "title": hit.title,
        "snippet": hit.snippet,
        "confidence": round(hit.result.confidence, 4),
        "scores": {"semantic": round(hit.result.semantic, 4), "text": round(hit.result.lexical, 4)},
        "reasons": list(hit.result.reasons),
        **_place(hit.type, hit.id),
    }


def _place(kind: str, source_id: UUID) -> dict[str, str]:
    prefix, place = _PLACES[kind]
    public_id = to_public(prefix, source_id)
    return {"id": public_id, "url": f"/api/v1/{place}/{public_id}"}
