-- What customers bought or won, and the feeds that tell the stores about it.
-- The bucket is 0 everywhere until a chain is big enough to be spread over several machines.

CREATE TABLE entitlements (
    tenant      TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    code        TEXT    NOT NULL, -- in full, for it must be printed
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
    PRIMARY KEY (tenant, bucket, entitlement),
    UNIQUE (tenant, bucket, code)
) STRICT;
CREATE INDEX entitlements_of_member ON entitlements (tenant, bucket, member);

CREATE TABLE entitlement_lines (
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
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements (tenant, bucket, entitlement),
    CHECK (taken >= 0 AND taken <= quantity)
) STRICT;

CREATE TABLE entitlement_stores (
    tenant      TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    store       TEXT    NOT NULL,
    PRIMARY KEY (tenant, bucket, entitlement, store),
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements (tenant, bucket, entitlement),
    FOREIGN KEY (tenant, store) REFERENCES stores (tenant, store)
) STRICT;

-- One counter row per feed. Whoever changes something adds to it in the same transaction; the row's lock makes
-- numbers appear in the order of the commits, without gaps.
CREATE TABLE feeds (
    tenant TEXT    NOT NULL,
    feed   TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (tenant, feed)
) STRICT;

-- The latest number of each entitlement in each feed that tells of it.
CREATE TABLE feed_entries (
    tenant      TEXT    NOT NULL,
    feed        TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    PRIMARY KEY (tenant, feed, bucket, entitlement),
    UNIQUE (tenant, feed, seq),
    FOREIGN KEY (tenant, feed) REFERENCES feeds (tenant, feed),
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements (tenant, bucket, entitlement)
) STRICT;

-- Codes of a demo chain.
CREATE TABLE practice (
    tenant    TEXT    NOT NULL,
    place     INTEGER NOT NULL,
    code      TEXT    NOT NULL,
    kind      TEXT    NOT NULL, -- order, coupon, times_card, member
    grouping  TEXT    NOT NULL, -- a kind, or "fails"
    store     TEXT    NOT NULL, -- where it does what is expected; empty: everywhere
    caption   TEXT    NOT NULL,
    expect    TEXT    NOT NULL, -- offer, member, or a reason code
    PRIMARY KEY (tenant, place)
) STRICT;
