// What crosses between the shell and the page. Generated from src-tauri/src/view.rs; to write it anew:
// COUNTERFOIL_BINDINGS=write cargo test -p counterfoil bindings

/**
 * Everything on the screen.
 */
export type Screen = { 
/**
 * Grows with every change, so that an old screen never replaces a newer one.
 */
revision: number, 
/**
 * The bar above.
 */
status: Status, 
/**
 * The work area.
 */
stage: Stage, 
/**
 * The last five results, newest first.
 */
recent: Array<Row>, };

/**
 * The bar above: where, who, and how things stand with the server.
 */
export type Status = { 
/**
 * The language of the page: "zh-CN", "zh-HK" or "en".
 */
language: string, 
/**
 * The store's name; nothing before enrolment.
 */
store: string | null, 
/**
 * The till's name; nothing before enrolment.
 */
till: string | null, 
/**
 * Who is signed in.
 */
clerk: Clerk | null, 
/**
 * How things stand with the server.
 */
line: Line, 
/**
 * Why the server is not heard, as a code ("unreachable" …); only while offline.
 */
silence: string | null, 
/**
 * Redemptions and undos that the server has not settled yet.
 */
waiting: number, 
/**
 * When the server last vouched for the local copy.
 */
copy_as_of: number | null, 
/**
 * How old that is (seconds).
 */
copy_age_seconds: number | null, 
/**
 * Open cases of the store.
 */
cases: number, 
/**
 * Redeemed today at this till (coupons and cards).
 */
redeemed_today: number, 
/**
 * Orders picked up today at this till, in part or whole.
 */
picked_up_today: number, 
/**
 * Whether the backend offers practice codes (a demo chain).
 */
practice: boolean, 
/**
 * How far a new local copy has come, while one is fetched.
 */
fetching: Fetching | null, 
/**
 * Something that a person must see to, as a code ("copy_rebuilt", "clock_ahead", "clock_back", "scanner_missing",
 * "scanner_busy", "scanner_not_permitted", "scanner_failed", "scanner_wrong_baud", "scanner_no_suffix").
 */
notice: string | null, 
/**
 * What this outage has at risk; nothing while there is none.
 */
exposure: Exposure | null, 
/**
 * What was found out about the scanners here.
 */
scanners: Habits, };

/**
 * What an outage has at risk, and what it can cost at most.
 */
export type Exposure = { 
/**
 * Accepted without the server and not settled yet (fen).
 */
at_risk: number, 
/**
 * What the outage can cost at most, however it goes on (fen); nothing where the policy sets no limit.
 */
worst: number | null, };

/**
 * How far a new local copy has come.
 */
export type Fetching = { 
/**
 * So many entitlements are there.
 */
done: number, 
/**
 * So many there will be.
 */
of: number, };

/**
 * Somebody who is signed in or may sign in.
 */
export type Clerk = { 
/**
 * The id at the backend.
 */
id: string, 
/**
 * The name.
 */
name: string, 
/**
 * Whether this is a manager.
 */
manager: boolean, };

/**
 * How things stand with the server.
 */
export type Line = "online" | "slow" | "offline" | "not_enrolled" | "revoked";

/**
 * What the work area shows.
 */
export type Stage = { "stage": "enrol", 
/**
 * Why the last try failed, as a code ("code_used_up", "code_unknown", "code_expired", "bad_address", or a
 * silence such as "unreachable").
 */
failed: string | null, } | { "stage": "sign_in", 
/**
 * Who may sign in at this store.
 */
staff: Array<Clerk>, 
/**
 * Why the last try failed, as a code ("wrong_pin", "pin_locked").
 */
failed: string | null, } | { "stage": "ready" } | { "stage": "checking" } | { "stage": "offer" } & Offer | { "stage": "member" } & Member | { "stage": "choice" } & Choice | { "stage": "approval" } & Approval | { "stage": "verdict" } & Verdict | { "stage": "blocked", 
/**
 * What the clerk reads out to whoever looks after the till.
 */
detail: string, };

/**
 * What an offer, a member card or a verdict is about.
 */
export type Subject = { 
/**
 * The entitlement's id.
 */
id: string, 
/**
 * Which kind.
 */
kind: Kind, 
/**
 * In the merchant's words.
 */
title: string, 
/**
 * What a coupon gives.
 */
benefit: Benefit | null, 
/**
 * Whose it is, masked; may be empty.
 */
holder: string, 
/**
 * The last four characters of the code.
 */
code_tail: string, 
/**
 * First moment of validity.
 */
valid_from: number | null, 
/**
 * Last moment of validity.
 */
valid_until: number | null, 
/**
 * Names of the stores it is for; empty for every store.
 */
stores: Array<string>, 
/**
 * The bill it needs (fen); 0 for none.
 */
spend_min: number, 
/**
 * The merchant's conditions or the customer's note.
 */
notes: Array<string>, };

/**
 * The four kinds.
 */
export type Kind = "order" | "coupon" | "times_card" | "member";

/**
 * What a coupon gives.
 */
export type Benefit = { "benefit": "amount_off", 
/**
 * Amount (fen).
 */
fen: number, } | { "benefit": "percent_off", 
/**
 * Percent, 1 to 99; 15 is 8.5 折.
 */
percent: number, } | { "benefit": "exchange", 
/**
 * The goods.
 */
goods: string, };

/**
 * A line of an offer.
 */
export type Item = { 
/**
 * Article number.
 */
sku: string, 
/**
 * Name.
 */
name: string, 
/**
 * Size, colour, temperature; may be empty.
 */
variant: string, 
/**
 * Where it stands; may be empty.
 */
shelf: string, 
/**
 * How many in all.
 */
quantity: number, 
/**
 * How many taken before.
 */
taken: number, 
/**
 * How many left.
 */
left: number, };

/**
 * What may be taken.
 */
export type Offer = { 
/**
 * What it is.
 */
subject: Subject, 
/**
 * Its lines.
 */
items: Array<Item>, 
/**
 * On what it rests.
 */
basis: Basis, 
/**
 * When this card appeared.
 */
since: number, };

/**
 * A redemption that waits for a manager's yes.
 */
export type Approval = { 
/**
 * What it is.
 */
subject: Subject, 
/**
 * Why the clerk may not decide, as a reason code.
 */
reason: string, 
/**
 * What is lost at most if it should not have been handed over (fen).
 */
amount: number, 
/**
 * What this till has accepted at risk in this outage, of the same kind of stores.
 */
till: Tally, 
/**
 * What of it is this customer's.
 */
customer: Tally, 
/**
 * Who may say yes.
 */
managers: Array<Clerk>, 
/**
 * Why the last try failed, as a code ("wrong_pin", "pin_locked", "not_a_manager", "why_missing").
 */
failed: string | null, 
/**
 * On what the facts rest.
 */
basis: Basis, 
/**
 * When this card appeared.
 */
since: number, };

/**
 * So many, worth so much.
 */
export type Tally = { 
/**
 * How many.
 */
count: number, 
/**
 * Worth so much (fen).
 */
fen: number, };

/**
 * A member card.
 */
export type Member = { 
/**
 * The membership.
 */
subject: Subject, 
/**
 * Tier, in the merchant's words.
 */
tier: string, 
/**
 * Points.
 */
points: number, 
/**
 * Stored value (fen).
 */
balance: number, 
/**
 * Coupons and cards of this member: usable first, then soonest expiry.
 */
coupons: Array<MemberCoupon>, 
/**
 * On what it rests.
 */
basis: Basis, };

/**
 * One coupon on a member card.
 */
export type MemberCoupon = { 
/**
 * What it is.
 */
subject: Subject, 
/**
 * Uses left.
 */
left: number, 
/**
 * Uses in all.
 */
quantity: number, 
/**
 * Why it cannot be used here and now, as a reason code; nothing if it can.
 */
unusable: string | null, };

/**
 * What a short code fits.
 */
export type Choice = { 
/**
 * At least one, in the order in which they are shown: what can be taken first.
 */
candidates: Array<Candidate>, 
/**
 * On what the weakest of them rests.
 */
basis: Basis, 
/**
 * When this card appeared.
 */
since: number, };

/**
 * One of those that a short code fits.
 */
export type Candidate = { 
/**
 * What it is.
 */
subject: Subject, 
/**
 * What is left of its lines; where nothing is left, what there was.
 */
items: Array<Item>, 
/**
 * Pieces or uses left.
 */
left: number, 
/**
 * Pieces or uses in all.
 */
quantity: number, 
/**
 * Why it cannot be taken here and now, as a reason code; nothing if it can.
 */
unusable: string | null, };

/**
 * Who said so.
 */
export type RestsOn = "server" | "copy" | "signature" | "override";

/**
 * On what an offer or a verdict rests.
 */
export type Basis = { 
/**
 * Who said so.
 */
on: RestsOn, 
/**
 * When the server last vouched for it.
 */
as_of: number, 
/**
 * How long before this moment that was (seconds).
 */
age_seconds: number, 
/**
 * Why the server was not heard, as a code; nothing when it was.
 */
silence: string | null, };

/**
 * The five classes.
 */
export type Class = "pass" | "act" | "done" | "stop" | "fault";

/**
 * The end of a scan.
 */
export type Verdict = { 
/**
 * Which class.
 */
class: Class, 
/**
 * Why, as a reason code.
 */
reason: string, 
/**
 * What to do now, as a to-do code.
 */
todo: string, 
/**
 * The amount of "deduct_amount" (fen).
 */
amount: number | null, 
/**
 * The percentage of "deduct_percent".
 */
percent: number | null, 
/**
 * What it is about; nothing for a text that is not ours.
 */
subject: Subject | null, 
/**
 * What was taken by this redemption.
 */
taken: Array<Taken>, 
/**
 * Pieces or uses left afterwards, in all.
 */
left: number, 
/**
 * Pieces or uses in all.
 */
quantity: number, 
/**
 * On what it rests; nothing where nothing had to be asked.
 */
basis: Basis | null, 
/**
 * The manager's yes that it rests on.
 */
approved: Approved | null, 
/**
 * The redemption that stands in the way, or that was undone.
 */
earlier: Earlier | null, 
/**
 * This redemption's number.
 */
number: string | null, 
/**
 * When it was decided.
 */
at: number, 
/**
 * Decided from the local copy and not yet confirmed by the server.
 */
unsent: boolean, 
/**
 * It was decided before the program was restarted.
 */
before_restart: boolean, 
/**
 * Number of the redemption that the undo button takes back; nothing where undoing is not offered.
 */
undo: string | null, 
/**
 * Until when undoing is offered.
 */
undo_until: number | null, 
/**
 * Number of the redemption that "hand over now" settles; only with reason "counted_unseen".
 */
hand_over: string | null, };

/**
 * Who said yes, and why.
 */
export type Approved = { 
/**
 * The manager's name.
 */
by: string, 
/**
 * A word of the page's list ("regular", "payment_seen", "head_office"), or the manager's own.
 */
why: string, };

/**
 * So many of one article.
 */
export type Taken = { 
/**
 * Name with variant.
 */
name: string, 
/**
 * How many.
 */
quantity: number, };

/**
 * An earlier redemption.
 */
export type Earlier = { 
/**
 * When.
 */
at: number, 
/**
 * How long before the verdict (seconds).
 */
ago_seconds: number, 
/**
 * Whether it was at this till.
 */
here: boolean, 
/**
 * At which till.
 */
till: string, 
/**
 * At which store.
 */
store: string, 
/**
 * By whom.
 */
clerk: string, };

/**
 * One row of the strip and of the history.
 */
export type Row = { 
/**
 * When.
 */
at: number, 
/**
 * Which class.
 */
class: Class, 
/**
 * Why, as a reason code.
 */
reason: string, 
/**
 * What it was about; empty for a text that is not ours.
 */
title: string, 
/**
 * By whom; may be empty.
 */
clerk: string, 
/**
 * Its number, if it is a redemption or an undo.
 */
number: string | null, 
/**
 * How it stands at the server.
 */
sync: Sync, 
/**
 * Whether the undo button is offered.
 */
undoable: boolean, 
/**
 * If so: what was handed over, and what of it is left to be taken back.
 */
items: Array<Item>, };

/**
 * How a redemption stands at the server.
 */
export type Sync = "none" | "waiting" | "settled" | "case" | "undone";

/**
 * The store's cases, and who may decide on them.
 */
export type Cases = { 
/**
 * The managers of the store.
 */
managers: Array<Clerk>, 
/**
 * Open ones first, among them those in which this till has a part; then the latest.
 */
cases: Array<Case>, };

/**
 * A case of the store.
 */
export type Case = { 
/**
 * Its name at the server.
 */
id: string, 
/**
 * What is wrong, as a code ("duplicate", "stale" …).
 */
class: string, 
/**
 * What was found, as a reason code or a code of its own ("ahead", "forged" …).
 */
reason: string, 
/**
 * What it is about, in the merchant's words; may be empty.
 */
title: string, 
/**
 * What is at stake (fen).
 */
value: number, 
/**
 * Whether somebody still has to decide.
 */
open: boolean, 
/**
 * Whether this till has a part in it.
 */
concerns: boolean, 
/**
 * When it was opened.
 */
opened_at: number, 
/**
 * Everybody who has a part in it.
 */
sides: Array<CaseSide>, 
/**
 * What was decided, as the server tells it, in the order in which it came.
 */
decisions: Array<CaseDecision>, 
/**
 * What was decided at this till.
 */
here: DecidedHere | null, };

/**
 * One side of a case: what one till did.
 */
export type CaseSide = { 
/**
 * Whether that is this till.
 */
mine: boolean, 
/**
 * How it stands, as a code ("counted", "not_counted", "taken_back", "noted").
 */
standing: string, 
/**
 * Its number; empty for a record that cannot be read.
 */
number: string, 
/**
 * What was taken, where it has a name.
 */
taken: Array<Taken>, 
/**
 * When, by the till's clock.
 */
at: number, 
/**
 * At which store.
 */
store: string, 
/**
 * At which till.
 */
till: string, 
/**
 * By whom.
 */
clerk: string, 
/**
 * The earliest moment at which it can have happened; nothing if that is not proved.
 */
not_before: number | null, 
/**
 * When the server heard of it; nothing while it has not said so.
 */
received_at: number | null, 
/**
 * On what the till relied, and how old that was then.
 */
basis: Basis | null, 
/**
 * Who let it pass, if a manager did.
 */
approved_by: string | null, 
/**
 * The record that proves it.
 */
record: CaseRecord | null, };

/**
 * A record that proves a side: anybody can check it who has its bytes.
 */
export type CaseRecord = { 
/**
 * The journal's epoch.
 */
epoch: number, 
/**
 * The record's number in it.
 */
seq: number, 
/**
 * The first digits of its hash.
 */
hash: string, };

/**
 * A decision on a case.
 */
export type CaseDecision = { 
/**
 * What, as a code ("recovered", "written_off" …).
 */
decision: string, 
/**
 * Why; may be empty.
 */
note: string, 
/**
 * By whom; may be empty.
 */
clerk: string, 
/**
 * At which till; may be empty.
 */
till: string, 
/**
 * When.
 */
at: number, 
/**
 * Whether it is the one that stands.
 */
stands: boolean, };

/**
 * A decision that was made at this till.
 */
export type DecidedHere = { 
/**
 * The decision.
 */
decided: CaseDecision, 
/**
 * What became of it, as a code ("waiting", "stands", "before", "unknown").
 */
heard: string, };

/**
 * A practice code of the demo chain.
 */
export type PracticeCode = { 
/**
 * What a scan of it types.
 */
text: string, 
/**
 * Its picture, as SVG text.
 */
svg: string, 
/**
 * "order", "coupon", "times_card", "member" or "fails".
 */
group: string, 
/**
 * What it is.
 */
caption: string, 
/**
 * What must happen on a first scan, as a reason code or "offer" or "member".
 */
expect: string, };

/**
 * What was found out about the scanners of this till, for the wedge.
 */
export type Habits = { 
/**
 * Whether every scanner ends its texts with a suffix; nothing if none was examined.
 */
suffix: boolean | null, 
/**
 * The slowest one's usual gap from key to key (ms).
 */
gap: number, };

/**
 * The doctor's panel.
 */
export type Doctor = { 
/**
 * The test codes, in the order in which they are scanned.
 */
tests: Array<TestCode>, 
/**
 * The scanners that were examined, by number.
 */
scanners: Array<Scanner>, 
/**
 * How many a counter may have.
 */
most: number, 
/**
 * The test code that was scanned just now; nothing if none was, or if it was no test code.
 */
heard: string | null, 
/**
 * All of it in words, to be copied.
 */
report: string, };

/**
 * A test code.
 */
export type TestCode = { 
/**
 * "digits", "capitals", "signs" or "long".
 */
test: string, 
/**
 * What a scan of it types.
 */
text: string, 
/**
 * Its QR code, as SVG text.
 */
square: string, 
/**
 * Its bar code, as SVG text, where it has one.
 */
bars: string | null, 
/**
 * How many modules that is wide.
 */
bars_width: number | null, };

/**
 * What was found out about one scanner.
 */
export type Scanner = { 
/**
 * Its number, from 1.
 */
number: number, 
/**
 * The code of the verdict: "none", "partly", "fine", "handled", "better" or "fix".
 */
verdict: string, 
/**
 * The last scan of each test code.
 */
scans: Array<TestScan>, 
/**
 * What they say, weightiest first.
 */
findings: Array<Finding>, };

/**
 * A scan of a test code.
 */
export type TestScan = { 
/**
 * Which code.
 */
test: string, 
/**
 * Whether it came as it is.
 */
exact: boolean, 
/**
 * From key to key (ms).
 */
gap: number, 
/**
 * What came after it: "enter", "tab", "etx" or "none".
 */
suffix: string, };

/**
 * One thing that was found out.
 */
export type Finding = { 
/**
 * The code of its sentences.
 */
finding: string, 
/**
 * "fine", "handled", "better" or "fix".
 */
weight: string, 
/**
 * What stands in the sentences' places.
 */
figures: Array<Figure>, };

/**
 * What stands in one place of a sentence.
 */
export type Figure = { 
/**
 * The place's name.
 */
name: string, 
/**
 * What stands there.
 */
value: string, };

/**
 * A burst with how it came, for the doctor.
 */
export type Heard = { 
/**
 * What the keys type on a US keyboard.
 */
physical: string, 
/**
 * What layout, CapsLock and input method made of them.
 */
logical: string, 
/**
 * Whether CapsLock was on.
 */
caps: boolean, 
/**
 * From key to key (ms).
 */
gap: number, 
/**
 * Nine of ten gaps are no longer (ms).
 */
gap_most: number, 
/**
 * What came before it: "enter", "tab", "etx" or "none".
 */
prefix: string, 
/**
 * What came after it.
 */
suffix: string, 
/**
 * So many keys an input method has hidden.
 */
hidden: number, 
/**
 * Characters came as numbers typed with Alt.
 */
alt_numbers: boolean, };

/**
 * What the clerk did.
 */
export type Act = { "act": "burst", 
/**
 * What the keys type on a US keyboard.
 */
physical: string, 
/**
 * What layout, CapsLock and input method made of them: one character for each of `physical`.
 */
logical: string, 
/**
 * Whether CapsLock was on.
 */
caps: boolean, 
/**
 * Before which characters there was a pause that may part two texts.
 */
pauses: Array<number>, 
/**
 * Whether it may be part of a text.
 */
cut: boolean, } | { "act": "scan", 
/**
 * The text.
 */
text: string, 
/**
 * Where it came from.
 */
source: Source, } | { "act": "confirm", 
/**
 * What is taken.
 */
takes: Array<Take>, } | { "act": "approve", 
/**
 * Who.
 */
manager: string, 
/**
 * With which PIN.
 */
pin: string, 
/**
 * Why.
 */
why: string, } | { "act": "choose", 
/**
 * The entitlement.
 */
id: string, } | { "act": "undo", 
/**
 * Its number.
 */
number: string, } | { "act": "undo_part", 
/**
 * Its number.
 */
number: string, 
/**
 * So much of it.
 */
takes: Array<Take>, } | { "act": "hand_over", 
/**
 * Its number.
 */
number: string, } | { "act": "next" } | { "act": "sign_in", 
/**
 * Who.
 */
clerk: string, 
/**
 * With which PIN.
 */
pin: string, } | { "act": "sign_out" } | { "act": "enrol", 
/**
 * The server's address.
 */
address: string, 
/**
 * The one-time code.
 */
code: string, } | { "act": "sync" } | { "act": "language", 
/**
 * Which.
 */
language: string, };

/**
 * So many of one line.
 */
export type Take = { 
/**
 * Article number.
 */
sku: string, 
/**
 * How many.
 */
quantity: number, };

/**
 * Where a text came from.
 */
export type Source = "pad" | "practice";
