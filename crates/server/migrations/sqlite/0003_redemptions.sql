-- Redemptions, the tills' journals, and what a person has to look at. Nothing here is ever deleted.

-- One row for each number that the server was asked about, whatever the answer.
CREATE TABLE redemptions (
    tenant      TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    number      TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('counted', 'refused', 'voided', 'undone')),
    entitlement TEXT    NOT NULL, -- empty for a number that was voided unseen
    takes       TEXT    NOT NULL, -- JSON
    at          INTEGER NOT NULL, -- by the till's clock
    received_at INTEGER NOT NULL, -- by the server's
    device      TEXT    NOT NULL,
    till        TEXT    NOT NULL, -- names as they were then
    store       TEXT    NOT NULL,
    store_name  TEXT    NOT NULL,
    clerk       TEXT    NOT NULL,
    request     TEXT    NOT NULL, -- of the online request; empty if a journal line brought it
    answer      TEXT    NOT NULL, -- the same for every repeat, byte for byte
    undo        TEXT    NOT NULL, -- the undo's number, or empty
    undone_at   INTEGER NOT NULL,
    undone_by   TEXT    NOT NULL,
    PRIMARY KEY (tenant, bucket, number)
) STRICT;
CREATE INDEX redemptions_of_entitlement ON redemptions (tenant, bucket, entitlement, state);
CREATE INDEX redemptions_by_time ON redemptions (tenant, received_at);

-- How far the server holds each journal.
CREATE TABLE journals (
    tenant    TEXT    NOT NULL,
    device    TEXT    NOT NULL,
    epoch     INTEGER NOT NULL,
    head      INTEGER NOT NULL,
    head_hash BLOB    NOT NULL,
    PRIMARY KEY (tenant, device, epoch),
    FOREIGN KEY (tenant, device) REFERENCES devices (tenant, device)
) STRICT;

-- The lines, as they came.
CREATE TABLE lines (
    tenant      TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    epoch       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    act         TEXT    NOT NULL, -- begun, decided, settled, undone; unreadable: kept as evidence
    bytes       BLOB    NOT NULL,
    received_at INTEGER NOT NULL,
    settlement  TEXT    NOT NULL, -- JSON, told again with every repeat; empty where a line has none
    PRIMARY KEY (tenant, device, epoch, seq),
    FOREIGN KEY (tenant, device, epoch) REFERENCES journals (tenant, device, epoch)
) STRICT;

-- What a line Begun said, for the line Decided that follows it.
CREATE TABLE begun (
    tenant      TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    number      TEXT    NOT NULL,
    entitlement TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    takes       TEXT    NOT NULL, -- JSON
    value       INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    clerk       TEXT    NOT NULL,
    PRIMARY KEY (tenant, device, number),
    FOREIGN KEY (tenant, device) REFERENCES devices (tenant, device)
) STRICT;

CREATE TABLE cases (
    tenant      TEXT    NOT NULL,
    case_id     TEXT    NOT NULL,
    kind        TEXT    NOT NULL, -- disputed, refused
    reason      TEXT    NOT NULL, -- a reason code
    opened_at   INTEGER NOT NULL,
    resolved_at INTEGER NOT NULL,
    note        TEXT    NOT NULL,
    number      TEXT    NOT NULL, -- of the redemption that does not count
    entitlement TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    value       INTEGER NOT NULL,
    takes       TEXT    NOT NULL, -- JSON
    at          INTEGER NOT NULL,
    device      TEXT    NOT NULL,
    till        TEXT    NOT NULL,
    store       TEXT    NOT NULL,
    store_name  TEXT    NOT NULL,
    clerk       TEXT    NOT NULL,
    winner      TEXT    NOT NULL, -- the use that counts, as JSON; empty if there is none
    PRIMARY KEY (tenant, case_id)
) STRICT;
CREATE INDEX cases_of_number ON cases (tenant, number);
