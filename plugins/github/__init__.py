"""GitHub: security alerts of a repository, and workflows, jobs and checks that have come to a verdict."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from hub.contracts import (
    Config,
    Connector,
    Delivery,
    Event,
    Malformed,
    Payload,
    Severity,
    State,
    Unsupported,
    check_signature,
    hookimpl,
    severity_of,
)

FORK = "head_repository.full_name"  # where the branch is: a fork's `main` is another, and may not resolve ours
# Event: the object it is about, a field that tells it apart, its own key, and what else outlives a single run.
KINDS: Mapping[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    "code_scanning_alert": ("alert", "rule", ("number",), ()),
    "dependabot_alert": ("alert", "security_advisory", ("number",), ()),
    "secret_scanning_alert": ("alert", "secret_type", ("number",), ()),
    "repository_vulnerability_alert": ("alert", "affected_package_name", ("number",), ()),
    "workflow_run": ("workflow_run", "head_branch", ("workflow_id", "name"), ("head_branch", FORK)),
    "workflow_job": ("workflow_job", "run_id", ("name",), ("workflow_name", "head_branch")),
    "check_run": ("check_run", "name", ("name",), ("check_suite.head_branch",)),
}
STATES = {  # of alerts the `state`, else the `action`; of runs the `conclusion`
    **dict.fromkeys(("open", "created", "create", "reopened", "reopened_by_user", "appeared_in_branch"), State.FIRING),
    **dict.fromkeys(("auto_reopened", "reintroduced", "reopen", "publicly_leaked", "validated"), State.FIRING),
    **dict.fromkeys(("failure", "timed_out", "startup_failure"), State.FIRING),
    **dict.fromkeys(("fixed", "dismissed", "auto_dismissed", "resolved", "closed", "closed_by_user"), State.RESOLVED),
    **dict.fromkeys(("resolve", "dismiss", "revoked", "success"), State.RESOLVED),
}
NO_VERDICT = {"cancelled", "skipped", "neutral", "stale", "action_required"}  # neither broken nor repaired

# Fields of the object; no two kinds use one for different things.
RULE = ("rule.description", "rule.name", "rule.id")
TITLE = (*RULE, "security_advisory.summary", "secret_type_display_name", "secret_type", "external_identifier", "name")
MESSAGE = ("most_recent_instance.message.text", "rule.full_description")
TEXT = (*MESSAGE, "security_advisory.description", "affected_package_name", "display_title", "output.title")
SEVERITY = ("rule.security_severity_level", "rule.severity", "security_advisory.severity", "severity")
BRANCH = ("head_branch", "check_suite.head_branch")
RESOURCE = ("most_recent_instance.location.path", "dependency.manifest_path", *BRANCH)
LABELS = {"tool": "tool.name", "rule": "rule.id", "secret_type": "secret_type", "commit": "head_sha"}
LABELS |= {"package": "dependency.package.name", "advisory": "security_advisory.ghsa_id", "workflow": "workflow_name"}
LINKS = {"html_url": "GitHub", "details_url": "Details", "external_reference": "Advisory"}
ENDED_AT = ("completed_at", "fixed_at", "dismissed_at", "auto_dismissed_at", "resolved_at", "updated_at")


class GitHub(Connector):
    """The id of a run is new each time: a later success of the same workflow on the same branch resolves a failure."""

    name = "github"
    title = "GitHub"
    signing_secret = "secret"  # noqa: S105  # the name of the setting
    config_schema: ClassVar = {
        "type": "object",
        "properties": {
            "secret": {
                "type": "string",
                "format": "secret",
                "title": "Secret",
                "description": "The secret of the webhook in GitHub; empty if it has none.",
            }
        },
        "additionalProperties": False,
    }
    setup_guide = """In the repository or organization open Settings > Webhooks > Add webhook and set this payload URL:

{webhook_url}

Content type application/json, the same secret there and here. Choose "Let me select individual events" and tick
code scanning, Dependabot and secret scanning alerts, and workflow runs.
"""
    sample_body = """{"action": "completed", "repository": {"full_name": "shop/cart", "name": "cart"},
 "workflow": {"id": 7, "name": "Deploy"}, "workflow_run": {"id": 99, "workflow_id": 7, "name": "Deploy",
   "head_branch": "main", "status": "completed", "conclusion": "failure", "updated_at": "2026-01-02T03:00:00Z",
   "display_title": "Raise the limit", "html_url": "https://github.com/shop/cart/actions/runs/99"}}"""

    def verify(self, delivery: Delivery, config: Config) -> None:
        given = delivery.headers.get("x-hub-signature-256", "")
        check_signature(given, delivery.body, config["secret"], prefix="sha256=")

    def delivery_key(self, delivery: Delivery) -> str | None:
        return delivery.headers.get("x-github-delivery") or None

    def normalise(self, delivery: Delivery, config: Config) -> list[Event]:
        body = delivery.payload()
        whole = body.get("payload").embedded() if body.has("payload") else body  # a form has all of it in one field
        return [to_event(each, delivery.headers.get("x-github-event", "")) for each in whole.members()]


def to_event(body: Payload, event_name: str) -> Event:
    """One webhook. The body tells its kind; the header only that one without a kind is GitHub's all the same."""
    kind = next((name for name, (of, field, *_) in KINDS.items() if body.get(of).has(field)), "")
    if not kind and event_name:
        raise Unsupported("other_event")
    if not kind:
        raise Malformed(f"{body.path}.alert", "is missing, as are workflow_run, workflow_job and check_run")
    of, _, first, rest = KINDS[kind]
    thing, repository = body.get(of), body.get("repository")
    word, severity, branch = _word(body, thing), thing.text(*SEVERITY), thing.text(*BRANCH)
    home = repository.required_text("full_name")
    key, others = f"{home}#{kind}", (thing.text(field) for field in rest if (field, thing.text(field)) != (FORK, home))
    name = thing.text(*TITLE) or body.text("workflow.name") or thing.required_text("id")
    labels = {label: text for label, field in LABELS.items() if (text := thing.text(field))}
    return Event(
        title=f"{name} ({branch})" if branch else name,
        description=thing.text(*TEXT),
        state=STATES[word],
        severity=Severity.LOW if severity == "note" else severity_of(severity),
        raw_severity=severity,
        dedup_key="/".join((key, thing.required_text(*first), *(text for text in others if text))),
        service=repository.text("name"),
        resource=thing.text(*RESOURCE),
        labels=labels | {"repository": home} | ({"branch": branch} if branch else {}),
        links=(*thing.links(LINKS), *repository.links({"html_url": "Repository"})),
        occurred_at=_when(body, thing, STATES[word]),
        raw_kind=kind,
    )


def _word(body: Payload, thing: Payload) -> str:
    """A key of STATES."""
    is_alert = thing.path.endswith(".alert")
    word = thing.text("state") or body.text("action") if is_alert else thing.text("conclusion")
    if not is_alert and word in {"", *NO_VERDICT}:
        raise Unsupported("no_verdict" if word else "not_completed")
    if word not in STATES:
        raise Malformed(f"{thing.path}.{'state' if is_alert else 'conclusion'}", f"{word[:40]!r} is not known")
    return word


def _when(body: Payload, thing: Payload, state: State) -> datetime | None:
    """When the state began. `created_at` is that of the first time: one that is reopened has begun anew."""
    if state is State.RESOLVED or not thing.path.endswith(".alert"):
        return thing.time(*ENDED_AT)
    return thing.time("updated_at", *(("created_at",) if body.text("action") in {"created", "create"} else ()))


@hookimpl
def overwatch_connectors() -> list[Connector]:
    """Called when the plugin loads."""
    return [GitHub()]
