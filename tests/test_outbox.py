"""Jobs in a worker's hands: nobody else's while it lives, anybody's at once when it has died."""

from sqlalchemy import Connection, text

from tests.factories import Person

_CLAIM = text("SELECT id FROM claim_jobs('index', '{incident}', gen_random_uuid(), 9, 120, true)")


def claim(connection: Connection) -> int:
    return len(connection.execute(_CLAIM).all())


def test_jobs_of_a_worker_that_died_are_anybodys_at_once(owner: Person):
    owner.hub.work("index")
    owner.post("/incidents", {"title": "Disk full"})
    database = owner.hub.runtime.database
    with database.statement() as dying, database.statement() as other:
        claimed = claim(dying)
        assert (claimed > 0, claim(other)) == (True, 0)
        dying.invalidate()
        assert claim(other) == claimed
        other.exec_driver_sql("SELECT pg_advisory_unlock_all()")
