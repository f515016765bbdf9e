CREATE TABLE result_head (
    log_id BIGINT NOT NULL PRIMARY KEY,
    rules BIGINT NOT NULL,
    feed BIGINT NOT NULL,
    next_pos BIGINT NOT NULL,
    deployment_pos BIGINT NOT NULL,
    after_key BYTEA NOT NULL,
    last_ms BIGINT NOT NULL,
    due_ms BIGINT
);
CREATE TABLE result_wait (
    log_id BIGINT NOT NULL,
    feed BIGINT NOT NULL,
    room BIGINT NOT NULL,
    key BYTEA NOT NULL,
    clock TEXT COLLATE "C" NOT NULL,
    threshold BIGINT NOT NULL,
    PRIMARY KEY (log_id, feed, room, key, clock, threshold)
);
CREATE INDEX result_wait_due ON result_wait (log_id, feed, clock, threshold, room, key);
CREATE TABLE result_revision (
    log_id BIGINT NOT NULL,
    feed BIGINT NOT NULL,
    room BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    key BYTEA NOT NULL,
    revision BIGINT NOT NULL,
    content BYTEA,
    tombstone BIGINT NOT NULL,
    PRIMARY KEY (log_id, feed, room, seq)
);
CREATE UNIQUE INDEX result_revision_of ON result_revision (log_id, feed, room, key, revision);
