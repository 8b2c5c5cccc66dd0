DROP TRIGGER "0_procedures_author_id" ON users;
DROP TRIGGER "0_procedure_versions_author_id" ON users;
DROP TRIGGER "0_executions_started_by" ON users;
DROP TRIGGER "0_executions_procedure_id" ON procedures;
DROP TRIGGER "0_executions_incident_id" ON incidents;
DROP TABLE suggestions, verdicts, confirmations, vocabularies, executions, procedure_versions;
DROP TRIGGER forget_procedure ON procedures;
DROP FUNCTION forget_procedure();
DROP TABLE procedures;
DROP INDEX documents_words, documents_indexed, documents_created, documents_tags, documents_services,
    documents_names;
