CREATE TABLE audit_disclosure (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    kind BIGINT NOT NULL,
    rpc TEXT COLLATE "C" NOT NULL,
    purpose BIGINT NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    session BYTEA NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX audit_disclosure_by_kind ON audit_disclosure (log_id, kind, pos);
CREATE TABLE audit_disclosure_end (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    disclosure BIGINT NOT NULL,
    closed BIGINT NOT NULL,
    given BIGINT NOT NULL,
    last_cursor TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos),
    UNIQUE (log_id, disclosure)
);
CREATE TABLE audit_erasure_request (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE audit_erasure_decision (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    erasure BIGINT,
    approved BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos),
    UNIQUE (log_id, erasure)
);
CREATE TABLE audit_erased (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    target BIGINT NOT NULL,
    part BIGINT NOT NULL,
    PRIMARY KEY (log_id, target, part)
);
CREATE INDEX audit_erased_by_pos ON audit_erased (log_id, pos);
CREATE TABLE audit_rules (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    rules BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE audit_personal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    part BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, part)
);
CREATE TABLE audit_removal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    gone_ms BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
