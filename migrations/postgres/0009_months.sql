CREATE TABLE month_lock (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    department TEXT COLLATE "C" NOT NULL,
    from_day BIGINT NOT NULL,
    until_day BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE month_confirmation (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    from_day BIGINT NOT NULL,
    until_day BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE INDEX month_confirmation_by_person ON month_confirmation (log_id, person_id, from_day);
CREATE TABLE month_pull (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    department TEXT COLLATE "C" NOT NULL,
    from_day BIGINT NOT NULL,
    until_day BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
