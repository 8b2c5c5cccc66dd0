"""Password hashes: argon2id, and the same work for an account that does not exist."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's minimum for argon2id: 19 MiB, two passes, one lane
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

# made when the process starts: the first stranger must not wait longer than the second
_NOBODY = _hasher.hash(secrets.token_urlsafe())


def hash_password(password: str) -> str:
    """The argon2id hash with its own salt and parameters."""
    return _hasher.hash(password)


def is_right(password: str, password_hash: str | None) -> bool:
    """Whether the password fits the hash; takes as long for an account that does not exist (None)."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
