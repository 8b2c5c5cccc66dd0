"""What the service routes take and give."""

import re
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

from hub.catalogue import service
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery

MOST_DEPENDENCIES = 200
_LONGEST_NAME = 200

_ID = re.compile(r"svc_[0-9a-f]{32}")


class ServiceName(fields.String):
    """A service's name as alerts carry it; what looks like an id is none."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name: str = super()._deserialize(value, attr, data, **kwargs)
        if name != name.strip() or not 1 <= len(name) <= _LONGEST_NAME or _ID.fullmatch(name):
            raise ValidationError(f"A name has 1 to {_LONGEST_NAME} characters, no space around it, and is no id.")
        return name


class ServiceReference(fields.String):
    """A service of the catalogue by name or by id; answers give the name."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        return UUID(hex=text.removeprefix("svc_")) if _ID.fullmatch(text) else text


class _Editable(Schema):
    owner = fields.String(validate=validate.Length(max=_LONGEST_NAME))
    repository = fields.String(validate=validate.Length(max=2_000))
    depends_on = fields.List(ServiceReference(), validate=validate.Length(max=MOST_DEPENDENCIES))
    procedures = fields.List(PublicId("proc"), validate=validate.Length(max=MOST_DEPENDENCIES))


class ServiceInput(_Editable):
    """A service; `depends_on` takes names or ids of services that the catalogue has."""

    name = ServiceName(required=True)


class ServicePatch(_Editable):
    """What to change; `depends_on` and `procedures` replace what was there, all else stays."""

    name = ServiceName()


class ServiceQuery(ListQuery):
    """Filters of services."""

    sort = Sort(service.LISTING)
    name = Commas()
    owner = Commas()


class ServiceSchema(Schema):
    """A service by the name that alerts and incidents give it; `depends_on` names the services that it needs."""

    id = PublicId("svc", required=True)
    name = fields.String(required=True)
    owner = fields.String(required=True)
    repository = fields.String(required=True)
    depends_on = fields.List(fields.String(), required=True)
    procedures = fields.List(PublicId("proc"), required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
