CREATE TABLE device_journal (
    log_id BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    journal BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    request_id BYTEA NOT NULL,
    pos BIGINT NOT NULL,
    PRIMARY KEY (log_id, device, journal, seq)
);
CREATE UNIQUE INDEX device_journal_by_pos ON device_journal (log_id, pos);
CREATE TABLE device_contact (
    log_id BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    boot_id TEXT COLLATE "C" NOT NULL,
    journal BIGINT NOT NULL,
    first_mono_ms BIGINT NOT NULL,
    first_wall_ms BIGINT NOT NULL,
    first_server_ms BIGINT NOT NULL,
    mono_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    server_ms BIGINT NOT NULL,
    journal_head BIGINT NOT NULL,
    going_down BIGINT NOT NULL,
    reported BIGINT NOT NULL,
    PRIMARY KEY (log_id, device, boot_id)
);
CREATE TABLE attendance_punch (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    claimed_ms BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    journal BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    stray BIGINT NOT NULL,
    request_id BYTEA NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX attendance_punch_by_who ON attendance_punch (log_id, who, claimed_ms);
CREATE INDEX attendance_punch_stray ON attendance_punch (log_id, who) WHERE stray > 0;
CREATE INDEX attendance_punch_adrift ON attendance_punch (log_id, device, journal, seq) WHERE stray = 2;
CREATE TABLE attendance_coverage (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    recorded_ms BIGINT NOT NULL,
    boot_id TEXT COLLATE "C" NOT NULL,
    mono_ms BIGINT NOT NULL,
    wall_ms BIGINT NOT NULL,
    server_ms BIGINT NOT NULL,
    journal BIGINT NOT NULL,
    journal_head BIGINT NOT NULL,
    contiguous_through BIGINT NOT NULL,
    going_down BIGINT NOT NULL,
    silent BIGINT NOT NULL,
    last_contact_ms BIGINT NOT NULL,
    new_boot BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos, device)
);
CREATE UNIQUE INDEX attendance_coverage_by_device ON attendance_coverage (log_id, device, pos);
CREATE INDEX attendance_coverage_boots ON attendance_coverage (log_id, device, pos) WHERE new_boot = 1;
CREATE TABLE attendance_outage (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    ends BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX attendance_outage_by_device ON attendance_outage (log_id, device, pos);
CREATE TABLE attendance_import (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    file_digest BYTEA NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE attendance_personal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    part BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, part)
);
