"""Routes of /rules."""

from typing import Any

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public
from hub.incidents.grouping import backtest, service
from hub.incidents.grouping.backtest import Report
from hub.incidents.grouping.models import CorrelationRule
from hub.incidents.grouping.schemas import BacktestSchema, RuleInput, RulePatch, RuleQuery, RuleSchema

blp = JsonBlueprint("rules", __name__, url_prefix="/api/v1/rules", description="Correlation rules")


@blp.route("", methods=["GET"])
@access.requires("rules:read")
@blp.arguments(RuleQuery, location="query")
@blp.page(RuleSchema)
def list_rules(query: dict[str, Any]) -> Page:
    """List correlation rules, in the order in which they are tried"""
    return service.find(access.current_session(), query)


@blp.route("", methods=["POST"])
@access.requires("rules:create")
@blp.arguments(RuleInput)
@blp.one(RuleSchema, status=201)
def create_rule(wanted: dict[str, Any]) -> CorrelationRule:
    """Create a correlation rule"""
    session = access.current_session()
    rule = service.create(session, **wanted)
    session.commit()
    return rule


@blp.route("/<rule_id>", methods=["GET"])
@access.requires("rules:read")
@blp.one(RuleSchema)
def get_rule(rule_id: str) -> CorrelationRule:
    """Read one correlation rule"""
    return service.get(access.current_session(), from_public("rule", rule_id))


@blp.route("/<rule_id>", methods=["PATCH"])
@access.requires("rules:update")
@blp.arguments(RulePatch)
@blp.one(RuleSchema)
def change_rule(fields: dict[str, Any], rule_id: str) -> CorrelationRule:
    """Change a correlation rule; its version is counted"""
    session = access.current_session()
    rule = service.change(session, from_public("rule", rule_id), fields)
    session.commit()
    return rule


@blp.route("/<rule_id>", methods=["DELETE"])
@access.requires("rules:delete")
@blp.response(204)
def delete_rule(rule_id: str) -> None:
    """Delete a correlation rule; what it decided stays"""
    session = access.current_session()
    service.delete(session, from_public("rule", rule_id))
    session.commit()


@blp.route("/<rule_id>/backtest", methods=["POST"])
@access.requires("rules:update")
@blp.one(BacktestSchema)
def backtest_rule(rule_id: str) -> Report:
    """Say what the rule would have done to the last events; nothing is changed, and the rule may be switched off"""
    return backtest.run(access.current_session(), from_public("rule", rule_id))
