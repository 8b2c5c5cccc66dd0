"""What the procedure routes take and give."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from hub.http.blueprint import ListQuery, PageQuery
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.incidents.rules import SEVERITIES
from hub.procedures import service, versions
from hub.procedures.importing import LARGEST_CONTENT_BYTES
from hub.procedures.markdown import LONGEST_TITLE, MOST_STEPS
from hub.procedures.rules import KINDS, OUTCOMES, STATUSES

_LONGEST_COMMAND = 20_000
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("Must not be blank.")


def _not_too_large(content: str) -> None:
    if len(content.encode()) > LARGEST_CONTENT_BYTES:
        raise ValidationError(f"More than {LARGEST_CONTENT_BYTES} bytes.")


class ProcedureQuery(ListQuery):
    """Filters of procedures."""

    sort = Sort(service.LISTING)
    status = Commas(STATUSES)
    kind = Commas(KINDS)
    category = Commas()
    tag = Commas()
    severity = Commas(SEVERITIES)
    service = Commas()


class VersionQuery(PageQuery):
    """The order of versions: newest first, unless asked otherwise."""

    sort = Sort(versions.LISTING)


class VariableSchema(Schema):
    """What a command leaves open: `{{ name }}` in it is replaced by the value, quoted for the shell."""

    name = fields.String(
        required=True, validate=validate.Regexp(_VARIABLE.pattern + r"\Z"), metadata={"example": "namespace"}
    )
    description = fields.String(load_default="", validate=validate.Length(max=1_000))
    default = fields.String(allow_none=True, validate=validate.Length(max=4_000))
    required = fields.Boolean(load_default=True)


class StepSchema(Schema):
    """One step; the hub shows its command and runs nothing."""

    title = fields.String(required=True, validate=(validate.Length(1, LONGEST_TITLE), _not_blank))
    instructions = fields.String(load_default="", validate=validate.Length(max=50_000))
    command = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=_LONGEST_COMMAND))
    expected = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=20_000))
    requires_approval = fields.Boolean(load_default=False)
    estimated_minutes = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(0, 100_000)
    )


def _texts(most: int = 50) -> fields.List[str]:
    text = fields.String(validate=(validate.Length(1, 200), _not_blank))
    return fields.List(text, validate=validate.Length(max=most))


class ProcedurePatch(Schema):
    """What to change; all else stays. `steps` given as null are derived from the content again."""

    title = fields.String(validate=(validate.Length(1, LONGEST_TITLE), _not_blank))
    description = fields.String(validate=validate.Length(max=20_000))
    content = fields.String(validate=_not_too_large, metadata={"description": "Markdown, up to 500 KB of UTF-8"})
    category = fields.String(validate=validate.Length(max=100))
    tags = _texts()
    severities = fields.List(fields.String(validate=validate.OneOf(SEVERITIES)), validate=validate.Length(max=4))
    services = _texts()
    kind = fields.String(validate=validate.OneOf(KINDS))
    status = fields.String(validate=validate.OneOf(STATUSES))
    variables = fields.List(fields.Nested(VariableSchema), validate=validate.Length(max=100))
    steps = fields.List(fields.Nested(StepSchema), allow_none=True, validate=validate.Length(max=MOST_STEPS))
    source_url = fields.URL(schemes={"http", "https"}, require_tld=False, validate=validate.Length(max=2_000))

    @post_load
    def _unique(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        lists = {name: list(dict.fromkeys(data[name])) for name in ("tags", "severities", "services") if name in data}
        return data | lists


class ProcedureInput(ProcedurePatch):
    """A new procedure; without `steps` the headings of its content become its steps."""

    title = fields.String(required=True, validate=(validate.Length(1, LONGEST_TITLE), _not_blank))


class ProcedureSchema(Schema):
    """A runbook. `success_rate` is null before any execution has finished."""

    id = PublicId("proc", required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    content = fields.String(required=True)
    category = fields.String(required=True)
    tags = fields.List(fields.String(), required=True)
    severities = fields.List(fields.String(validate=validate.OneOf(SEVERITIES)), required=True)
    services = fields.List(fields.String(), required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    version = fields.Integer(required=True)
    variables = fields.List(fields.Nested(VariableSchema), required=True)
    steps = fields.List(fields.Nested(StepSchema), required=True)
    source_url = fields.String(required=True)
    source_path = fields.String(required=True, allow_none=True)
    author_id = PublicId("user", data_key="author", required=True, allow_none=True)
    success_rate = fields.Float(required=True, allow_none=True)
    execution_count = fields.Integer(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    reviewed_at = Moment(required=True)
    published_at = Moment(required=True, allow_none=True)
    archived_at = Moment(required=True, allow_none=True)


class VersionSchema(Schema):
    """A version; `changes` has a unified diff for each field that it changed."""

    number = fields.Integer(data_key="version", required=True)
    changes = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    said = fields.Dict(data_key="procedure", required=True)
    author_id = PublicId("user", data_key="author", required=True, allow_none=True)
    created_at = Moment(required=True)


class ImportQuery(Schema):
    """For a single Markdown file: where it came from, so that importing it again changes the same procedure."""

    path = fields.String(load_default="", validate=validate.Length(max=500))


class ImportedSchema(Schema):
    """What became of one file; `reason` says why it was refused."""

    path = fields.String(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    procedure_id = PublicId("proc", required=True, allow_none=True)
    reason = fields.String(required=True)


class ImportMeta(Schema):
    """How many files there were, and how many of each outcome."""

    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    created = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    refused = fields.Integer(required=True)


class ImportAnswer(Schema):
    """One entry per file, in the archive's order."""

    data = fields.List(fields.Nested(ImportedSchema), required=True)
    meta = fields.Nested(ImportMeta, required=True)
