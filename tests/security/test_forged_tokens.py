"""Of five hundred tokens and more that are nearly right, none is let in."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jwt
import pytest

from tests.factories import Hub, Person

FEWEST = 500

pytestmark = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")  # forgers' keys are short
ME = "/api/v1/auth/me"


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def signed(claims: dict[str, Any], key: str, algorithm: str = "HS256", **header: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers=header or None)


def wrong_claims(good: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Claims that our own key may sign by mistake, and that still say something else than a good token does."""
    odd = (None, "", " ", 0, -1, True, [], {}, "access", "overwatch2", ["other"], str(uuid4()), 2**63, "x" * 5_000, 1.5)
    for name in good:
        if name not in {"fresh", "jti", "iat"}:
            if name != "type":  # the library's word for what `typ` says
                yield {key: value for key, value in good.items() if key != name}
            yield from (good | {name: value} for value in odd if not is_harmless(name, value))
    now = int(time.time())
    for seconds in (1, 60, 3_600, 86_400, 10**9):
        yield good | {"exp": now - seconds}
        yield good | {"nbf": now + seconds + 60}
        yield good | {"iat": now + seconds + 60}


def is_harmless(name: str, value: Any) -> bool:
    """An expiry in the future and a start in the past are what good tokens have."""
    return (name == "exp" and value == 2**63) or (name == "nbf" and value in (0, -1, 1.5, True)) or value == "access"


def wrong_signatures(token: str, keys: list[str]) -> Iterator[str]:
    head, body, signature = token.split(".")
    good = claims_of(token)
    for place in range(len(signature) - 1):
        swapped = "A" if signature[place] != "A" else "B"
        yield f"{head}.{body}.{signature[:place]}{swapped}{signature[place + 1 :]}"
        yield f"{head}.{body}.{signature[:place]}"
    for place in range(len(body)):
        yield f"{head}.{body[:place]}{'A' if body[place] != 'A' else 'B'}{body[place + 1 :]}.{signature}"
    for key in keys:
        yield from (signed(good, key, algorithm) for algorithm in ("HS256", "HS384", "HS512"))


def wrong_headers(token: str, key: str) -> Iterator[str]:
    head, body, signature = token.split(".")
    good = claims_of(token)
    for algorithm in (
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        None,
        "HS1",
        "hs256",
        "RS256",
        "ES256",
        "PS256",
        "EdDSA",
        256,
        ["HS256"],
    ):
        for kept in ("", signature):
            yield f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{body}.{kept}"
    yield from (signed(good, key, algorithm) for algorithm in ("HS384", "HS512"))
    for extra in (
        {"kid": "../../dev/null"},
        {"kid": "' OR 1=1"},
        {"jku": "http://x/"},
        {"jwk": {"k": "AA"}},
        {"x5u": "http://x/"},
    ):
        yield signed(good, "a-key-of-the-attackers-own-choice-32b", **extra)
    yield from (
        f"{head}.{encoded(raw)}.{signature}" for raw in (b"", b"null", b"[]", b'"a"', b"{", b"\xff", b"{}" * 5_000)
    )


def wrong_shapes(token: str) -> Iterator[str]:
    head, body, signature = token.split(".")
    yield from (
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        head,
        f"{head}.{body}",
        f"{head}.{body}.",
        f".{body}.{signature}",
        token + ".",
        token + "A",
        "A" + token,
        token * 2,
        token[::-1],
        token.upper(),
        token.lower(),
        token.replace(".", "%2e"),
        "null",
        f"{head}..{signature}",
        f"{head} .{body}.{signature}",
        f'"{token}"',
        "é" * 20,
        "{}",
        "[]",
        "0",
        "a" * 6_000,
    )


def refused(hub: Hub, value: str) -> bool:
    answer = hub.http.get(ME, headers={"Authorization": value.encode("utf-8").decode("latin-1")})
    return (
        answer.status_code == 401 and answer.json["code"] == "unauthenticated" and "WWW-Authenticate" in answer.headers
    )


def test_no_forged_token_is_let_in(hub: Hub, owner: Person):
    secrets = hub.runtime.settings.secrets
    key, others = secrets.access_token_key, [secrets.refresh_token_key, secrets.encryption_key]
    guesses = ["", "secret", "overwatch", "changeme", "jwt-secret", "0" * 32, key[:-1], key + " ", key.upper(), *others]
    forged = [
        *(token for claims in wrong_claims(claims_of(owner.token)) if (token := signable(claims, key))),
        *wrong_signatures(owner.token, [guess or " " for guess in guesses]),
        *wrong_headers(owner.token, key),
        *wrong_shapes(owner.token),
    ]
    let_in = [token for token in forged if not refused(hub, f"Bearer {token}")]
    assert not let_in, "\n".join(f"{claims_or_text(token)}" for token in let_in[:10])
    assert len(forged) >= FEWEST
    assert not refused(hub, f"Bearer {owner.token}")


def signable(claims: dict[str, Any], key: str) -> str | None:
    """Our own key on claims that the library itself would not write."""
    head, body = encoded({"alg": "HS256", "typ": "JWT"}), encoded(claims)
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{head}.{body}.{encoded(signature.sign(f'{head}.{body}'.encode(), key.encode()))}"


def claims_or_text(token: str) -> Any:
    try:
        return claims_of(token)
    except jwt.InvalidTokenError:
        return token[:80]


def test_token_of_one_kind_is_not_taken_for_the_other(hub: Hub, owner: Person):
    assert refused(hub, f"Bearer {owner.tokens['refresh_token']}")
    answer = hub.http.post("/api/v1/auth/refresh", json={"refresh_token": owner.token})
    assert answer.status_code == 401


def test_session_of_another_person_does_not_fit_the_token(hub: Hub, owner: Person):
    neighbour = hub.register()
    mixed = claims_of(owner.token) | {"sid": claims_of(neighbour.token)["sid"]}
    assert refused(hub, f"Bearer {signed(mixed, hub.runtime.settings.secrets.access_token_key)}")


@pytest.mark.parametrize("scheme", ["", "bearer:", "Basic", "Token", "JWT", "Digest", "Negotiate", "Bearer Bearer"])
def test_other_schemes_are_refused(hub: Hub, owner: Person, scheme: str):
    assert refused(hub, f"{scheme} {owner.token}")


def test_token_is_refused_from_its_last_second_on(hub: Hub, owner: Person):
    claims = claims_of(owner.token) | {"exp": int(datetime.now(UTC).timestamp())}
    assert refused(hub, f"Bearer {signed(claims, hub.runtime.settings.secrets.access_token_key)}")
