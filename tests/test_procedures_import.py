"""Import of runbooks: files, forms, zips, folders; idempotent by path; bombs, escapes and broken files refused."""

import io
import zipfile
from pathlib import Path

import pytest

from hub.contracts.errors import Invalid
from hub.procedures import archives, folders, markdown
from tests.colleagues import colleague
from tests.factories import Person

TEXT = b"# Disk full\n\nFind it.\n\n## Look\n\n```\n$ df -h\n```\n"


def zipped(*files: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def send(person: Person, body: bytes, path: str = "", content_type: str = "application/octet-stream"):
    query = {"path": path} if path else {}
    return person.call("POST", "/procedures/import", data=body, content_type=content_type, query_string=query)


def outcomes(answer) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    return [(each["path"], each["outcome"]) for each in answer.json["data"]]


def test_markdown_file_becomes_a_published_procedure(owner: Person):
    (done,) = send(owner, TEXT, "db/disk.md", "text/markdown").json["data"]
    made = owner.get(f"/procedures/{done['procedure_id']}")
    assert (made["title"], made["description"], made["status"]) == ("Disk full", "Find it.", "published")
    assert made["steps"][1]["command"] == "df -h"


def test_the_same_path_again_changes_the_same_procedure(owner: Person):
    first = send(owner, TEXT, "disk.md").json["data"][0]
    assert outcomes(send(owner, TEXT, "disk.md")) == [("disk.md", "unchanged")]
    again = send(owner, TEXT + b"\nMore.\n", "disk.md").json["data"][0]
    assert (again["outcome"], again["procedure_id"]) == ("updated", first["procedure_id"])
    assert owner.get(f"/procedures/{first['procedure_id']}")["version"] == 2


def test_zip_holds_many_and_only_runbooks_count(owner: Person):
    body = zipped(("a/one.md", TEXT), ("two.markdown", TEXT), ("logo.png", b"\x89PNG"), ("__MACOSX/one.md", b"x"))
    assert outcomes(send(owner, body)) == [("a/one.md", "created"), ("two.markdown", "created")]


def test_form_with_a_file_is_read(owner: Person):
    answer = owner.call("POST", "/procedures/import", data={"file": (io.BytesIO(TEXT), "disk.md")})
    assert outcomes(answer) == [("disk.md", "created")]


def test_json_may_say_the_title(owner: Person):
    answer = owner.call(
        "POST", "/procedures/import", json={"files": [{"path": "a.md", "title": "Mine", "content": "text"}]}
    )
    made = owner.get(f"/procedures/{answer.json['data'][0]['procedure_id']}")
    assert made["title"] == "Mine"


def test_one_bad_file_keeps_no_other_back(owner: Person):
    bad = [
        ("latin.md", "Größe".encode("latin-1")),
        ("empty.md", b" \n"),
        ("zero.md", b"a\0b"),
        ("big.md", b"a" * 600_000),
    ]
    body = zipped(*bad, ("good.md", TEXT))
    assert dict(outcomes(send(owner, body))) == {name: "refused" for name, _ in bad} | {"good.md": "created"}


@pytest.mark.parametrize("name", ["../up.md", "/etc/passwd.md", "a/../../b.md", "C:\\x.md", "..\\x.md"])
def test_paths_out_of_the_archive_are_refused(owner: Person, name: str):
    assert send(owner, zipped(("ok.md", TEXT), (name, TEXT))).status_code == 422
    assert owner.get("/procedures") == []


def test_link_in_a_zip_is_refused(owner: Person):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("link.md")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert send(owner, packed.getvalue()).status_code == 422


def test_zip_bomb_is_refused_before_it_is_unpacked(owner: Person):
    body = zipped(*((f"{number}.md", b"\0" * 3_000_000) for number in range(40)))
    assert len(body) < archives.LARGEST_FILE_BYTES
    assert send(owner, body).status_code == 413
    assert owner.get("/procedures") == []


def test_bomb_of_many_files_is_too_large():
    body = zipped(*((f"{number}.md", b" " * 1_900_000) for number in range(30)))
    with pytest.raises(archives.TooLarge):
        archives.unzipped(body)


@pytest.mark.parametrize("body", [b"PK\x03\x04 broken", zipped(("a.md", TEXT))[:60]], ids=["nonsense", "cut off"])
def test_broken_zip_is_refused(body: bytes):
    with pytest.raises(Invalid):
        archives.unzipped(body)


def test_body_over_five_megabytes_is_refused(owner: Person):
    assert send(owner, b"a" * 5_000_001, "big.md").status_code == 413


def test_engineers_import_does_not_change_somebody_elses(owner: Person):
    send(owner, TEXT, "disk.md")
    engineer = colleague(owner, "engineer", "Eve")
    assert outcomes(send(engineer, b"# Other", "disk.md")) == [("disk.md", "refused")]


def test_front_matter_says_what_the_text_does_not():
    text = "---\ntitle: Disk\ntags: [db, 'disk']\nseverity: high\n---\n# Heading\n\nBody"
    runbook = markdown.read(text)
    assert (runbook.title, runbook.front["tags"], runbook.content) == ("Disk", ["db", "disk"], "# Heading\n\nBody")


@pytest.mark.parametrize("text", ["", "#", "```", "# A\n```\n# not a heading", "---\n", "~~~\n```\n~~~", "\r\n#\r\n"])
def test_any_markdown_has_a_title_and_a_step(text: str):
    runbook = markdown.read(text, "some-file.md")
    assert runbook.title and runbook.steps


def test_folder_is_walked_without_hidden_files_and_links_that_lead_out(tmp_path: Path):
    home = tmp_path / "books"
    for name in ("b/x.md", "a.md", ".git/c.md", "notes.doc"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(TEXT)
    (tmp_path / "outside.md").write_bytes(TEXT)
    (home / "link.md").symlink_to(tmp_path / "outside.md")
    assert [each.relative_to(home).as_posix() for each in folders.runbooks(home)] == ["a.md", "b/x.md"]
