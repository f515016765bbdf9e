CREATE TABLE approval_request (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    about INTEGER NOT NULL,
    principal TEXT NOT NULL,
    recorded_ms INTEGER NOT NULL,
    awaits INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE approval_subject (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    item INTEGER NOT NULL,
    person_id TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_subject_by_person ON approval_subject (log_id, person_id, until_ms);
CREATE TABLE approval_event (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    request INTEGER NOT NULL,
    principal TEXT NOT NULL,
    recorded_ms INTEGER NOT NULL,
    settles INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_event_by_request ON approval_event (log_id, request, pos);
CREATE TABLE approval_delegation (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    person_id TEXT NOT NULL,
    to_person_id TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_delegation_by_person ON approval_delegation (log_id, to_person_id);
CREATE TABLE approval_personal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    part INTEGER NOT NULL,
    salt BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, part)
) STRICT, WITHOUT ROWID;
