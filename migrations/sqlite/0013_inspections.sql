CREATE TABLE inspection_case (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    window_code TEXT NOT NULL,
    person_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    principal TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX inspection_case_by_person ON inspection_case (log_id, person_id, pos);
CREATE INDEX inspection_case_by_window ON inspection_case (log_id, window_code, pos);
CREATE TABLE inspection_event (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    inspection INTEGER NOT NULL,
    recorded_ms INTEGER NOT NULL,
    principal TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX inspection_event_by_inspection ON inspection_event (log_id, inspection, pos);
CREATE TABLE inspection_personal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    part INTEGER NOT NULL,
    salt BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, part)
) STRICT, WITHOUT ROWID;
