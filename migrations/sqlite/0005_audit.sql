CREATE TABLE audit_disclosure (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    principal TEXT NOT NULL,
    kind INTEGER NOT NULL,
    rpc TEXT NOT NULL,
    purpose INTEGER NOT NULL,
    scope TEXT NOT NULL,
    session BLOB NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_disclosure_by_kind ON audit_disclosure (log_id, kind, pos);
CREATE TABLE audit_disclosure_end (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    disclosure INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    given INTEGER NOT NULL,
    last_cursor TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (log_id, pos),
    UNIQUE (log_id, disclosure)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_erasure_request (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    principal TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_erasure_decision (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    erasure INTEGER,
    approved INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos),
    UNIQUE (log_id, erasure)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_erased (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    target INTEGER NOT NULL,
    part INTEGER NOT NULL,
    PRIMARY KEY (log_id, target, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_erased_by_pos ON audit_erased (log_id, pos);
CREATE TABLE audit_rules (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    rules INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_personal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    part INTEGER NOT NULL,
    salt BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_removal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    gone_ms INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
