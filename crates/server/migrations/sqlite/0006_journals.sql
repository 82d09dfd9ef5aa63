-- A till whose journal is not the one that is held here, and how it comes back.

ALTER TABLE devices ADD COLUMN quarantined_at INTEGER NOT NULL DEFAULT 0; -- 0: it is not

-- Lines of a till under numbers that other lines of it have: signed by the same key, kept beside the journal as they
-- came. They have happened too, and take effect like any others.
CREATE TABLE branches (
    tenant      TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    epoch       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    hash        BLOB    NOT NULL,
    act         TEXT    NOT NULL,
    bytes       BLOB    NOT NULL,
    received_at INTEGER NOT NULL,
    settlement  TEXT    NOT NULL, -- JSON, told again with every repeat; empty where a line has none
    PRIMARY KEY (tenant, device, epoch, seq, hash),
    FOREIGN KEY (tenant, device) REFERENCES devices (tenant, device)
) STRICT;

-- Who was let in again, with what epoch, and why.
CREATE TABLE readmissions (
    tenant TEXT    NOT NULL,
    device TEXT    NOT NULL,
    epoch  INTEGER NOT NULL, -- the one that was granted
    at     INTEGER NOT NULL,
    note   TEXT    NOT NULL,
    PRIMARY KEY (tenant, device, epoch),
    FOREIGN KEY (tenant, device) REFERENCES devices (tenant, device)
) STRICT;
