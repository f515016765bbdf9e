CREATE TABLE duty_event (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    item BIGINT NOT NULL,
    window_code TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    pauses BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, item)
);
CREATE INDEX duty_event_by_time ON duty_event (log_id, at_ms);
CREATE INDEX duty_event_by_window ON duty_event (log_id, window_code, at_ms);
CREATE INDEX duty_event_by_person ON duty_event (log_id, person_id, pos);
CREATE INDEX duty_event_by_actor ON duty_event (log_id, actor_id, pos);
CREATE TABLE duty_personal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    part BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, part)
);
