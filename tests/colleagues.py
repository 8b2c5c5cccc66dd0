"""Further people of an organization, without the way through invitations and mails; and lists with any filter."""

import itertools
from typing import Any

from hub.accounts.models import User
from hub.accounts.passwords import hashing
from tests.factories import PASSWORD, Person

_numbers = itertools.count(1)


def colleague(owner: Person, role: str, name: str) -> "Colleague":
    """Somebody with this role in the owner's organization, logged in."""
    email = f"colleague{next(_numbers)}@example.org"
    with owner.hub.runtime.database.transaction(owner.organization_id) as session:
        session.add(
            User(
                organization_id=owner.organization_id,
                email=email,
                name=name,
                role=role,
                password_hash=hashing.hash_password(PASSWORD),
            )
        )
    answer = owner.hub.http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    return Colleague(owner.hub, answer.json["access_token"], email, answer.json)


class Colleague(Person):
    """A person whose public id tests name."""

    @property
    def public_id(self) -> str:
        return str(self.tokens["user"]["id"])


def listed(person: Person, path: str, query: str, status: int = 200) -> Any:
    """What a list answers to a whole query string, which may filter by `status` too."""
    answer = person.call("GET", path, query_string=query)
    assert answer.status_code == status, answer.text
    return answer.json.get("data")
