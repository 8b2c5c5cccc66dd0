"""The vault: integration secrets encrypted with a key id, bound to their organization, integration and field."""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.contracts.errors import Misconfigured

_NONCE_BYTES = 12

Keys = Callable[[], Sequence[str]]


@dataclass(slots=True)
class KeyFile:
    """The keys in the data folder's secrets, the newest first; a change of the file is seen without a restart."""

    path: Path
    _keys: Sequence[str] = ()
    _as_of: int = field(default=-1)

    def __call__(self) -> Sequence[str]:
        """One stat when nothing has changed."""
        changed = self.path.stat().st_mtime_ns
        if changed != self._as_of:
            kept = json.loads(self.path.read_text())
            self._keys, self._as_of = (kept["encryption_key"], *kept.get("old_encryption_keys", ())), changed
        return self._keys


@dataclass(frozen=True, slots=True)
class Vault:
    """AES-256-GCM; the place where a secret belongs is its associated data, so it cannot be moved elsewhere.

    The first of the keys locks, each of them unlocks.
    """

    keys: Keys

    def lock(self, secret: str, organization_id: UUID, integration_id: UUID, field: str) -> str:
        """The secret as storable text: key id, a dot, base64 of nonce and ciphertext."""
        key = self.keys()[0]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = _cipher(key).encrypt(nonce, secret.encode(), _place(organization_id, integration_id, field))
        return f"{id_of(key)}.{base64.b64encode(nonce + sealed).decode()}"

    def unlock(self, stored: str, organization_id: UUID, integration_id: UUID, field: str) -> str:
        """The secret again. Raises Misconfigured when its key is not there or the text was moved or altered."""
        key_id, _, text = stored.partition(".")
        key = next((key for key in self.keys() if id_of(key) == key_id), None)
        if key is None:
            raise Misconfigured(
                f"The secret {field!r} is locked with a key that is gone; add it to OVERWATCH_OLD_ENCRYPTION_KEYS."
            )
        raw = base64.b64decode(text)
        place = _place(organization_id, integration_id, field)
        try:
            return _cipher(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place).decode()
        except InvalidTag as error:
            raise Misconfigured(f"The secret {field!r} does not belong here or was altered; enter it again.") from error

    @property
    def key_id(self) -> str:
        """Of the key that locks."""
        return id_of(self.keys()[0])


def _cipher(key: str) -> AESGCM:
    return AESGCM(hashlib.sha256(key.encode()).digest())


def id_of(key: str) -> str:
    """What stands before a secret to say which key has locked it."""
    return hashlib.sha256(b"key id" + key.encode()).hexdigest()[:8]


def _place(organization_id: UUID, integration_id: UUID, field: str) -> bytes:
    return f"{organization_id}/{integration_id}/{field}".encode()
