"""Passwords: what is refused, how a forgotten one is replaced, and the mail that this takes."""

import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from hub.accounts.mail import service as mail
from hub.accounts.mail.transport import Mailer
from hub.accounts.passwords.rules import problems
from hub.accounts.rules import DEFAULT_SETTINGS
from hub.contracts.errors import Misconfigured, Unavailable
from hub.settings import from_env
from tests.factories import PASSWORD, Hub, Person

NEW = "Better-battery-2"
POLICY = DEFAULT_SETTINGS["password_policy"]
LENIENT = {name: False for name in POLICY} | {"min_length": 8}

_GUESSED = (
    "Password1! P@ssw0rd pa55word Welcome2024! !!Qwerty123 passpasspass 12345678 aaaaaaaa 1qaz2wsx abcdefgh 87654321"
    " Summer2025# Overwatch1! Admin123$ zyxwvuts LetMeIn!!1 Iloveyou1! ababababab"
)


def reset(hub: Hub, email: str):
    return hub.http.post("/api/v1/auth/password/reset", json={"email": email})


def confirm(hub: Hub, token: str, password: str = NEW) -> int:
    body = {"token": token, "password": password}
    return hub.http.post("/api/v1/auth/password/reset/confirm", json=body).status_code


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("corréct-horse-1", "upper-case"),
        ("CORRECT-HORSE-1", "lower-case"),
        ("Correct-horse", "digit"),
        ("Correcthorse1", "special"),
        ("Co-1ab", "8 characters"),
    ],
)
def test_policy_names_what_a_password_lacks(password: str, missing: str):
    assert any(missing in problem for problem in problems(password, POLICY))


@pytest.mark.parametrize(
    "password",
    _GUESSED.split(),
)
def test_what_everybody_guesses_first_is_refused(password: str):
    assert problems(password, LENIENT)


@pytest.mark.parametrize(
    "password", [PASSWORD, NEW, "correct horse battery staple", "kX7#qpL2", "пароль-длинный-9", "𝔘niçøde!1"]
)
def test_other_passwords_will_do(password: str):
    assert problems(password, LENIENT) == []


def test_own_name_address_and_organization_are_no_password():
    about = ("jane.roe@example.org", "Jane Roe", "Initech GmbH")
    for password in ("Initech2025!", "Jane1234!", "JaneRoe#1", "initechgmbh99"):
        assert problems(password, LENIENT, about), password
        assert problems(password, LENIENT) == [], password


def test_registration_with_a_weak_password_is_refused_naming_the_field(hub: Hub):
    account = {"email": "weak@example.org", "password": "Password1!", "name": "N", "organization": "O"}
    answer = hub.http.post("/api/v1/auth/register", json=account)
    assert (answer.status_code, list(answer.json["details"])) == (422, ["password"])


def test_organization_sets_its_own_policy(owner: Person):
    owner.patch("/organizations/current", {"settings": {"password_policy": {"min_length": 20}}})
    body = {"current_password": PASSWORD, "new_password": NEW}
    owner.post("/auth/password/change", body, 422)
    owner.post("/auth/password/change", body | {"new_password": NEW * 2}, 204)


def test_change_needs_the_current_password(owner: Person):
    owner.post("/auth/password/change", {"current_password": NEW, "new_password": NEW}, 422)
    owner.post("/auth/password/change", {"current_password": PASSWORD, "new_password": NEW}, 204)
    assert owner.hub.log_in(owner.email, NEW).status_code == 200
    assert owner.hub.log_in(owner.email, PASSWORD).status_code == 401


def test_reset_answers_alike_whether_the_account_exists(owner: Person):
    known, unknown = reset(owner.hub, owner.email), reset(owner.hub, "nobody@example.org")
    assert (known.status_code, known.data) == (202, unknown.data)
    assert unknown.status_code == 202


def test_reset_does_the_same_work_whether_the_account_exists(owner: Person):
    """Exactly the same statements with the same number of rows: there is nothing left that could take longer."""
    seen: list[tuple[str, int]] = []
    engine = owner.hub.runtime.database.engine

    def note(_connection, cursor, statement, *_rest):
        seen.append((statement, cursor.rowcount))

    event.listen(engine, "after_cursor_execute", note)
    try:
        reset(owner.hub, owner.email)
        known, seen = seen, []
        reset(owner.hub, "somebody.else@example.org")
    finally:
        event.remove(engine, "after_cursor_execute", note)
    assert known == seen
    assert any("request_mail" in statement for statement, _ in seen)


def test_reset_mail_goes_to_accounts_only(hub: Hub):
    reset(hub, "nobody.at.all@example.org")
    hub.work("notify")
    assert not any(b"nobody.at.all" in path.read_bytes() for path in hub.runtime.mailer.outbox.glob("*.eml"))


def test_mailed_token_sets_a_password_once_and_ends_every_session(owner: Person):
    reset(owner.hub, owner.email)
    token = owner.hub.mailed_token(owner.email)
    assert confirm(owner.hub, token, "Password1!") == 422, "a refused password does not spend the token"
    assert confirm(owner.hub, token) == 204
    owner.get("/auth/me", 401)
    assert owner.hub.log_in(owner.email, NEW).status_code == 200
    assert confirm(owner.hub, token, PASSWORD) == 422


def test_reset_token_is_good_for_thirty_minutes(owner: Person):
    reset(owner.hub, owner.email)
    token = owner.hub.mailed_token(owner.email)
    owner.hub.later(minutes=31)
    assert confirm(owner.hub, token) == 422


def test_only_the_last_mail_counts(owner: Person):
    reset(owner.hub, owner.email)
    first = owner.hub.mailed_token(owner.email)
    reset(owner.hub, owner.email)
    second = owner.hub.mailed_token(owner.email)
    assert confirm(owner.hub, first) == 422
    assert confirm(owner.hub, second) == 204


def test_token_for_one_purpose_is_none_for_another(owner: Person):
    verification = owner.hub.mailed_token(owner.email)
    assert confirm(owner.hub, verification) == 422


def test_new_password_ends_the_lock(owner: Person):
    for number in range(5):
        owner.hub.log_in(owner.email, NEW, f"192.0.2.{number + 1}")
    reset(owner.hub, owner.email)
    assert confirm(owner.hub, owner.hub.mailed_token(owner.email)) == 204
    assert owner.hub.log_in(owner.email, NEW, "192.0.2.9").status_code == 200


def test_administrator_has_a_reset_mailed(owner: Person):
    colleague = owner.colleague()
    owner.post(f"/users/{colleague.tokens['user']['id']}/reset-password", status=202)
    assert confirm(owner.hub, owner.hub.mailed_token(colleague.email)) == 204


def test_tokens_are_stored_as_hashes(owner: Person):
    token = owner.hub.mailed_token(owner.email)
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        stored = str(session.connection().exec_driver_sql("SELECT * FROM mail_tokens").all())
    assert "verify" in stored
    assert token not in stored


# --- the transport ----------------------------------------------------------------------------------------------------


class SmtpServer:
    """Speaks just enough of RFC 5321 to take one mail; `refusal` answers the recipient instead of 250."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.received = b""
        self._answers = {b"RCPT": refusal} if refusal else {}
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "SmtpServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=5)
        self.listener.close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 ready\r\n")
            for line in lines:
                verb = line[:4].upper()
                connection.sendall(self._answers.get(verb, b"354 go on" if verb == b"DATA" else b"250 ok") + b"\r\n")
                if verb == b"DATA":
                    while (text := lines.readline()) != b".\r\n":
                        self.received += text
                    connection.sendall(b"250 taken\r\n")
                if verb == b"QUIT":
                    return


def test_mail_goes_to_the_smtp_server_that_the_operator_names(owner: Person):
    mailer = owner.hub.runtime.mailer
    owner.hub.work("notify")
    reset(owner.hub, owner.email)
    with SmtpServer() as server:
        while mail.work_off(owner.hub.runtime.database, replace(mailer, smtp_url=server.url), "https://hub/api/v1"):
            pass
    assert f"To: {owner.email}".encode() in server.received
    assert b"https://hub/api/v1/auth/password/reset/confirm" in server.received


def test_mail_that_the_server_refuses_is_tried_again_later(owner: Person):
    mailer = owner.hub.runtime.mailer
    owner.hub.work("notify")
    reset(owner.hub, owner.email)
    with SmtpServer(refusal=b"451 later") as server:
        assert mail.work_off(owner.hub.runtime.database, replace(mailer, smtp_url=server.url), "")
    assert not mail.work_off(owner.hub.runtime.database, mailer, ""), "not due yet"
    owner.hub.later(minutes=1)
    assert confirm(owner.hub, owner.hub.mailed_token(owner.email)) == 204


def test_mails_name_the_port_that_the_hub_listens_on_unless_it_has_a_public_address(tmp_path: Path):
    listening = {"OVERWATCH_PORT": "8177"}
    assert from_env(tmp_path, listening).api_address == "http://localhost:8177/api/v1"
    public = listening | {"OVERWATCH_PUBLIC_URL": "https://hub.example/"}
    assert from_env(tmp_path, public).api_address == "https://hub.example/api/v1"


def test_without_a_server_the_log_says_where_the_mail_is(owner: Person, caplog: pytest.LogCaptureFixture):
    owner.hub.work("notify")
    assert "OVERWATCH_SMTP_URL is not set" in caplog.text
    (path,) = {word for word in caplog.text.split() if word.endswith(".eml") and "outbox" in word}
    assert owner.hub.mailed_token(owner.email) not in caplog.text
    assert owner.email in Path(path).read_text()


def test_unreachable_server_and_senseless_url_have_names(owner: Person):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    mailer = owner.hub.runtime.mailer
    with pytest.raises(Unavailable):
        replace(mailer, smtp_url=f"smtp://127.0.0.1:{port}").send("a@example.org", "s", "t")
    with pytest.raises(Misconfigured):
        Mailer("http://example.org", mailer.sender, mailer.outbox)
