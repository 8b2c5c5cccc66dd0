-- Back to an empty database; what its administrator has prepared stays.
DROP TABLE heartbeats, chunks, documents, jobs, timeline, episodes, events, alerts, incidents, deliveries, integrations,
    sessions, users, organizations;
DROP FUNCTION forget_when_deleted(regclass, regclass, text), forget_reference(), raise_tenant_wall(regclass, text),
    current_organization(), overwatch_now();
