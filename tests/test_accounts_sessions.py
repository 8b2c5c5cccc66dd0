"""Logging in and out: tokens, their rotation and their end, sessions, the lock after failures."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest

from tests.factories import PASSWORD, Hub, Person

WRONG = "Wrong-horse-1"

_addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))


@pytest.fixture
def address() -> str:
    """A sender nobody else in these tests is."""
    return next(_addresses)


def refresh(person: Person, token: str) -> Any:
    return person.hub.http.post("/api/v1/auth/refresh", json={"refresh_token": token})


def me(hub: Hub, token: str) -> int:
    return hub.http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code


def at_once(ask: Callable[[str], int], arguments: list[str]) -> list[int]:
    with ThreadPoolExecutor(len(arguments)) as threads:
        return list(threads.map(ask, arguments))


def test_login_answers_tokens_and_who_it_is(owner: Person):
    answer = owner.hub.log_in(owner.email).json
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert answer["user"] == owner.tokens["user"]
    assert set(answer["user"]) == {"id", "email", "name", "role", "organization_id"}
    assert me(owner.hub, answer["access_token"]) == 200


def test_login_takes_a_form_with_username_too(owner: Person):
    answer = owner.hub.http.post("/api/v1/auth/login", data={"username": owner.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text


def test_login_ignores_the_case_of_the_address(owner: Person):
    assert owner.hub.log_in(owner.email.upper()).status_code == 200


def test_me_and_users_me_are_the_same_profile(owner: Person):
    profile = owner.get("/auth/me")
    assert profile == owner.get("/users/me")
    assert (profile["email"], profile["role"], profile["status"]) == (owner.email, "owner", "active")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_scheme_of_the_token_counts_in_either_case(owner: Person, scheme: str):
    answer = owner.hub.http.get("/api/v1/auth/me", headers={"Authorization": f"{scheme} {owner.token}"})
    assert answer.status_code == 200


def test_refresh_gives_two_new_tokens_that_work(owner: Person):
    fresh = refresh(owner, owner.tokens["refresh_token"]).json
    assert me(owner.hub, fresh["access_token"]) == 200
    assert refresh(owner, fresh["refresh_token"]).status_code == 200


def test_spent_refresh_token_ends_the_whole_session(owner: Person):
    first = owner.tokens["refresh_token"]
    second = refresh(owner, first).json
    assert refresh(owner, first).status_code == 401
    assert refresh(owner, second["refresh_token"]).status_code == 401
    assert me(owner.hub, second["access_token"]) == 401


def test_of_those_who_refresh_at_once_one_at_most_is_let_and_the_session_ends(owner: Person):
    statuses = at_once(lambda token: refresh(owner, token).status_code, [owner.tokens["refresh_token"]] * 4)
    assert statuses.count(200) <= 1
    assert me(owner.hub, owner.token) == 401


def test_refresh_token_is_stored_as_its_hash_only(owner: Person):
    jti = jwt.decode(owner.tokens["refresh_token"], options={"verify_signature": False})["jti"]
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        rows = str(session.connection().exec_driver_sql("SELECT * FROM refresh_tokens").all())
    assert rows != "[]"
    assert jti not in rows
    assert jti.replace("-", "") not in rows


def test_logout_ends_access_and_refresh_at_once(owner: Person):
    owner.post("/auth/logout", status=204)
    assert me(owner.hub, owner.token) == 401
    assert refresh(owner, owner.tokens["refresh_token"]).status_code == 401


def test_logout_holds_in_a_process_that_starts_later(owner: Person):
    owner.post("/auth/logout", status=204)
    assert me(Hub(owner.hub.runtime), owner.token) == 401


def test_logout_leaves_other_sessions_alone(owner: Person):
    other = owner.hub.log_in(owner.email).json["access_token"]
    owner.post("/auth/logout", status=204)
    assert me(owner.hub, other) == 200


def test_sessions_are_listed_and_ended_one_by_one(owner: Person):
    other = owner.hub.log_in(owner.email, address="192.0.2.7").json["access_token"]
    by_address = {session["address"]: session for session in owner.get("/auth/sessions")}
    assert by_address["127.0.0.1"]["is_current"]
    assert not by_address["192.0.2.7"]["is_current"]
    owner.delete(f"/auth/sessions/{by_address['192.0.2.7']['id']}")
    assert me(owner.hub, other) == 401
    assert len(owner.get("/auth/sessions")) == 1


def test_session_of_somebody_else_is_not_found(owner: Person):
    (theirs,) = owner.colleague().get("/auth/sessions")
    owner.delete(f"/auth/sessions/{theirs['id']}", status=404)


def test_five_failures_lock_the_account_for_fifteen_minutes(owner: Person, address: str):
    for _ in range(5):
        assert owner.hub.log_in(owner.email, WRONG, address).status_code == 401
    locked = owner.hub.log_in(owner.email, PASSWORD, next(_addresses))
    assert locked.status_code == 429
    assert 890 < int(locked.headers["Retry-After"]) <= 900
    owner.hub.later(minutes=16)
    assert owner.hub.log_in(owner.email, PASSWORD, address).status_code == 200


def test_every_further_lock_is_twice_as_long_up_to_a_day(owner: Person):
    waits = []
    for _ in range(9):
        for _ in range(5):
            owner.hub.log_in(owner.email, WRONG, next(_addresses))
        waits.append(int(owner.hub.log_in(owner.email, WRONG, next(_addresses)).headers["Retry-After"]))
        owner.hub.later(seconds=waits[-1] + 1)
    assert [round(wait / 900) for wait in waits] == [1, 2, 4, 8, 16, 32, 64, 96, 96]


def test_unknown_account_is_locked_just_the_same(hub: Hub, address: str):
    answers = [hub.log_in("nobody@example.org", WRONG, address) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


def test_ten_failures_lock_the_address_for_every_account(owner: Person, address: str):
    for number in range(10):
        assert owner.hub.log_in(f"nobody{number}@example.org", WRONG, address).status_code == 401
    assert owner.hub.log_in(owner.email, PASSWORD, address).status_code == 429
    assert owner.hub.log_in(owner.email, PASSWORD, next(_addresses)).status_code == 200


def test_logins_that_succeed_never_lock_an_address(owner: Person, address: str):
    assert {owner.hub.log_in(owner.email, PASSWORD, address).status_code for _ in range(12)} == {200}


def test_guesses_at_once_are_counted_like_guesses_in_turn(owner: Person):
    senders = [next(_addresses) for _ in range(12)]
    statuses = at_once(lambda sender: owner.hub.log_in(owner.email, WRONG, sender).status_code, senders)
    assert sorted(statuses) == [401] * 5 + [429] * 7


def test_owner_unlocks_a_colleague(owner: Person):
    colleague = owner.colleague()
    for _ in range(5):
        owner.hub.log_in(colleague.email, WRONG, next(_addresses))
    assert owner.hub.log_in(colleague.email, address=next(_addresses)).status_code == 429
    owner.post(f"/users/{colleague.tokens['user']['id']}/unlock", status=200)
    assert owner.hub.log_in(colleague.email, address=next(_addresses)).status_code == 200


def test_login_takes_as_long_for_an_unknown_account(owner: Person):
    def seconds(email: str, sender: str) -> float:
        begun = time.perf_counter()
        assert owner.hub.log_in(email, WRONG, sender).status_code == 401
        return time.perf_counter() - begun

    known, unknown = [], []
    for number in range(20):
        person = owner.email if number % 4 else owner.hub.register().email
        known.append(seconds(person, next(_addresses)))
        unknown.append(seconds(f"nobody{number}@example.net", next(_addresses)))
        if number % 4 == 3:
            with owner.hub.runtime.database.transaction() as session:
                session.connection().exec_driver_sql(
                    "SELECT unlock_login('account:' || encode(sha256(convert_to(lower(%s), 'UTF8')), 'hex'))",
                    (owner.email,),
                )
    middle = len(known) // 2
    assert abs(sorted(known)[middle] - sorted(unknown)[middle]) < 0.25 * sorted(unknown)[middle]


def test_refused_logins_read_alike(owner: Person, address: str):
    known, unknown = (owner.hub.log_in(email, WRONG, address) for email in (owner.email, "nobody@example.com"))
    for answer in (known.json, unknown.json):
        del answer["timestamp"], answer["request_id"]
    assert known.json["error"] == unknown.json["error"]
    assert known.headers["WWW-Authenticate"] == unknown.headers["WWW-Authenticate"]


def test_idle_session_ends_after_the_organizations_timeout(owner: Person):
    owner.patch("/organizations/current", {"settings": {"session_timeout_minutes": 30}})
    owner.hub.later(minutes=25)
    assert me(owner.hub, owner.token) == 200
    owner.hub.later(minutes=25)
    assert me(owner.hub, owner.token) == 200, "the request in between was a sign of life"
    owner.hub.later(minutes=31)
    assert me(owner.hub, owner.token) == 401
    assert refresh(owner, owner.tokens["refresh_token"]).status_code == 401


def test_token_that_was_good_is_refused_once_it_has_expired(owner: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(owner.hub.http.application.config, "JWT_ACCESS_TOKEN_EXPIRES", timedelta(seconds=2))
    token = owner.hub.log_in(owner.email).json["access_token"]
    assert me(owner.hub, token) == 200
    time.sleep(2.1)  # the token's own time, which no test can move
    assert me(owner.hub, token) == 401


def test_suspended_user_is_refused_with_the_next_request(owner: Person):
    colleague = owner.colleague()
    owner.patch(f"/users/{colleague.tokens['user']['id']}", {"status": "suspended"})
    assert me(owner.hub, colleague.token) == 401
    assert owner.hub.log_in(colleague.email, address=next(_addresses)).status_code == 401


# --- tokens that nobody of us has made ------------------------------------------------------------------------------


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_ODD: tuple[Any, ...] = (None, "", "x", 0, -1, 1.5, True, [], {}, "\0", "é", "null", 10**30)
_NO_TIMES: tuple[Any, ...] = (None, "", "x", [], {}, "1e9", "NaN")
_TIMES = {"exp": (1, -1, *_NO_TIMES), "nbf": (2**40, *_NO_TIMES), "iat": (2**40, *_NO_TIMES)}
_KINDS_OF_NONE = ("none", "None", "NONE", "nOnE", "", "RS256", "HS256 ", "HS1", None, [], {}, 0)
_HEADERS = ({"jku": "http://127.0.0.1/"}, {"kid": "../../dev/null"}, {"jwk": {"kty": "oct", "k": ""}}, {"crit": ["x"]})
_WHOLE = (b"", b"null", b"[]", b"0", b'"x"', b"{", b"[" * 1_500, b'{"a":' * 1_500, b"\xff\xfe", b"{}")


def _signed_but_not_ours(person: Person) -> Iterator[str]:
    """Made with the right key: a claim is missing, of another kind, or another's."""
    secrets = person.hub.runtime.settings.secrets
    key, claims = secrets.access_token_key, _claims(person.token)
    for name in claims.keys() - {"fresh", "type"}:
        yield _signed({each: claims[each] for each in claims if each != name}, key)
        yield from (_signed({**claims, name: value}, key) for value in _TIMES.get(name, _ODD))
    yield _signed({**claims, "type": "refresh", "typ": "refresh"}, secrets.refresh_token_key)
    yield _signed({**claims, "type": "refresh"}, secrets.refresh_token_key)
    yield person.tokens["refresh_token"]


def _signed_otherwise(person: Person) -> Iterator[str]:
    """Our claims under another key, another algorithm, or none."""
    secrets = person.hub.runtime.settings.secrets
    _, payload, signature = person.token.split(".")
    claims = _claims(person.token)
    for other in ("", "secret", "x" * 64, secrets.refresh_token_key, secrets.encryption_key, payload):
        yield _signed(claims, other)
    for algorithm in ("HS384", "HS512"):
        yield jwt.encode(claims, secrets.access_token_key * 2, algorithm=algorithm)
    for algorithm, sealed in itertools.product(_KINDS_OF_NONE, ("", signature)):
        yield f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{payload}.{sealed}"
    for extra in _HEADERS:
        yield _signed(claims, "x" * 32, {"alg": "HS256", "typ": "JWT", **extra})


def _mangled(token: str) -> Iterator[str]:
    """Cut, altered in one place, or no token at all."""
    header, payload, signature = token.split(".")
    for whole in map(_part, _WHOLE):
        yield from (f"{whole}.{payload}.{signature}", f"{header}.{whole}.{signature}", f"{whole}.{whole}.{whole}")
    yield from (token[:cut] for cut in range(1, len(token), 3))
    for place in range(0, len(header) + len(payload), 2):
        if token[place] != ".":
            yield token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
    yield from ("", ".", "..", "...", "a.b.c", f"{token}.", f".{token}", f"{token}A.x", "null", "undefined")


def _claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def _signed(claims: Any, key: str, header: Any = None) -> str:
    signed = f"{_part(header or {'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_part(hmac.digest(key.encode(), signed.encode(), hashlib.sha256))}"


def test_forged_tokens_never_pass_and_always_get_our_401(owner: Person):
    forged = [*_signed_but_not_ours(owner), *_signed_otherwise(owner), *_mangled(owner.token)]
    assert len(forged) >= 500
    passed = []
    for token in forged:
        answer = owner.hub.http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
        is_ours = (
            answer.status_code == 401 and "WWW-Authenticate" in answer.headers and answer.json["status_code"] == 401
        )
        if not is_ours:
            passed.append((token, answer.status_code))
    assert passed == []
    assert me(owner.hub, owner.token) == 200


def test_forged_refresh_tokens_never_pass(owner: Person):
    secrets = owner.hub.runtime.settings.secrets
    claims = _claims(owner.tokens["refresh_token"])
    tokens = [owner.token, jwt.encode(claims, secrets.access_token_key), "x", "a.b.c", f"{_part(b'[' * 2_000)}.e30.e30"]
    tokens += [
        jwt.encode({**claims, name: "x"}, secrets.refresh_token_key) for name in ("sid", "sub", "jti", "typ", "iss")
    ]
    assert {refresh(owner, token).status_code for token in tokens} == {401}


def test_missing_credentials_are_told_how_to_log_in(hub: Hub):
    answer = hub.http.get("/api/v1/auth/me")
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
