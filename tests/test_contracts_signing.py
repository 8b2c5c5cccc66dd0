"""Signatures of webhooks: what is accepted as proof, and that nothing else is."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from hub.contracts import Untrusted, check_certified, check_signature, check_signing_time

BODY, SECRET = b'{"id": 1}', "secret"
HEX = hmac.digest(SECRET.encode(), BODY, "sha256").hex()
BASE64 = base64.b64encode(bytes.fromhex(HEX)).decode()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, until: datetime = NOW + timedelta(days=1)) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - timedelta(days=9)).not_valid_after(until)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def certified(key: rsa.RSAPrivateKey, digest: hashes.HashAlgorithm) -> str:
    return base64.b64encode(key.sign(BODY, padding.PKCS1v15(), digest)).decode()


@pytest.mark.parametrize("header", [HEX, HEX.upper(), f" {HEX} ", f"{'0' * 64},{HEX}"])
def test_hexadecimal_signature_is_accepted_among_others(header: str) -> None:
    check_signature(header, BODY, SECRET)


def test_only_signatures_of_the_version_count() -> None:
    check_signature(f"v0={HEX}, v1={HEX}", BODY, SECRET, prefix="v1=")
    with pytest.raises(Untrusted):
        check_signature(f"v0={HEX}, {HEX}", BODY, SECRET, prefix="v1=")


def test_base64_signatures_are_told_apart_by_their_separator() -> None:
    check_signature(f"v1,{'A' * 43}= v1,{BASE64}", BODY, SECRET, prefix="v1,", separator=" ", encoding="base64")


@pytest.mark.parametrize(
    "header", ["", ",", HEX[:-2], HEX + "00", f"sha256={HEX}", "zz", "é", "0" * 64, HEX[:32], "a" * 9_999]
)
def test_any_other_text_is_no_signature(header: str) -> None:
    with pytest.raises(Untrusted):
        check_signature(header, BODY, SECRET)


@pytest.mark.parametrize("text", [f"{BASE64[:-2]}{chr(ord(BASE64[-2]) + 1)}=", "!" + BASE64, BASE64[:-1]])
def test_digest_has_one_text_in_base64(text: str) -> None:
    check_signature(BASE64, BODY, SECRET, encoding="base64")
    with pytest.raises(Untrusted):
        check_signature(text, BODY, SECRET, encoding="base64", separator="|")


def test_changed_byte_of_the_body_breaks_the_signature() -> None:
    for position in range(len(BODY)):
        changed = BODY[:position] + bytes([BODY[position] ^ 1]) + BODY[position + 1 :]
        with pytest.raises(Untrusted):
            check_signature(HEX, changed, SECRET)


def test_empty_secret_proves_nothing() -> None:
    with pytest.raises(Untrusted):
        check_signature(hmac.digest(b"", BODY, "sha256").hex(), BODY, "")


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_time_within_the_window_is_accepted(seconds: int) -> None:
    check_signing_time(str(int((NOW + timedelta(seconds=seconds)).timestamp())), NOW)


@pytest.mark.parametrize("text", ["", "now", "-1", "1e9", "0", "99999999999", "9" * 400, "1767323045.5", "١٢٣"])
def test_time_that_is_no_number_or_far_away_is_refused(text: str) -> None:
    with pytest.raises(Untrusted):
        check_signing_time(text, NOW)


def test_any_valid_certificate_of_the_setting_is_enough() -> None:
    both = certificate(KEYS[0]) + certificate(KEYS[1])
    for key in KEYS:
        check_certified(certified(key, hashes.SHA256()), BODY, both, NOW)


def test_older_digest_counts_only_where_the_sender_says_so() -> None:
    signature, pem = certified(KEYS[0], hashes.SHA1()), certificate(KEYS[0])
    check_certified(signature, BODY, pem, NOW, digest="sha1")
    with pytest.raises(Untrusted):
        check_certified(signature, BODY, pem, NOW)


@pytest.mark.parametrize(
    "certificates",
    [
        "",
        "the-secret",
        certificate(KEYS[1]),
        certificate(KEYS[0], until=NOW - timedelta(days=1)),
        certificate(ec.generate_private_key(ec.SECP256R1())),
    ],
    ids=["none", "no PEM", "another key", "out of date", "no RSA"],
)
def test_certificate_that_does_not_prove_it_is_refused(certificates: str) -> None:
    with pytest.raises(Untrusted):
        check_certified(certified(KEYS[0], hashes.SHA256()), BODY, certificates, NOW)


@pytest.mark.parametrize("signature", ["", "=", "é", "AAAA", certified(KEYS[0], hashes.SHA256())[:-4]])
def test_text_that_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(Untrusted):
        check_certified(signature, BODY, certificate(KEYS[0]), NOW)
