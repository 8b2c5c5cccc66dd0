"""The vault: integration secrets encrypted with a key id, bound to their organization, integration and field."""

import base64
import hashlib
import os
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.contracts.errors import Misconfigured

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Vault:
    """AES-256-GCM; the place where a secret belongs is its associated data, so it cannot be moved elsewhere."""

    key: str

    def lock(self, secret: str, organization_id: UUID, integration_id: UUID, field: str) -> str:
        """The secret as storable text: key id, a dot, base64 of nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, secret.encode(), _place(organization_id, integration_id, field))
        return f"{self._key_id()}.{base64.b64encode(nonce + sealed).decode()}"

    def unlock(self, stored: str, organization_id: UUID, integration_id: UUID, field: str) -> str:
        """The secret again. Raises Misconfigured when the key has changed or the text was moved or altered."""
        key_id, _, text = stored.partition(".")
        if key_id != self._key_id():
            raise Misconfigured(f"The secret {field!r} is locked with another key; set OVERWATCH_ENCRYPTION_KEY back.")
        raw = base64.b64decode(text)
        place = _place(organization_id, integration_id, field)
        try:
            return self._cipher().decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place).decode()
        except InvalidTag as error:
            raise Misconfigured(f"The secret {field!r} does not belong here or was altered; enter it again.") from error

    def _cipher(self) -> AESGCM:
        return AESGCM(hashlib.sha256(self.key.encode()).digest())

    def _key_id(self) -> str:
        return hashlib.sha256(b"key id" + self.key.encode()).hexdigest()[:8]


def _place(organization_id: UUID, integration_id: UUID, field: str) -> bytes:
    return f"{organization_id}/{integration_id}/{field}".encode()
