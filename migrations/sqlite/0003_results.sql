CREATE TABLE result_head (
    log_id INTEGER NOT NULL PRIMARY KEY,
    rules INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    next_pos INTEGER NOT NULL,
    deployment_pos INTEGER NOT NULL,
    after_key BLOB NOT NULL,
    last_ms INTEGER NOT NULL,
    due_ms INTEGER
) STRICT;
CREATE TABLE result_wait (
    log_id INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    room INTEGER NOT NULL,
    key BLOB NOT NULL,
    clock TEXT NOT NULL,
    threshold INTEGER NOT NULL,
    PRIMARY KEY (log_id, feed, room, key, clock, threshold)
) STRICT, WITHOUT ROWID;
CREATE INDEX result_wait_due ON result_wait (log_id, feed, clock, threshold, room, key);
CREATE TABLE result_revision (
    log_id INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    key BLOB NOT NULL,
    revision INTEGER NOT NULL,
    content BLOB,
    tombstone INTEGER NOT NULL,
    PRIMARY KEY (log_id, feed, room, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX result_revision_of ON result_revision (log_id, feed, room, key, revision);
