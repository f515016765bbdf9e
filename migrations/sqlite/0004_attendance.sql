CREATE TABLE device_journal (
    log_id INTEGER NOT NULL,
    device TEXT NOT NULL,
    journal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    request_id BLOB NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (log_id, device, journal, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX device_journal_by_pos ON device_journal (log_id, pos);
CREATE TABLE device_contact (
    log_id INTEGER NOT NULL,
    device TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    journal INTEGER NOT NULL,
    first_mono_ms INTEGER NOT NULL,
    first_wall_ms INTEGER NOT NULL,
    first_server_ms INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    server_ms INTEGER NOT NULL,
    journal_head INTEGER NOT NULL,
    going_down INTEGER NOT NULL,
    reported INTEGER NOT NULL,
    PRIMARY KEY (log_id, device, boot_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE attendance_punch (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    who TEXT NOT NULL,
    claimed_ms INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    device TEXT NOT NULL,
    journal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    stray INTEGER NOT NULL,
    request_id BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX attendance_punch_by_who ON attendance_punch (log_id, who, claimed_ms);
CREATE INDEX attendance_punch_stray ON attendance_punch (log_id, who) WHERE stray > 0;
CREATE INDEX attendance_punch_adrift ON attendance_punch (log_id, device, journal, seq) WHERE stray = 2;
CREATE TABLE attendance_coverage (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    device TEXT NOT NULL,
    recorded_ms INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    mono_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    server_ms INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    journal_head INTEGER NOT NULL,
    contiguous_through INTEGER NOT NULL,
    going_down INTEGER NOT NULL,
    silent INTEGER NOT NULL,
    last_contact_ms INTEGER NOT NULL,
    new_boot INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos, device)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attendance_coverage_by_device ON attendance_coverage (log_id, device, pos);
CREATE INDEX attendance_coverage_boots ON attendance_coverage (log_id, device, pos) WHERE new_boot = 1;
CREATE TABLE attendance_outage (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    device TEXT NOT NULL,
    ends INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX attendance_outage_by_device ON attendance_outage (log_id, device, pos);
CREATE TABLE attendance_import (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    device TEXT NOT NULL,
    file_digest BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE attendance_personal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    part INTEGER NOT NULL,
    salt BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, part)
) STRICT, WITHOUT ROWID;
