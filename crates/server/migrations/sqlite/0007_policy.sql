-- What tills may decide while they cannot ask, version by version. The newest of a scope holds; a store without any of
-- its own goes by the chain's.

CREATE TABLE policies (
    tenant  TEXT    NOT NULL,
    scope   TEXT    NOT NULL, -- a store, or empty for the chain
    version INTEGER NOT NULL, -- grows over all scopes of a tenant
    set_at  INTEGER NOT NULL,
    body    TEXT    NOT NULL, -- the contract's policy as JSON; empty: from here on the store goes by the chain's
    PRIMARY KEY (tenant, scope, version)
) STRICT;

-- When a till was last in touch, to the minute: it may have accepted at risk ever since.
CREATE TABLE contacts (
    tenant   TEXT    NOT NULL,
    device   TEXT    NOT NULL,
    heard_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, device),
    FOREIGN KEY (tenant, device) REFERENCES devices (tenant, device)
) STRICT;
