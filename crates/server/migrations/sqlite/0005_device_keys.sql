-- Tills prove who they are by a key of their own, and the server proves its answers by one.
-- A till that an older program has enrolled has no key, and has to be enrolled again.

ALTER TABLE devices ADD COLUMN public_key BLOB NOT NULL DEFAULT x''; -- Ed25519, 32 bytes
ALTER TABLE devices ADD COLUMN key_id TEXT NOT NULL DEFAULT ''; -- half of its COSE thumbprint, 32 hexadecimal digits

CREATE UNIQUE INDEX devices_by_key ON devices (tenant, key_id) WHERE key_id <> '';

ALTER TABLE enrolment_codes ADD COLUMN known BLOB NOT NULL DEFAULT x''; -- by which both sides prove that they know it

ALTER TABLE chain ADD COLUMN answer_key BLOB NOT NULL DEFAULT x''; -- the public half; tills have it pinned
