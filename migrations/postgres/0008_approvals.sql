CREATE TABLE approval_request (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    about BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    recorded_ms BIGINT NOT NULL,
    awaits BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE approval_subject (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    item BIGINT NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos, item)
);
CREATE INDEX approval_subject_by_person ON approval_subject (log_id, person_id, until_ms);
CREATE TABLE approval_event (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    request BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    recorded_ms BIGINT NOT NULL,
    settles BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX approval_event_by_request ON approval_event (log_id, request, pos);
CREATE TABLE approval_delegation (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    to_person_id TEXT COLLATE "C" NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX approval_delegation_by_person ON approval_delegation (log_id, to_person_id);
CREATE TABLE approval_personal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    part BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, part)
);
