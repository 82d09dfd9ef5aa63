-- Codes of every form, merchants with their profiles and keys, campaigns with their signed codes.
-- An entitlement's code leaves `entitlements` for a table of its own. A column that is part of a key cannot be
-- dropped everywhere, so that `entitlements` and all that refer to it are built anew.

ALTER TABLE chain ADD COLUMN code_salt BLOB NOT NULL DEFAULT x''; -- 16 bytes; drawn when the database is opened
ALTER TABLE begun ADD COLUMN moment INTEGER NOT NULL DEFAULT 0; -- of the rotating code that was shown; 0: none
ALTER TABLE devices ADD COLUMN root INTEGER NOT NULL DEFAULT 0; -- version of the root that the till was given; 0: none

CREATE TABLE entitlements_anew (
    tenant      TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    reference   TEXT    NOT NULL, -- the merchant's own number, or empty
    request     BLOB    NOT NULL, -- hash of what the merchant asked under that number; empty without one
    title       TEXT    NOT NULL,
    kind        TEXT    NOT NULL, -- the contract's kind, as JSON
    standing    TEXT    NOT NULL, -- good, refunded, refund_pending, cancelled, frozen
    valid_from  INTEGER NOT NULL, -- 0: ever since
    valid_until INTEGER NOT NULL, -- 9223372036854775807: for ever
    any_store   INTEGER NOT NULL, -- 1: every store; 0: those in entitlement_stores
    spend_min   INTEGER NOT NULL,
    value       INTEGER NOT NULL,
    holder      TEXT    NOT NULL, -- masked
    notes       TEXT    NOT NULL, -- a JSON list
    member      TEXT    NOT NULL, -- the membership it belongs to, or empty
    PRIMARY KEY (tenant, bucket, entitlement)
) STRICT;

CREATE TABLE entitlement_lines_anew (
    tenant      TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    sku         TEXT    NOT NULL,
    place       INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    variant     TEXT    NOT NULL,
    shelf       TEXT    NOT NULL,
    quantity    INTEGER NOT NULL,
    taken       INTEGER NOT NULL, -- the sum of the counted redemptions, kept for the conditional write
    PRIMARY KEY (tenant, bucket, entitlement, sku),
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements_anew (tenant, bucket, entitlement),
    CHECK (taken >= 0 AND taken <= quantity)
) STRICT;

CREATE TABLE entitlement_stores_anew (
    tenant      TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    store       TEXT    NOT NULL,
    PRIMARY KEY (tenant, bucket, entitlement, store),
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements_anew (tenant, bucket, entitlement),
    FOREIGN KEY (tenant, store) REFERENCES stores (tenant, store)
) STRICT;

CREATE TABLE feed_entries_anew (
    tenant      TEXT    NOT NULL,
    feed        TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    PRIMARY KEY (tenant, feed, bucket, entitlement),
    UNIQUE (tenant, feed, seq),
    FOREIGN KEY (tenant, feed) REFERENCES feeds (tenant, feed),
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements_anew (tenant, bucket, entitlement)
) STRICT;

-- What the customer shows.
CREATE TABLE codes (
    tenant      TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    form        TEXT    NOT NULL CHECK (form IN ('own', 'opaque', 'signed', 'rotating')),
    code        TEXT    NOT NULL, -- own: in full, for it must be printed; opaque: canonical; else empty: see signed_codes
    tail        TEXT    NOT NULL, -- as much of it as a clerk may see
    profile     TEXT    NOT NULL, -- opaque: what describes it; else empty
    order_ref   TEXT    NOT NULL, -- opaque: the order without which it means nothing, or empty
    ambiguous   INTEGER NOT NULL, -- opaque: 1 if others may have the same code at the same time
    stretched   BLOB    NOT NULL, -- opaque: 16 bytes under the chain's salt; else empty
    PRIMARY KEY (tenant, bucket, entitlement),
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements_anew (tenant, bucket, entitlement)
) STRICT;

INSERT INTO entitlements_anew (tenant, bucket, entitlement, version, reference, request, title, kind, standing,
                               valid_from, valid_until, any_store, spend_min, value, holder, notes, member)
    SELECT tenant, bucket, entitlement, version, '', x'', title, kind, standing, valid_from, valid_until,
           any_store, spend_min, value, holder, notes, member
    FROM entitlements;
INSERT INTO codes (tenant, bucket, entitlement, form, code, tail, profile, order_ref, ambiguous, stretched)
    SELECT tenant, bucket, entitlement, 'own', code, substr(code, 17, 4), '', '', 0, x'' FROM entitlements;
INSERT INTO entitlement_lines_anew (tenant, bucket, entitlement, sku, place, name, variant, shelf, quantity, taken)
    SELECT tenant, bucket, entitlement, sku, place, name, variant, shelf, quantity, taken FROM entitlement_lines;
INSERT INTO entitlement_stores_anew (tenant, bucket, entitlement, store)
    SELECT tenant, bucket, entitlement, store FROM entitlement_stores;
INSERT INTO feed_entries_anew (tenant, feed, bucket, entitlement, seq)
    SELECT tenant, feed, bucket, entitlement, seq FROM feed_entries;

-- Whoever refers goes before what is referred to. The new tables' references follow the names.
DROP TABLE entitlement_lines;
DROP TABLE entitlement_stores;
DROP TABLE feed_entries;
DROP TABLE entitlements;
ALTER TABLE entitlements_anew RENAME TO entitlements;
ALTER TABLE entitlement_lines_anew RENAME TO entitlement_lines;
ALTER TABLE entitlement_stores_anew RENAME TO entitlement_stores;
ALTER TABLE feed_entries_anew RENAME TO feed_entries;
CREATE INDEX entitlements_of_member ON entitlements (tenant, bucket, member);
CREATE UNIQUE INDEX entitlements_of_reference ON entitlements (tenant, reference) WHERE reference <> '';
CREATE UNIQUE INDEX codes_own ON codes (tenant, bucket, code) WHERE form = 'own';
-- Not unique: malls give the same short code to several customers.
CREATE INDEX codes_opaque ON codes (tenant, bucket, stretched) WHERE form = 'opaque';

-- What the codes of the chain's malls look like.
CREATE TABLE profiles (
    tenant TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    place  INTEGER NOT NULL, -- tills try them in this order
    active INTEGER NOT NULL, -- 0: kept for what was issued under it, but tills do not read it
    body   TEXT    NOT NULL, -- the contract's profile, as JSON
    PRIMARY KEY (tenant, name)
) STRICT;

-- What all signed codes of one issue have in common.
CREATE TABLE campaigns (
    tenant      TEXT    NOT NULL,
    campaign    INTEGER NOT NULL CHECK (campaign BETWEEN 1 AND 65535), -- as it stands in each code
    title       TEXT    NOT NULL,
    kind        TEXT    NOT NULL, -- the contract's kind, as JSON
    lines       TEXT    NOT NULL, -- the contract's lines, as JSON
    valid_from  INTEGER NOT NULL, -- 0: ever since
    valid_until INTEGER NOT NULL, -- 9223372036854775807: for ever
    stores      TEXT    NOT NULL, -- a JSON list of ids; empty: every store
    spend_min   INTEGER NOT NULL,
    value       INTEGER NOT NULL,
    notes       TEXT    NOT NULL, -- a JSON list
    complete    INTEGER NOT NULL, -- 1: a code says everything; 0: each is told in the feeds
    next_serial INTEGER NOT NULL,
    PRIMARY KEY (tenant, campaign)
) STRICT;

-- Signed codes by their serials. Each is the code of an entitlement.
CREATE TABLE signed_codes (
    tenant      TEXT    NOT NULL,
    campaign    INTEGER NOT NULL,
    serial      INTEGER NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    status      INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3), -- 0 unused, 1 redeemed, 2 revoked, 3 reserved
    told        INTEGER NOT NULL, -- 1: the stores' feeds tell of its entitlement; 0: the status list alone does
    last_moment INTEGER NOT NULL, -- of a rotating code, the moment of the last that was accepted; 0: none
    token       BLOB    NOT NULL, -- of a rotating code empty: it is signed anew whenever the phone asks
    kid         BLOB    NOT NULL, -- of the key that signed the token, or empty
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, campaign, serial),
    UNIQUE (tenant, bucket, entitlement),
    FOREIGN KEY (tenant, campaign) REFERENCES campaigns (tenant, campaign),
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements (tenant, bucket, entitlement)
) STRICT;
-- What a status list is built of: most codes are unused, and those it need not look at.
CREATE INDEX signed_codes_spent ON signed_codes (tenant, campaign, serial, status) WHERE status <> 0;

-- The status lists' chunks of 65,536 serials, each with the number of its latest change in the feed "status".
CREATE TABLE status_chunks (
    tenant   TEXT    NOT NULL,
    campaign INTEGER NOT NULL,
    chunk    INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (tenant, campaign, chunk),
    FOREIGN KEY (tenant, campaign) REFERENCES campaigns (tenant, campaign)
) STRICT;
CREATE INDEX status_chunks_by_seq ON status_chunks (tenant, seq, campaign, chunk);

-- Public keys of those who sign. The private halves are not in this database.
CREATE TABLE keys (
    tenant       TEXT    NOT NULL,
    key_name     TEXT    NOT NULL,
    kid          BLOB    NOT NULL,
    public       BLOB    NOT NULL,
    role         TEXT    NOT NULL CHECK (role IN ('root', 'lists', 'issuing')),
    scope        TEXT    NOT NULL, -- JSON
    made_at      INTEGER NOT NULL,
    withdrawn_at INTEGER NOT NULL,
    not_after    INTEGER NOT NULL, -- 9223372036854775807: for ever
    PRIMARY KEY (tenant, key_name)
) STRICT;

-- Root documents and trust lists, as they were signed.
CREATE TABLE trust_documents (
    tenant  TEXT    NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind IN ('root', 'list')),
    version INTEGER NOT NULL,
    bytes   BLOB    NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, version)
) STRICT;

-- Merchants' programs that may issue and take back.
CREATE TABLE merchants (
    tenant     TEXT    NOT NULL,
    merchant   TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    key_hash   BLOB    NOT NULL, -- the key itself is only at the merchant
    scopes     TEXT    NOT NULL, -- a JSON list: issue, revoke, refund, read
    made_at    INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, merchant),
    UNIQUE (tenant, key_hash)
) STRICT;
CREATE UNIQUE INDEX merchants_by_name ON merchants (tenant, name) WHERE revoked_at = 0;
