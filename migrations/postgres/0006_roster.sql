CREATE TABLE roster_shift (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    shift TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE roster_duty (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    item BIGINT NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    pattern BIGINT NOT NULL,
    from_day BIGINT NOT NULL,
    until_day BIGINT,
    shift TEXT COLLATE "C",
    PRIMARY KEY (log_id, pos, item)
);
CREATE INDEX roster_duty_by_person ON roster_duty (log_id, person_id, from_day);
CREATE INDEX roster_duty_by_shift ON roster_duty (log_id, shift, person_id);
CREATE TABLE roster_calendar_year (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    year BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE roster_centre_day (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    day BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    shift TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (log_id, pos, day)
);
CREATE TABLE roster_policy_proposal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos)
);
CREATE TABLE roster_policy (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    proposal BIGINT NOT NULL,
    from_day BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos),
    UNIQUE (log_id, proposal)
);
CREATE TABLE roster_personal (
    log_id BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    part BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (log_id, pos, part)
);
