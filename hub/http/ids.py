"""Public ids: a prefix that says the kind, an underscore, and the UUID as opaque text."""

from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields

from hub.contracts.errors import NotFound

_HEX_DIGITS = 32


def to_public(prefix: str, identity: UUID) -> str:
    """`inc_0190…` for a stored UUID."""
    return f"{prefix}_{identity.hex}"


def from_public(prefix: str, text: str) -> UUID:
    """The stored UUID. Raises NotFound: a malformed id is a missing one."""
    kind, _, digits = text.partition("_")
    if kind != prefix or len(digits) != _HEX_DIGITS or not digits.isascii() or not digits.isalnum():
        raise NotFound
    if digits != digits.lower():
        raise NotFound
    try:
        return UUID(hex=digits)
    except ValueError as error:
        raise NotFound from error


class PublicId(fields.Field[UUID]):
    """A field holding the id of another object, e.g. PublicId("inc")."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        metadata = {"type": "string", "pattern": f"^{prefix}_[0-9a-f]{{32}}$"} | kwargs.pop("metadata", {})
        super().__init__(metadata=metadata, **kwargs)
        self.prefix = prefix

    def _serialize(self, value: UUID | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else to_public(self.prefix, value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UUID:
        if not isinstance(value, str):
            raise ValidationError("Not a valid string.")
        try:
            return from_public(self.prefix, value)
        except NotFound as error:
            raise ValidationError(f"Not an id of the form {self.prefix}_….") from error
