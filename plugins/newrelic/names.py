"""The names of fields in New Relic's forms, and in the templates that people write for them."""

# One thing under the names that the forms and the templates in use give it, compared without case and punctuation; each
# may be a text or a list of texts. `accumulations` is the object of a workflow's whole issue, with lists of all.
GROUPS = ("accumulations",)
STATE = ("state", "currentstate", "eventtype", "status")
IDENTITY = ("id", "issueid", "incidentid")
PAGES = {
    **dict.fromkeys(("issueurl", "issuepageurl"), "New Relic issue"),
    "incidenturl": "New Relic incident",
    "alerturl": "New Relic alert",
}
CONDITION = ("alertconditionnames", "conditionname", "conditionnames")
TITLE = ("title", "issuetitle", "conditionname", "alertconditionnames", "conditionnames", "message", "description")
TEXT = ("details", "conditiondescription", "longdescription", "description", "message")
ENTITIES = ("impactedentities", "entitynames", "entityname", "targetname", "applicationname")
WHEN = ("updatedat", "timestamp", "closedat", "acknowledgedat", "activatedat", "createdat")
CLOSED = ("closedat", "issueclosedat")
LABELS = {
    "policy": ("alertpolicynames", "policyname", "policynames", "alertpolicyname"),
    "condition": CONDITION,
    "workflow": ("workflowname",),
    "account": ("accountname", "accountid"),
    "entities": ENTITIES,
}
ANNOTATIONS = {"trigger": "trigger", "totalIncidents": "totalincidents", "isCorrelated": "iscorrelated"}
ANNOTATIONS |= {"owner": "owner"}
LINKS = PAGES | {"runbookurl": "Runbook", "policyurl": "Policy"}
