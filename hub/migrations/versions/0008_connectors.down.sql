DROP INDEX integrations_token;
DROP TABLE polls;
DROP TRIGGER dispatch_changed ON incidents;
DROP TRIGGER dispatch_opened ON incidents;
DROP FUNCTION dispatch_change();
DROP TABLE dispatches;
ALTER TABLE integrations DROP COLUMN filters, DROP COLUMN notify_disabled_at, DROP COLUMN notify_problem;
DROP TABLE breakers;
