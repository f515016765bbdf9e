CREATE TABLE directory_record (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    noun INTEGER NOT NULL,
    code TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, noun, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE directory_binding (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    person_id TEXT NOT NULL,
    credential TEXT NOT NULL,
    from_day INTEGER NOT NULL,
    until_day INTEGER,
    retired INTEGER NOT NULL,
    PRIMARY KEY (log_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_binding_by_person ON directory_binding (log_id, person_id, pos);
CREATE INDEX directory_binding_by_credential ON directory_binding (log_id, credential, pos);
CREATE TABLE directory_personal (
    log_id INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    part INTEGER NOT NULL,
    salt BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (log_id, pos, part)
) STRICT, WITHOUT ROWID;
