-- Feeds that can be compared: the bytes that tills are told, a hash of each row, and for each feed the sum of these.

-- What tills are told of an entitlement: every store's tills get these bytes, as long as nothing changes.
CREATE TABLE told (
    tenant      TEXT    NOT NULL,
    bucket      INTEGER NOT NULL,
    entitlement TEXT    NOT NULL,
    body        TEXT    NOT NULL, -- the contract's entitlement, as JSON
    PRIMARY KEY (tenant, bucket, entitlement),
    FOREIGN KEY (tenant, bucket, entitlement) REFERENCES entitlements (tenant, bucket, entitlement)
) STRICT;

ALTER TABLE feeds ADD COLUMN digest BLOB NOT NULL DEFAULT x''; -- 32 bytes; empty: of nothing
ALTER TABLE feed_entries ADD COLUMN code_hash TEXT NOT NULL DEFAULT ''; -- under the store's key
ALTER TABLE feed_entries ADD COLUMN hash BLOB NOT NULL DEFAULT x''; -- of the row: id, code_hash and told bytes

-- What a feed's digest was at the end of each transaction that moved it, as far back as a till may need it: a till
-- that was told something else at that number proves that the database was set back.
CREATE TABLE feed_marks (
    tenant TEXT    NOT NULL,
    feed   TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    digest BLOB    NOT NULL,
    PRIMARY KEY (tenant, feed, seq),
    FOREIGN KEY (tenant, feed) REFERENCES feeds (tenant, feed)
) STRICT;

ALTER TABLE chain ADD COLUMN receipt_key BLOB NOT NULL DEFAULT x''; -- 32 bytes; drawn when the database is opened

-- Each time that the feeds were begun anew because the database had been set back.
CREATE TABLE set_backs (
    tenant   TEXT    NOT NULL,
    epoch    TEXT    NOT NULL, -- the one that began
    drawn_at INTEGER NOT NULL,
    device   TEXT    NOT NULL, -- the till that proved it; empty: whoever runs the server said so
    PRIMARY KEY (tenant, epoch)
) STRICT;
