-- Cases with all their sides, what was decided on them, and a feed of them for each store; redemptions that are taken
-- back in part, with the line that says they were handed over; what is proved of a journal's times.

ALTER TABLE redemptions ADD COLUMN taken_back TEXT NOT NULL DEFAULT '[]'; -- JSON: what was taken back while the rest went on counting
ALTER TABLE redemptions ADD COLUMN line_epoch INTEGER NOT NULL DEFAULT 0; -- the line that says it was handed over; 0: none yet
ALTER TABLE redemptions ADD COLUMN line_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE redemptions ADD COLUMN handed_over_at INTEGER NOT NULL DEFAULT 0; -- by the till's clock
ALTER TABLE redemptions ADD COLUMN line_branch TEXT NOT NULL DEFAULT ''; -- hash of a line that is in branches and not in lines
ALTER TABLE begun ADD COLUMN line_epoch INTEGER NOT NULL DEFAULT 0; -- the line itself; 0: written before there was this column
ALTER TABLE begun ADD COLUMN line_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE begun ADD COLUMN line_branch TEXT NOT NULL DEFAULT '';
ALTER TABLE journals ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0; -- the next line cannot be older, by the server's clock
ALTER TABLE journals ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0; -- what the last line claims, by the till's
ALTER TABLE journals ADD COLUMN written_off_at INTEGER NOT NULL DEFAULT 0; -- when what is missing of it was given up

CREATE TABLE cases_anew (
    tenant      TEXT    NOT NULL,
    case_id     TEXT    NOT NULL,
    about       TEXT    NOT NULL CHECK (about IN ('acceptances', 'undo', 'till')),
    class       TEXT    NOT NULL, -- duplicate, stale, overspent, unknown, rules, fork, gap, clock, undo_race, written_off, unreadable
    reason      TEXT    NOT NULL, -- a reason code, or a word of the class's own
    state       TEXT    NOT NULL CHECK (state IN ('open', 'resolved')),
    decision    TEXT    NOT NULL, -- the one that stands; empty while it is open
    opened_at   INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    entitlement TEXT    NOT NULL, -- empty if it is not about one, or about one that nobody knows
    device      TEXT    NOT NULL, -- the till whose doings have shown it
    title       TEXT    NOT NULL,
    value       INTEGER NOT NULL, -- what is at stake
    PRIMARY KEY (tenant, case_id)
) STRICT;

-- Every act that has a part in a case.
CREATE TABLE case_sides (
    tenant      TEXT    NOT NULL,
    case_id     TEXT    NOT NULL,
    place       INTEGER NOT NULL,
    number      TEXT    NOT NULL, -- of the redemption or the undo; empty for a line that nobody can read
    standing    TEXT    NOT NULL CHECK (standing IN ('counted', 'not_counted', 'taken_back', 'noted')),
    takes       TEXT    NOT NULL, -- JSON
    value       INTEGER NOT NULL,
    at          INTEGER NOT NULL, -- by the till's clock
    not_before  INTEGER NOT NULL, -- proved by the server's; 0: nothing is
    received_at INTEGER NOT NULL,
    device      TEXT    NOT NULL,
    till        TEXT    NOT NULL, -- names as they were then
    store       TEXT    NOT NULL,
    store_name  TEXT    NOT NULL,
    clerk       TEXT    NOT NULL,
    line_epoch  INTEGER NOT NULL, -- the line that tells of it; 0: none has come yet
    line_seq    INTEGER NOT NULL,
    line_branch TEXT    NOT NULL,
    told        TEXT    NOT NULL, -- of a case older than this table: the redemption that counts, as JSON, instead of the columns
    PRIMARY KEY (tenant, case_id, place),
    FOREIGN KEY (tenant, case_id) REFERENCES cases_anew (tenant, case_id)
) STRICT;

-- Every decision, kept even where another one stands or where the case is not known here (yet).
CREATE TABLE case_decisions (
    tenant      TEXT    NOT NULL,
    case_id     TEXT    NOT NULL,
    number      TEXT    NOT NULL,
    decision    TEXT    NOT NULL,
    note        TEXT    NOT NULL,
    clerk       TEXT    NOT NULL,
    device      TEXT    NOT NULL, -- empty: decided at the server
    till        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, case_id, number)
) STRICT;

-- The latest number of each case in the feed of each store that has a part in it. The counter is the feed's row in
-- `feeds`, called cases:STORE.
CREATE TABLE case_entries (
    tenant  TEXT    NOT NULL,
    feed    TEXT    NOT NULL,
    case_id TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (tenant, feed, case_id),
    UNIQUE (tenant, feed, seq),
    FOREIGN KEY (tenant, feed) REFERENCES feeds (tenant, feed),
    FOREIGN KEY (tenant, case_id) REFERENCES cases_anew (tenant, case_id)
) STRICT;

INSERT INTO cases_anew (tenant, case_id, about, class, reason, state, decision, opened_at, changed_at, entitlement,
                        device, title, value)
    SELECT tenant, case_id, CASE WHEN kind = 'fork' THEN 'till' WHEN reason = 'undo_unknown' THEN 'undo'
                                 ELSE 'acceptances' END,
           CASE WHEN kind = 'fork' THEN 'fork' WHEN kind = 'disputed' THEN 'duplicate'
                WHEN reason IN ('refunded', 'refund_pending', 'cancelled', 'frozen', 'expired') THEN 'stale'
                WHEN reason = 'never_issued' THEN 'unknown'
                WHEN reason IN ('undo_unknown', 'undone_before') THEN 'undo_race'
                ELSE 'rules' END,
           reason, CASE resolved_at WHEN 0 THEN 'open' ELSE 'resolved' END,
           CASE WHEN resolved_at = 0 THEN '' WHEN kind = 'fork' THEN 'readmitted' ELSE 'taken_back' END, opened_at,
           CASE resolved_at WHEN 0 THEN opened_at ELSE resolved_at END, entitlement, device, title, value
    FROM cases;
INSERT INTO case_sides (tenant, case_id, place, number, standing, takes, value, at, not_before, received_at, device,
                        till, store, store_name, clerk, line_epoch, line_seq, line_branch, told)
    SELECT tenant, case_id, 0, '', 'counted', '[]', 0, 0, 0, opened_at, '', '', '', '', '', 0, 0, '', winner
    FROM cases WHERE winner <> '';
INSERT INTO case_sides (tenant, case_id, place, number, standing, takes, value, at, not_before, received_at, device,
                        till, store, store_name, clerk, line_epoch, line_seq, line_branch, told)
    SELECT tenant, case_id, 1, CASE kind WHEN 'fork' THEN '' ELSE number END,
                                       CASE WHEN kind = 'fork' OR reason = 'undo_unknown' THEN 'noted'
                                            WHEN resolved_at = 0 THEN 'not_counted' ELSE 'taken_back' END,
           takes, value, at, 0, opened_at, device, till, store, store_name, clerk, 0, 0, '', ''
    FROM cases;
INSERT INTO case_decisions (tenant, case_id, number, decision, note, clerk, device, till, at, received_at)
    SELECT tenant, case_id, number, CASE kind WHEN 'fork' THEN 'readmitted' ELSE 'taken_back' END, note, clerk, device, till, resolved_at, resolved_at
    FROM cases WHERE resolved_at <> 0;
INSERT INTO feeds (tenant, feed, seq)
    SELECT tenant, 'cases:' || store, COUNT(*) FROM cases GROUP BY tenant, store;
INSERT INTO case_entries (tenant, feed, case_id, seq)
    SELECT tenant, 'cases:' || store, case_id,
           ROW_NUMBER() OVER (PARTITION BY tenant, store ORDER BY opened_at, case_id)
    FROM cases;

DROP TABLE cases;
ALTER TABLE cases_anew RENAME TO cases;
CREATE INDEX cases_of_entitlement ON cases (tenant, entitlement);
CREATE INDEX cases_of_device ON cases (tenant, device);
