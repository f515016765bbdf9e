CREATE TABLE inspection_case (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    window_code TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX inspection_case_by_person ON inspection_case (log_id, person_id, pos);
CREATE INDEX inspection_case_by_window ON inspection_case (log_id, window_code, pos);
CREATE TABLE inspection_event (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    inspection BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX inspection_event_by_inspection ON inspection_event (log_id, inspection, pos);
CREATE TABLE inspection_personal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    part BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, part)
);
