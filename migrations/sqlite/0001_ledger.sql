CREATE TABLE ledger_log (
    log_id INTEGER NOT NULL PRIMARY KEY,
    centre TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE ledger_epoch (
    log_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    base INTEGER NOT NULL,
    origin TEXT NOT NULL UNIQUE,
    PRIMARY KEY (log_id, epoch)
) STRICT;
CREATE TABLE ledger_head (
    log_id INTEGER NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL,
    size INTEGER NOT NULL,
    edge BLOB NOT NULL,
    root BLOB NOT NULL,
    last_ms INTEGER NOT NULL,
    config_pos INTEGER NOT NULL,
    seal BLOB NOT NULL
) STRICT;
CREATE TABLE ledger_entry (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    leaf BLOB NOT NULL,
    leaf_hash BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_part (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    part INTEGER NOT NULL,
    salt BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_request (
    log_id INTEGER NOT NULL,
    request_id BLOB NOT NULL,
    principal TEXT NOT NULL,
    kind INTEGER NOT NULL,
    digest BLOB,
    pos INTEGER NOT NULL,
    seal BLOB NOT NULL,
    PRIMARY KEY (log_id, request_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_tile (
    log_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    level INTEGER NOT NULL,
    n INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (log_id, epoch, level, n)
) STRICT;
CREATE TABLE ledger_checkpoint (
    log_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    seal BLOB NOT NULL,
    PRIMARY KEY (log_id, epoch, size)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_signature (
    log_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    size INTEGER NOT NULL,
    key_id BLOB NOT NULL,
    sig BLOB NOT NULL,
    PRIMARY KEY (log_id, epoch, size, key_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_cosig (
    log_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    size INTEGER NOT NULL,
    key_id BLOB NOT NULL,
    cosigned_ms INTEGER NOT NULL,
    sig BLOB NOT NULL,
    PRIMARY KEY (log_id, epoch, size, key_id, cosigned_ms)
) STRICT, WITHOUT ROWID;
