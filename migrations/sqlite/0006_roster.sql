CREATE TABLE roster_shift (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    shift TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE roster_duty (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    item INTEGER NOT NULL,
    person_id TEXT NOT NULL,
    pattern INTEGER NOT NULL,
    from_day INTEGER NOT NULL,
    until_day INTEGER,
    shift TEXT,
    PRIMARY KEY (log_id, pos, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX roster_duty_by_person ON roster_duty (log_id, person_id, from_day);
CREATE INDEX roster_duty_by_shift ON roster_duty (log_id, shift, person_id);
CREATE TABLE roster_calendar_year (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    year INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE roster_centre_day (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    shift TEXT NOT NULL,
    PRIMARY KEY (log_id, pos, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE roster_policy_proposal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    principal TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE TABLE roster_policy (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    proposal INTEGER NOT NULL,
    from_day INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos),
    UNIQUE (log_id, proposal)
) STRICT, WITHOUT ROWID;
CREATE TABLE roster_personal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    part INTEGER NOT NULL,
    salt BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, part)
) STRICT, WITHOUT ROWID;
