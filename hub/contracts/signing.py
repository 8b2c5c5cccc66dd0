"""Signatures of webhooks, by a shared secret or by a certificate, and the time that was signed."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Literal

from hub.contracts.errors import Untrusted

Encoding = Literal["hex", "base64"]

WINDOW_SECONDS = 300

_DECODERS: Mapping[Encoding, Callable[[str], bytes]] = {"hex": binascii.unhexlify, "base64": binascii.a2b_base64}
_EPOCH_SECONDS = re.compile(r"[0-9]{1,11}")


def check_signature(
    signatures: str,
    message: bytes,
    secret: str | bytes,
    *,
    prefix: str = "",
    separator: str = ",",
    encoding: Encoding = "hex",
    digest: str = "sha256",
) -> None:
    """Accepts `message` when one of the `signatures` of a header is its HMAC with `secret`. Raises Untrusted.

    `prefix` marks each signature of the version that counts (`v1=`, `sha256=`); those without it are passed over.
    """
    key = secret if isinstance(secret, bytes) else secret.encode()
    right = hmac.digest(key, message, digest)
    marked = (text.strip() for text in signatures.split(separator))
    given = [_decoded(text.removeprefix(prefix), encoding) for text in marked if text.startswith(prefix)]
    if not key or not any([hmac.compare_digest(right, one) for one in given]):  # a list: all of them are compared
        raise Untrusted("The signature is missing or wrong.")


def check_certified(
    signature: str, message: bytes, certificates: str, received_at: datetime, *, digest: str = "sha256"
) -> None:
    """Accepts `message` when the base64 `signature` is one of RSA (PKCS #1 v1.5) by one of the PEM `certificates`.

    A certificate counts only between its dates. Raises Untrusted, also when the text holds no certificate.
    """
    from cryptography import x509  # heavy, and most connectors never need it
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    algorithms = {"sha1": hashes.SHA1, "sha256": hashes.SHA256}
    try:
        found = x509.load_pem_x509_certificates(certificates.encode())
    except ValueError as error:
        raise Untrusted("The setting holds no certificate in PEM.") from error
    valid = [one for one in found if one.not_valid_before_utc <= received_at <= one.not_valid_after_utc]
    for key in (one.public_key() for one in valid):
        if isinstance(key, rsa.RSAPublicKey):
            with suppress(InvalidSignature):
                key.verify(_decoded(signature, "base64"), message, padding.PKCS1v15(), algorithms[digest]())
                return
    raise Untrusted("The signature is missing or wrong, or its certificate is out of date.")


def check_signing_time(epoch_seconds: str, received_at: datetime, window_seconds: int = WINDOW_SECONDS) -> None:
    """Accepts a signed time that is within the window of the arrival, before or after. Raises Untrusted."""
    if not _EPOCH_SECONDS.fullmatch(epoch_seconds):
        raise Untrusted("The signed time is missing or is no number of seconds.")
    if abs(received_at.timestamp() - int(epoch_seconds)) > window_seconds:
        raise Untrusted(f"The signed time is more than {window_seconds} s away from the arrival.")


def _decoded(text: str, encoding: Encoding) -> bytes:
    """The digest that the text stands for; for anything else no bytes, which equal no digest."""
    try:
        decoded = _DECODERS[encoding](text)
    except ValueError:
        return b""
    is_canonical = encoding == "hex" or base64.b64encode(decoded).decode() == text  # one digest, one text
    return decoded if is_canonical else b""
