DROP TABLE suggestions, verdicts, confirmations, vocabularies, executions, procedure_versions;
DROP TRIGGER forget_procedure ON procedures;
DROP FUNCTION forget_procedure();
DROP TABLE procedures;
DROP INDEX documents_words, documents_indexed, documents_created, documents_names;
