-- The chain: its stores, staff, tills and the codes that enrol them.
-- House rules: STRICT, NOT NULL, every key begins with the tenant; 0 in a *_at column means "has not happened".

CREATE TABLE chain (
    tenant        TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    epoch         TEXT    NOT NULL, -- of every feed: drawn when the database is made
    setup_version INTEGER NOT NULL, -- grows with every change that a till's setup shows
    practice      INTEGER NOT NULL  -- 1: a demo chain, with codes to practise
) STRICT;

CREATE TABLE stores (
    tenant    TEXT NOT NULL,
    store     TEXT NOT NULL,
    name      TEXT NOT NULL,
    store_key BLOB NOT NULL, -- of the code hashes that its tills keep
    PRIMARY KEY (tenant, store),
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE staff (
    tenant   TEXT    NOT NULL,
    staff    TEXT    NOT NULL,
    store    TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    manager  INTEGER NOT NULL,
    pin_hash TEXT    NOT NULL, -- argon2id, PHC string
    PRIMARY KEY (tenant, staff),
    FOREIGN KEY (tenant, store) REFERENCES stores (tenant, store)
) STRICT;

CREATE TABLE devices (
    tenant      TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    store       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    token_hash  BLOB    NOT NULL, -- the token itself is only on the till
    epoch       INTEGER NOT NULL, -- of its journal, the latest
    enrolled_at INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, device),
    UNIQUE (tenant, token_hash),
    FOREIGN KEY (tenant, store) REFERENCES stores (tenant, store)
) STRICT;

CREATE TABLE enrolment_codes (
    tenant     TEXT    NOT NULL,
    code_hash  BLOB    NOT NULL,
    store      TEXT    NOT NULL,
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    used_by    TEXT    NOT NULL, -- the device, empty while unused
    PRIMARY KEY (tenant, code_hash),
    FOREIGN KEY (tenant, store) REFERENCES stores (tenant, store)
) STRICT;
