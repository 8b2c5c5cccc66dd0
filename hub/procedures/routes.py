"""Routes of /procedures."""

from io import BytesIO
from typing import Any

from flask import g, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser

from hub.accounts import access
from hub.contracts.errors import Invalid
from hub.http import declared
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public
from hub.procedures import archives, importing, schemas, service, versions
from hub.procedures.archives import File
from hub.procedures.models import Procedure
from hub.procedures.service import Editor

blp = JsonBlueprint("procedures", __name__, url_prefix="/api/v1/procedures", description="Runbooks")

LARGEST_IMPORT_BYTES = 5_000_000


@blp.route("", methods=["GET"])
@access.requires("procedures:read")
@blp.arguments(schemas.ProcedureQuery, location="query")
@blp.page(schemas.ProcedureSchema)
def list_procedures(query: dict[str, Any]) -> Page:
    """List procedures, newest first"""
    return service.find(access.current_session(), query)


@blp.route("", methods=["POST"])
@access.requires("procedures:create")
@blp.arguments(schemas.ProcedureInput)
@blp.one(schemas.ProcedureSchema, status=201)
def write_procedure(fields: dict[str, Any]) -> Procedure:
    """Write a procedure; published at once unless its status says draft"""
    session = access.current_session()
    procedure = service.write(session, access.caller().user_id, **fields)
    session.commit()
    return procedure


@blp.route("/import", methods=["POST"])
@declared.takes_anything(LARGEST_IMPORT_BYTES)
@access.requires("procedures:create")
@blp.arguments(schemas.ImportQuery, location="query")
@blp.response(200, schemas.ImportAnswer)
def import_procedures(query: dict[str, Any]) -> dict[str, Any]:
    """Import Markdown runbooks: one file, a zip, a form with files, or JSON; the same path again updates"""
    session = access.current_session()
    done = importing.import_files(session, editor(), _files(query["path"]))
    session.commit()
    return {"data": done, "meta": {"total": len(done), "page": 1, **importing.counted(done)}}


@blp.route("/<procedure_id>", methods=["GET"])
@access.requires("procedures:read")
@blp.one(schemas.ProcedureSchema)
def get_procedure(procedure_id: str) -> Procedure:
    """Read one procedure"""
    return service.get(access.current_session(), from_public("proc", procedure_id))


@blp.route("/<procedure_id>", methods=["PATCH", "PUT"])
@access.requires("procedures:update_own")
@blp.arguments(schemas.ProcedurePatch)
@blp.one(schemas.ProcedureSchema)
def change_procedure(fields: dict[str, Any], procedure_id: str) -> Procedure:
    """Change a procedure; what people read gets a new version; somebody else's needs procedures:update"""
    session = access.current_session()
    changed = service.change(session, from_public("proc", procedure_id), editor(), fields)
    session.commit()
    return changed


@blp.route("/<procedure_id>", methods=["DELETE"])
@access.requires("procedures:delete")
@blp.response(204)
def delete_procedure(procedure_id: str) -> None:
    """Delete a procedure with its versions; its executions stay"""
    session = access.current_session()
    service.delete(session, from_public("proc", procedure_id))
    session.commit()


@blp.route("/<procedure_id>/versions", methods=["GET"])
@access.requires("procedures:read")
@blp.arguments(schemas.VersionQuery, location="query")
@blp.page(schemas.VersionSchema)
def list_procedure_versions(query: dict[str, Any], procedure_id: str) -> Page:
    """List a procedure's versions, newest first, each with what it changed"""
    session = access.current_session()
    return versions.of(session, service.get(session, from_public("proc", procedure_id)).id, query)


def editor() -> Editor:
    """The caller, and whether they may change what others wrote."""
    caller = access.caller()
    return Editor(caller.user_id, caller.may("procedures:update"))


def _files(path: str) -> list[File]:
    body: bytes = g.body
    if request.mimetype == "multipart/form-data":
        return [file for name, content in _parts(body) for file in archives.opened(name, content)]
    if request.mimetype == "application/json":
        return archives.from_json(body)
    return archives.opened(path, body)


def _parts(body: bytes) -> list[tuple[str, bytes]]:
    """The files of a form. Raises Invalid."""
    try:
        _, _, files = FormDataParser(silent=False, max_form_parts=archives.MOST_FILES).parse(
            BytesIO(body), request.mimetype, len(body), request.mimetype_params
        )
        return [_taken(each) for _, sent in files.lists() for each in sent]
    except (ValueError, HTTPException) as error:
        raise Invalid({"body": ["The form cannot be read."]}) from error


def _taken(part: FileStorage) -> tuple[str, bytes]:
    try:
        return part.filename or "", part.read()
    finally:
        part.close()
