CREATE TABLE directory_record (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    noun BIGINT NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, noun, code)
);
CREATE TABLE directory_binding (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    credential TEXT COLLATE "C" NOT NULL,
    from_day BIGINT NOT NULL,
    until_day BIGINT,
    retired BIGINT NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX directory_binding_by_person ON directory_binding (log_id, person_id, pos);
CREATE INDEX directory_binding_by_credential ON directory_binding (log_id, credential, pos);
CREATE TABLE directory_personal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    part BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, part)
);
