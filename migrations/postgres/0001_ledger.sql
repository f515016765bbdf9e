CREATE TABLE ledger_log (
    log_id BIGINT NOT NULL PRIMARY KEY,
    centre TEXT COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE ledger_epoch (
    log_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    base BIGINT NOT NULL,
    origin TEXT COLLATE "C" NOT NULL UNIQUE,
    PRIMARY KEY (log_id, epoch)
);
CREATE TABLE ledger_head (
    log_id BIGINT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    size BIGINT NOT NULL,
    edge BYTEA NOT NULL,
    root BYTEA NOT NULL,
    last_ms BIGINT NOT NULL,
    config_pos BIGINT NOT NULL,
    seal BYTEA NOT NULL
);
CREATE TABLE ledger_entry (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    leaf BYTEA NOT NULL,
    leaf_hash BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE ledger_part (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    part BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, part)
);
CREATE TABLE ledger_request (
    log_id BIGINT NOT NULL,
    request_id BYTEA NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    kind BIGINT NOT NULL,
    digest BYTEA,
    pos BIGINT NOT NULL,
    seal BYTEA NOT NULL,
    PRIMARY KEY (log_id, request_id)
);
CREATE TABLE ledger_tile (
    log_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    level BIGINT NOT NULL,
    n BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (log_id, epoch, level, n)
);
CREATE TABLE ledger_checkpoint (
    log_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    seal BYTEA NOT NULL,
    PRIMARY KEY (log_id, epoch, size)
);
CREATE TABLE ledger_signature (
    log_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    size BIGINT NOT NULL,
    key_id BYTEA NOT NULL,
    sig BYTEA NOT NULL,
    PRIMARY KEY (log_id, epoch, size, key_id)
);
CREATE TABLE ledger_cosig (
    log_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    size BIGINT NOT NULL,
    key_id BYTEA NOT NULL,
    cosigned_ms BIGINT NOT NULL,
    sig BYTEA NOT NULL,
    PRIMARY KEY (log_id, epoch, size, key_id, cosigned_ms)
);
