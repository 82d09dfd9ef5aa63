//! The requests and answers, endpoint by endpoint.
//!
//! | endpoint | request | answer |
//! |---|---|---|
//! | `POST /v1/enrolments` | [`Enrol`] | [`Enrolled`] |
//! | `GET /v1/setup` | | [`Setup`] |
//! | `POST /v1/lookups` | [`Lookup`] | [`Found`], or 404; a signed code that is not taken: 409 or 422 with the reason |
//! | `POST /v1/candidates` | [`Wanted`] | [`Candidates`] |
//! | `GET /v1/status?after=` | | a signed status update (`application/octet-stream`) |
//! | `PUT /v1/redemptions/{number}` | [`Redeem`] | [`Redeemed`] |
//! | `POST /v1/redemptions/{number}/ask` | | [`Fate`] |
//! | `GET /v1/devices/{device}/lines?epoch=&after=` | | [`OwnLines`] |
//! | `POST /v1/devices/{device}/lines?epoch=&after=` | journal lines, packed ([`crate::lines`]) | [`Intake`], or 409 |
//! | `GET /v1/feeds/{feed}?after=&wait=&setup=&status=&cases=&epoch=&receipt=` | | [`Page`] |
//! | `GET /v1/snapshots/{feed}` | | [`Snapshot`] |
//! | `GET /v1/snapshots/{feed}/{name}` | | the chunk, see [`crate::snapshot`]; 404 once it is gone |
//! | `GET /v1/cases?after=` | | [`crate::case::CasesPage`]: the cases that concern the till's store |
//! | `GET /v1/practice` | | list of [`Practice`] |
//! | `PUT /v1/entitlements/{reference}` | [`merchant::Issue`] | [`merchant::Issued`], or 409 |
//! | `GET /v1/entitlements/{reference}` | | [`merchant::State`], or 404 |
//! | `POST /v1/entitlements/{reference}/refund` | | [`merchant::State`], or 404 |
//! | `POST /v1/entitlements/{reference}/revoke` | | [`merchant::State`], or 404 |
//! | `POST /v1/entitlements/{reference}/card?hours=` | | [`merchant::Card`], or 409 |
//! | `GET /v1/entitlements/{reference}/code?form=&as=&size_mm=&dpi=&level=` | | the code as text, SVG or PNG, or 409 |
//! | `GET /v1/campaigns` | | list of [`crate::campaign::State`] |
//! | `PUT /v1/campaigns/{number}` | [`crate::campaign::Put`] | [`crate::campaign::State`], or 409 |
//!
//! Those under `entitlements` and `campaigns`, which are for merchants' programs, carry a merchant's key
//! (`Authorization: Bearer`). All others are signed by the till's key, and every answer to a signed request, refusals
//! included, by the server's answer key, which the till has pinned at enrolment: see [`crate::signature`]. What comes
//! unsigned is not the server's word.
//!
//! Refusals of the transport (bad signature, unknown code, gap) are a [`Problem`] with a 4xx status; refusals of the
//! business are answers with status 200.

use serde::{Deserialize, Serialize};

use crate::campaign::Campaign;
use crate::entitlement::{Circumstance, Entitlement, Store, Take, Use};
use crate::feed::{Digest, Told};
use crate::profile::Profile;

#[cfg(doc)]
use crate::merchant;

/// The media type of signed things: COSE_Sign1 (RFC 9052).
pub const COSE: &str = "application/cose; cose-type=\"cose-sign1\"";

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code: "code_unknown", "code_used_up", "code_expired", "key_in_use" (enrolment), "bad_signature" (401),
    /// "bad_digest" (400), "clock" (401: the request is not of now; what is, the answer's signature says), "replayed"
    /// (401), "unknown_key" (401), "revoked" (403), "quarantined" (403), "too_many" (429), "bad_token" (merchants),
    /// "never_issued", "voided", "number_reused" (redemption), "gap", "fork", "out_of_scope", "invalid",
    /// "exists_with_other_content", "not_offered" (merchants), "not_found", "bad_request", "internal"; or, about a
    /// signed code that is looked up, a reason code: "not_genuine", "key_unknown", "key_withdrawn",
    /// "key_out_of_scope", "contents_unknown", "expired", "not_yet" (422), "code_stale", "code_seen" (409).
    pub error: String,
    /// For the log of whoever runs the server.
    pub message: String,
    /// With "gap" and "fork": the last line that the server holds of this device and epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
}

/// Joins a till to a store with a one-time code, which itself does not travel: see [`crate::enrolment`]. The request
/// is signed by the key that it brings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrol {
    /// The code's hash (64 hexadecimal digits).
    pub code: String,
    /// The till's public key (Ed25519, 64 hexadecimal digits).
    pub key: String,
    /// That whoever has this key knows the code (64 hexadecimal digits).
    pub proof: String,
    /// The till's name, such as "1号收银机"; empty lets the server number it.
    #[serde(default)]
    pub till: String,
}

/// What an enrolled till needs to know of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolled {
    /// The till's id.
    pub device: String,
    /// The public key that signs the server's answers from now on (64 hexadecimal digits).
    pub answer_key: String,
    /// That whoever has this key knows the code (64 hexadecimal digits).
    pub proof: String,
    /// The store it stands in.
    pub store: Store,
    /// Its name.
    pub till: String,
    /// The key of the store's code hashes: 64 hexadecimal digits.
    pub store_key: String,
    /// The feed it follows.
    pub feed: String,
    /// The journal's epoch; the first is 1.
    pub epoch: u64,
    /// The root document that the till trusts from now on, in base64; empty while the chain signs no codes.
    #[serde(default)]
    pub root: String,
}

/// What the chain tells a till about itself, apart from entitlements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Grows with every change.
    pub version: u64,
    /// The store.
    pub store: Store,
    /// The till's name.
    pub till: String,
    /// Who works at this store.
    pub staff: Vec<Staff>,
    /// What may be decided offline.
    pub policy: Policy,
    /// Whether `GET /v1/practice` has codes.
    pub practice: bool,
    /// What the codes of the chain's malls look like, in the order in which they are tried.
    #[serde(default)]
    pub profiles: Vec<Profile>,
    /// The salt of the codes that profiles describe (32 hexadecimal digits); see [`crate::codes`].
    #[serde(default)]
    pub code_salt: String,
    /// What signed codes stand for.
    #[serde(default)]
    pub campaigns: Vec<Campaign>,
    /// Root documents after the one that was given at enrolment, oldest first, in base64; see [`model::signed::trust`].
    #[serde(default)]
    pub roots: Vec<String>,
    /// The newest trust list, in base64; empty while the chain signs no codes.
    #[serde(default)]
    pub trust: String,
}

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Whether a manager.
    pub manager: bool,
    /// Argon2id hash of the PIN in PHC string format.
    pub pin_hash: String,
}

/// See [`model::policy::Policy`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Hours; of what is said in full, what a clerk decides alone.
    pub copy_age_hours_max: u32,
    /// Minutes.
    pub undo_minutes_max: u32,
    /// All of it; nothing from a server that knows only the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Box<crate::policy::Policy>>,
}

/// Asks for an entitlement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Lookup {
    /// By a code that the chain's own backend has issued: an opaque one, or the text of a signed one.
    Code {
        /// The whole code.
        code: String,
    },
    /// By its id, from a member card.
    Id {
        /// The id.
        id: String,
    },
}

/// The entitlement, fresh.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// The entitlement.
    pub entitlement: Entitlement,
    /// If it is a membership: its coupons and cards.
    #[serde(default)]
    pub coupons: Vec<Entitlement>,
}

/// Asks for what a mall's code may stand for. The code itself does not travel: see [`crate::codes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The stretched code under each profile that fits (32 hexadecimal digits each).
    pub stretched: Vec<String>,
}

/// What may be meant, at this till's store: none, one, or several to choose from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Candidates {
    /// Each with the coupons of a membership.
    pub candidates: Vec<Found>,
}

/// Asks to count a redemption, under its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeem {
    /// Of what.
    pub entitlement: String,
    /// So much of it.
    pub takes: Vec<Take>,
    /// The clerk's name.
    pub clerk: String,
    /// By the till's clock (ms since 1970).
    pub at: i64,
    /// The moment that the rotating code which was shown stood for (ms since 1970), if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<i64>,
}

/// The server's decision, the same for every repeat of the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Redeemed {
    /// It counts.
    Counted,
    /// It does not.
    Refused {
        /// A reason code.
        reason: String,
        /// The use that stands in the way.
        #[serde(default)]
        earlier: Option<Use>,
    },
}

/// What became of a number. Asking voids it if it was not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It counts.
    Counted(Circumstance),
    /// It never happened, and never will.
    Voided,
}

/// Hands in journal lines, contiguous from the server's head. Epoch and place travel in the query, the lines in the
/// body: see [`crate::lines`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The journal's epoch.
    pub epoch: u64,
    /// The sequence number before the first line.
    pub after: u64,
    /// The lines, byte for byte.
    pub lines: Vec<Vec<u8>>,
}

/// The lines are on the server's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// The last line that the server holds of this device and epoch.
    pub head: u64,
    /// What became of the accepted redemptions, undos and decisions among the lines handed in: for each line the same
    /// bytes whenever it is handed in.
    pub settlements: Vec<SettledLine>,
}

/// Lines of a till's own journal that the server holds, for a till that has lost them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnLines {
    /// The number of the last of them; `after` when there are no more.
    pub last: u64,
    /// The lines, byte for byte, each in base64 (RFC 4648, with padding).
    pub lines: Vec<String>,
    /// What became of the accepted redemptions and undos among them.
    pub settlements: Vec<SettledLine>,
}

/// How far the server knows a till's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownHead {
    /// The epoch that the till may write in. One that has no line yet is one to be begun.
    pub epoch: u64,
    /// The last line of it that the server holds; 0 for none.
    pub seq: u64,
    /// Whether the till may have nothing counted until a manager lets it in again.
    pub quarantined: bool,
}

/// The settlement that one line led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledLine {
    /// The line.
    pub seq: u64,
    /// The redemption's, the undo's or the decision's number.
    pub number: String,
    /// The server's last word.
    pub settlement: Settlement,
}

/// See [`model::settlement::Settlement`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "settlement", rename_all = "snake_case")]
pub enum Settlement {
    /// Counted, now.
    Confirmed,
    /// This number had been counted before.
    AlreadyCounted,
    /// Another redemption had taken it first.
    Disputed {
        /// The case.
        case: String,
        /// The redemption that counts.
        winner: Use,
    },
    /// The server would not have allowed it.
    Refused {
        /// The case.
        case: String,
        /// A reason code.
        reason: String,
    },
    /// Taken back.
    Undone,
    /// It never happened.
    Voided,
    /// The decision on a case stands.
    Resolved,
    /// The case had been decided on before: the earlier decision stands, this one is kept beside it.
    ResolvedBefore {
        /// The decision that stands, as a code.
        decision: String,
    },
    /// No such case concerns the till's store. The decision is kept, and takes effect if the case should turn up.
    CaseUnknown,
}

/// What changed at this store's feed.
///
/// A feed tells latest states and forgets nothing: an entitlement that changes moves to its end. So there are no
/// tombstones, and no position is too old; whoever is far behind is better served by a [`Snapshot`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    /// Another epoch than before: the numbers start anew, the copy is built anew, every line is offered again.
    pub epoch: String,
    /// The last number of this page; equal to `after` when nothing changed, smaller when the server was set back
    /// to an older state.
    pub last: u64,
    /// Whether there is more behind it.
    pub more: bool,
    /// The entitlements that changed, in order.
    pub entries: Vec<Entry>,
    /// The digest of these entries.
    #[serde(default)]
    pub rows: Digest,
    /// The digest of all that the feed tells up to `last`. Nothing where there is more behind it: rows that have
    /// changed since then stand further on, so that a copy in between is the state of no moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The last number of the feed: how far the till is behind.
    #[serde(default)]
    pub head: u64,
    /// What the server says here, sealed. The till shows it with its next request: a server that was set back to an
    /// older state learns so from its own word. Nothing in it concerns the till.
    #[serde(default)]
    pub receipt: String,
    /// The version of [`Setup`].
    pub setup: u64,
    /// The last number of the chain's status list, see `GET /v1/status`.
    #[serde(default)]
    pub status: u64,
    /// The last number of the cases that concern this store, see `GET /v1/cases`.
    #[serde(default)]
    pub cases: u64,
    /// How far the server knows the till's journal.
    #[serde(default)]
    pub journal: Option<KnownHead>,
    /// The server's clock (ms since 1970).
    pub now: i64,
}

/// One entitlement of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the feed.
    pub seq: u64,
    /// What a till finds it by: see [`crate::codes`].
    pub code_hash: String,
    /// The entitlement as it is now. These bytes are hashed and kept as they come.
    pub entitlement: Told,
}

/// All that a feed told at one moment, to begin with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The epoch of the feed.
    pub epoch: String,
    /// The feed goes on behind this number.
    pub seq: u64,
    /// The digest of all rows.
    pub digest: Digest,
    /// How many rows there are.
    pub rows: u64,
    /// When it was taken, by the server's clock (ms since 1970).
    pub at: i64,
    /// The rows in the order of their ids, in parts that can be fetched one by one.
    pub chunks: Vec<Chunk>,
}

/// One part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its name: the BLAKE3 hash of its bytes, 64 hexadecimal digits. The same name is the same part in every snapshot.
    pub name: String,
    /// How many rows are in it.
    pub rows: u64,
    /// How long it is (bytes).
    pub bytes: u64,
}

/// A code to practise with. Only a demo chain has any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Practice {
    /// What a scan of it types.
    pub text: String,
    /// Its picture (SVG 1.1).
    pub svg: String,
    /// "order", "coupon", "times_card", "member" or "fails".
    pub group: String,
    /// What it is.
    pub caption: String,
    /// What must happen on a first scan: "offer", "member" or a reason code.
    pub expect: String,
}
