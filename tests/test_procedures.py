"""Procedures through the API: writing, publishing, versions, permissions."""

from tests.colleagues import colleague, listed
from tests.factories import Person

RUNBOOK = """# DiskFull

The disk of a database is full.

## Look

Find what fills it.

```bash
$ df -h {{ mount }}
```

## Free space

```yaml
not: a command
```

Remove old logs.
"""


def write(person: Person, **fields) -> dict:
    return person.post("/procedures", {"title": "Disk full", "content": RUNBOOK} | fields)


def test_headings_become_steps_and_code_becomes_commands(owner: Person):
    made = write(owner)
    steps = {step["title"]: step for step in made["steps"]}
    assert list(steps) == ["DiskFull", "Look", "Free space"]
    assert steps["Look"]["command"] == "df -h {{ mount }}"
    assert steps["Free space"]["command"] is None
    assert "not: a command" in steps["Free space"]["instructions"]


def test_variables_that_commands_use_are_declared_by_themselves(owner: Person):
    assert [(each["name"], each["required"]) for each in write(owner)["variables"]] == [("mount", True)]


def test_given_steps_stay_when_the_content_changes(owner: Person):
    made = write(owner, steps=[{"title": "Only this", "command": "uptime"}])
    changed = owner.patch(f"/procedures/{made['id']}", {"content": "# Other\n\n## A\n\ntext"})
    assert [step["title"] for step in changed["steps"]] == ["Only this"]


def test_derived_steps_follow_the_content(owner: Person):
    made = write(owner)
    changed = owner.patch(f"/procedures/{made['id']}", {"content": "## A\n\ntext"})
    assert [step["title"] for step in changed["steps"]] == ["A"]


def test_versions_tell_what_they_changed(owner: Person):
    made = write(owner)
    owner.patch(f"/procedures/{made['id']}", {"description": "New words"})
    newest, first = owner.get(f"/procedures/{made['id']}/versions")
    assert (newest["version"], first["version"]) == (2, 1)
    assert "+New words" in newest["changes"]["description"]
    assert first["changes"] == {}


def test_publishing_is_no_new_version(owner: Person):
    made = write(owner, status="draft")
    published = owner.patch(f"/procedures/{made['id']}", {"status": "published"})
    assert (published["version"], published["published_at"] is None) == (1, False)


def test_archived_procedure_becomes_a_draft_again(owner: Person):
    made = write(owner, status="archived")
    assert owner.patch(f"/procedures/{made['id']}", {"status": "draft"})["archived_at"] is None


def test_engineers_change_their_own_and_nobody_elses(owner: Person):
    engineer = colleague(owner, "engineer", "Eve")
    theirs, own = write(owner), write(engineer)
    engineer.patch(f"/procedures/{theirs['id']}", {"title": "Mine now"}, status=403)
    assert engineer.patch(f"/procedures/{own['id']}", {"title": "Better"})["title"] == "Better"


def test_viewers_read_and_write_nothing(owner: Person):
    viewer = colleague(owner, "viewer", "Vera")
    made = write(owner)
    assert viewer.get(f"/procedures/{made['id']}")["title"] == "Disk full"
    viewer.post("/procedures", {"title": "x"}, status=403)


def test_filters_find_by_service_and_tag(owner: Person):
    write(owner, services=["db"], tags=["disk"])
    write(owner, title="Other")
    assert [each["title"] for each in listed(owner, "/procedures", "service=db&tag=disk")] == ["Disk full"]


def test_variable_declared_twice_is_refused(owner: Person):
    twice = [{"name": "a"}, {"name": "a"}]
    assert "variables" in owner.call("POST", "/procedures", json={"title": "x", "variables": twice}).json["details"]


def test_deleted_procedure_is_gone(owner: Person):
    made = write(owner)
    owner.delete(f"/procedures/{made['id']}")
    owner.get(f"/procedures/{made['id']}", status=404)
