CREATE TABLE duty_event (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    item INTEGER NOT NULL,
    window_code TEXT NOT NULL,
    person_id TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    pauses INTEGER NOT NULL,
    principal TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX duty_event_by_time ON duty_event (log_id, at_ms);
CREATE INDEX duty_event_by_window ON duty_event (log_id, window_code, at_ms);
CREATE INDEX duty_event_by_person ON duty_event (log_id, person_id, pos);
CREATE INDEX duty_event_by_actor ON duty_event (log_id, actor_id, pos);
CREATE TABLE duty_personal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    part INTEGER NOT NULL,
    salt BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, part)
) STRICT, WITHOUT ROWID;
