"""Executions: step by step, with approvals and outcomes; commands quoted so that no value becomes a command."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.procedures import quoting
from tests.colleagues import colleague
from tests.factories import Person

STEPS = [{"title": "Look", "command": "df -h {{ mount }}"}, {"title": "Clean"}]
HOSTILE = "a'; $(touch owned) `id` \"\n&& touch owned #"

# every place where a value can stand; each must hand the value on as it is, or at least run nothing of it
PLACES = (
    "printf %s {{ v }}",
    'printf %s "{{ v }}"',
    "printf %s '{{ v }}'",
    'printf %s "$(printf %s {{ v }})"',
    'printf %s "$( (printf %s "{{ v }}") )"',
    "printf %s `printf %s {{ v }}`",
    'printf %s "`printf %s {{ v }}`"',
    "cat <<EOF\n{{ v }}\nEOF",
    "true # {{ v }}",
    "printf %s $(( 1 + 1 )) {{ v }}",
    "printf %s ${HOME:-{{ v }}}",
    "printf %s ${{ v }}",
    "eval printf %s {{ v }}",
    "eval 'printf %s {{ v }}'",
    "bash -c 'printf %s \"{{ v }}\"'",
    "case x in x) printf %s {{ v }};; esac",
    "if [ {{ v }} = x ]; then true; fi",
)


def begin(person: Person, steps=STEPS, variables=None, incident: str | None = None, **fields) -> dict:
    procedure = person.post("/procedures", {"title": "Disk full", "steps": steps} | fields)
    body = {
        "variables": variables if variables is not None else {"mount": "/var"},
        "context": {"incident_id": incident},
    }
    return person.post(f"/procedures/{procedure['id']}/execute", body)


def told(person: Person, execution: dict, number: int, outcome: str = "done", status: int = 200) -> dict:
    return person.post(f"/executions/{execution['id']}/steps/{number}", {"outcome": outcome}, status=status)


def test_commands_are_shown_filled_in_and_quoted(owner: Person):
    assert begin(owner, variables={"mount": "/a b"})["steps"][0]["command"] == "df -h '/a b'"


def test_missing_variable_is_named(owner: Person):
    made = owner.post("/procedures", {"title": "Disk full", "steps": STEPS})
    answer = owner.call("POST", f"/procedures/{made['id']}/execute", json={})
    assert (answer.status_code, list(answer.json["details"])) == (422, ["variables.mount"])


def test_all_steps_done_is_success_and_counts(owner: Person):
    execution = begin(owner)
    told(owner, execution, 1)
    ended = told(owner, execution, 2)
    assert (ended["status"], ended["current_step"]) == ("succeeded", None)
    assert ended["duration_seconds"] is not None
    procedure = owner.get(f"/procedures/{execution['procedure_id']}")
    assert (procedure["execution_count"], procedure["success_rate"]) == (1, 1.0)


def test_failed_step_ends_it_and_counts(owner: Person):
    execution = begin(owner)
    assert told(owner, execution, 1, "failed")["status"] == "failed"
    assert owner.get(f"/procedures/{execution['procedure_id']}")["success_rate"] == 0.0


def test_steps_are_carried_out_in_their_order(owner: Person):
    execution = begin(owner)
    assert told(owner, execution, 2, status=409) is not None
    told(owner, execution, 9, status=404)


def test_approval_required_waits_for_somebody_who_may_approve(owner: Person):
    engineer = colleague(owner, "engineer", "Eve")
    execution = begin(engineer, kind="approval_required")
    assert execution["status"] == "awaiting_approval"
    told(engineer, execution, 1, status=409)
    engineer.post(f"/executions/{execution['id']}/approve", status=403)
    assert owner.post(f"/executions/{execution['id']}/approve", status=200)["status"] == "running"


def test_setting_without_approval_lets_it_run_at_once(owner: Person):
    owner.patch("/organizations/current", {"settings": {"require_approval_for_procedures": False}})
    assert begin(owner, kind="approval_required")["status"] == "running"


def test_step_that_needs_approval_holds_the_run(owner: Person):
    execution = begin(owner, steps=[{"title": "Look"}, {"title": "Drop it", "requires_approval": True}], variables={})
    assert told(owner, execution, 1)["status"] == "awaiting_approval"
    approved = owner.post(f"/executions/{execution['id']}/approve", status=200)
    assert (approved["status"], approved["steps"][1]["approved_by"]) == ("running", owner.tokens["user"]["id"])


def test_rejected_and_cancelled_runs_are_over(owner: Person):
    waiting, running = begin(owner, kind="approval_required"), begin(owner)
    assert owner.post(f"/executions/{waiting['id']}/reject", {"note": "no"}, status=200)["status"] == "cancelled"
    assert owner.post(f"/executions/{running['id']}/cancel", status=200)["status"] == "cancelled"
    owner.post(f"/executions/{running['id']}/cancel", status=409)


def test_execution_is_told_in_its_incidents_timeline(owner: Person):
    incident = owner.post("/incidents", {"title": "Disk is full"})
    execution = begin(owner, incident=incident["id"])
    told(owner, execution, 1)
    entries = [each for each in owner.get(f"/incidents/{incident['id']}/timeline") if each["kind"] == "execution"]
    assert [each["data"]["event"] for each in entries] == ["started", "step"]
    assert entries[0]["data"]["execution_id"] == execution["id"]
    assert "Procedure " in owner.get(f"/incidents/{incident['id']}/report")["markdown"]


def test_foreign_incident_is_refused(owner: Person):
    foreign = owner.hub.register().post("/incidents", {"title": "Theirs"})
    made = owner.post("/procedures", {"title": "x"})
    body = {"context": {"incident_id": foreign["id"]}}
    assert "context.incident_id" in owner.call("POST", f"/procedures/{made['id']}/execute", json=body).json["details"]


def test_drafts_are_not_executed(owner: Person):
    made = owner.post("/procedures", {"title": "x", "status": "draft"})
    owner.post(f"/procedures/{made['id']}/execute", status=409)


def test_execution_keeps_the_steps_it_began_with(owner: Person):
    execution = begin(owner)
    owner.patch(f"/procedures/{execution['procedure_id']}", {"steps": [{"title": "Other"}]})
    assert [step["title"] for step in owner.get(f"/executions/{execution['id']}")["steps"]] == ["Look", "Clean"]


def test_deleted_procedure_leaves_its_executions(owner: Person):
    execution = begin(owner)
    owner.delete(f"/procedures/{execution['procedure_id']}")
    assert owner.get(f"/executions/{execution['id']}")["procedure_id"] is None


@pytest.mark.parametrize("command", PLACES)
def test_no_value_becomes_a_command(command: str, tmp_path):
    shown = quoting.fill(command, {"v": HOSTILE})
    subprocess.run(["bash", "-c", shown], cwd=tmp_path, capture_output=True, timeout=10, check=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [*PLACES[:5], PLACES[8]])
def test_value_arrives_as_it_is(command: str):
    shown = quoting.fill(command, {"v": HOSTILE})
    done = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, timeout=10, check=True)
    assert done.stdout in {HOSTILE, ""}


@pytest.mark.parametrize("command", ["ssh db df {{ v }}", 'sh -c "df {{ v }}"', "eval {{ v }}"])
def test_what_a_second_shell_reads_takes_plain_words_only(command: str):
    assert quoting.fill(command, {"v": "/var"}) == command.replace("{{ v }}", "/var")
    assert quoting.fill(command, {"v": HOSTILE}) == command


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60))
def test_any_value_is_one_word_to_the_shell(value: str):
    assert shlex.split(quoting.fill("echo {{ v }}", {"v": value})) == ["echo", value]


def test_places_without_a_value_stay():
    assert quoting.fill("echo {{ a }} {{ b }}", {"a": "1"}) == "echo 1 {{ b }}"
