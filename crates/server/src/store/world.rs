//! Reads what a batch of lines, or one request, may touch: a handful of statements, however many lines there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::case::{CaseClass, Decision};
use model::decide::{Known, Origin};
use model::entitlement as m;
use model::place::StoreId;
use model::policy::Policy;
use model::redemption::Number;
use model::time::{UnixMs, Window};
use sqlx::{AssertSqlSafe, Row};
use wire::entitlement as w;
use wire::line::{Act, Begun, Line, Stand};

use super::chain::unsigned;
use super::db::{Conn, DbRow};
use super::journals::gaps;
use super::{BUCKET, Device, StoreError, TENANT, entitlements, many, policies};
use crate::intake::{
    About, Bounds, CaseRow, Claim, HandedOver, Held, Intent, LineAt, NumberRow, Rotating, Side, Standing,
    State, Who, World, holdable, stand_before,
};

/// What lines, or a request, speak of.
#[derive(Default)]
pub(super) struct Wanted {
    numbers: BTreeSet<Number>,
    intents: BTreeSet<Number>,
    entitlements: BTreeSet<String>,
    /// Those of which a rotating code was shown.
    rotating: BTreeSet<String>,
    cases: BTreeSet<String>,
    /// Where the till says that its journal stood before an epoch.
    stands: Vec<Stand>,
    /// What later lines say of the epoch whose lines come.
    claims: Vec<Claim>,
    /// Whether what is open about the till itself is read too.
    till: bool,
}

/// Columns of `redemptions`, for [`number_row`].
const NUMBER_COLUMNS: &str =
    "number, state, entitlement, takes, taken_back, at, received_at, device, till, store,
    store_name, clerk, request, answer, undo, undone_at, undone_by, line_epoch, line_seq, line_branch,
    handed_over_at";

impl Wanted {
    /// What a request about a number speaks of.
    pub(super) fn number(number: Number) -> Wanted {
        Wanted { numbers: BTreeSet::from([number]), ..Wanted::default() }
    }

    /// With an entitlement, and the moment of the rotating code that opened it.
    pub(super) fn with(mut self, entitlement: &str, moment: bool) -> Wanted {
        self.entitlements.insert(entitlement.to_owned());
        if moment {
            self.rotating.insert(entitlement.to_owned());
        }
        self
    }

    /// What is open about the till itself.
    pub(super) fn till() -> Wanted {
        Wanted { till: true, ..Wanted::default() }
    }

    /// What these lines speak of.
    pub(super) fn of_lines<'l>(lines: impl Iterator<Item = &'l Line>) -> Wanted {
        let mut wanted = Wanted::till();
        lines.for_each(|line| wanted.add_line(line));
        wanted
    }

    /// With what later lines say of this epoch, and the cases that came of it.
    pub(super) fn with_claims(mut self, device: &Device, claims: Vec<Claim>) -> Wanted {
        self.cases.extend(claims.iter().map(|claim| claim.case_name(&device.id)));
        Wanted { claims, ..self }
    }

    fn add_line(&mut self, line: &Line) {
        match &line.act {
            Act::Begun(begun) => self.add_begun(begun),
            Act::Decided(decided) => {
                let Ok(number) = decided.number.parse() else { return };
                self.numbers.insert(number);
                match &decided.begun {
                    Some(begun) => self.add_begun(begun),
                    None => drop(self.intents.insert(number)),
                }
            }
            Act::Undone { of, .. } => self.numbers.extend(of.parse::<Number>()),
            // The last answer that a line tells of dates all that follow.
            Act::Settled { settled } => {
                self.numbers.extend(settled.last().and_then(|told| told.number.parse::<Number>().ok()));
            }
            Act::Resolved { case, .. } => drop(self.cases.insert(holdable(case))),
            Act::Opened { before, .. } => self.stands.extend(stand_before(line.epoch, before.as_ref())),
            Act::Refused(_) => {}
        }
    }

    fn add_begun(&mut self, begun: &Begun) {
        let entitlement = holdable(&begun.entitlement);
        if begun.proof.as_ref().is_some_and(|proof| proof.moment.is_some()) {
            self.rotating.insert(entitlement.clone());
        }
        self.entitlements.insert(entitlement);
    }

    /// Reads it, as this transaction sees it.
    pub(super) async fn read(
        mut self,
        tx: &mut Conn,
        device: &Device,
        now: UnixMs,
        bounds: Bounds,
    ) -> Result<World, StoreError> {
        // Only lines, and whoever looks after tills, are measured by the policy.
        let policy = match self.till {
            true => policies::of_store(tx, &device.store.id).await?,
            false => Policy::default(),
        };
        let mut world = World::new(device, now, bounds, policy);
        read_numbers(tx, &mut world, &texts(&self.numbers)).await?;
        for intent in read_intents(tx, device, &texts(&self.intents)).await? {
            if intent.moment != 0 {
                self.rotating.insert(intent.entitlement.clone());
            }
            world.put_intent(intent);
        }
        self.entitlements.extend(world.entitlements());
        let entitlements: Vec<String> = self.entitlements.into_iter().filter(|id| !id.is_empty()).collect();
        read_uses(tx, &mut world, &entitlements).await?;
        read_held(tx, &mut world, &entitlements, now).await?;
        read_rotating(tx, &mut world, &self.rotating.into_iter().collect::<Vec<_>>()).await?;
        let mut cases = of_entitlements(tx, &entitlements).await?;
        cases.extend(by_name(tx, &self.cases.into_iter().collect::<Vec<_>>()).await?);
        if self.till {
            cases.extend(of_till(tx, &device.id).await?);
        }
        for case in with_sides(tx, cases, false).await? {
            world.put_case(case);
        }
        for stand in &self.stands {
            if let Some(held) = gaps::held_before(tx, &device.id, stand).await? {
                world.put_before(stand, held);
            }
        }
        world.put_claims(self.claims);
        Ok(world)
    }
}

fn texts(numbers: &BTreeSet<Number>) -> Vec<String> {
    numbers.iter().map(Number::to_string).collect()
}

/// The rows for those keys: the statement names its keys as `IN (KEYS)`, after the tenant and one more argument.
pub(super) async fn rows_of(
    tx: &mut Conn,
    statement: &str,
    second: Second<'_>,
    keys: &[String],
) -> Result<Vec<DbRow>, StoreError> {
    let mut rows = Vec::new();
    for group in many::groups(tx, 1, keys) {
        let sql = statement.replace("KEYS", &many::list(3, group.len()));
        let query = sqlx::query(AssertSqlSafe(sql)).bind(TENANT);
        let mut query = match second {
            Second::Bucket => query.bind(BUCKET),
            Second::Text(text) => query.bind(text),
        };
        for key in group {
            query = query.bind(key);
        }
        rows.append(&mut query.fetch_all(&mut *tx).await?);
    }
    Ok(rows)
}

/// The second argument of a statement.
#[derive(Clone, Copy)]
pub(super) enum Second<'a> {
    Bucket,
    Text(&'a str),
}

async fn read_numbers(tx: &mut Conn, world: &mut World, numbers: &[String]) -> Result<(), StoreError> {
    let statement = format!(
        "SELECT {NUMBER_COLUMNS} FROM redemptions WHERE tenant = $1 AND bucket = $2 AND number IN (KEYS)"
    );
    for row in rows_of(tx, &statement, Second::Bucket, numbers).await? {
        world.put_number(number_row(&row)?);
    }
    Ok(())
}

async fn read_uses(tx: &mut Conn, world: &mut World, entitlements: &[String]) -> Result<(), StoreError> {
    let statement = format!(
        "SELECT {NUMBER_COLUMNS} FROM redemptions
         WHERE tenant = $1 AND bucket = $2 AND entitlement IN (KEYS) AND state = 'counted'"
    );
    for row in rows_of(tx, &statement, Second::Bucket, entitlements).await? {
        world.put_number(number_row(&row)?);
    }
    Ok(())
}

fn number_row(row: &DbRow) -> Result<NumberRow, StoreError> {
    let number: &str = row.try_get("number")?;
    let number = number.parse().map_err(|_| StoreError::Data(format!("a redemption called {number:?}")))?;
    let state = state_of(row.try_get("state")?)?;
    let line = line_at(row)?;
    Ok(NumberRow {
        number,
        state,
        entitlement: row.try_get("entitlement")?,
        takes: takes_of(row.try_get("takes")?)?,
        taken_back: takes_of(row.try_get("taken_back")?)?,
        at: row.try_get("at")?,
        received_at: row.try_get("received_at")?,
        who: who(row)?,
        request: row.try_get("request")?,
        answer: row.try_get("answer")?,
        undo: row.try_get("undo")?,
        undone_at: row.try_get("undone_at")?,
        undone_by: row.try_get("undone_by")?,
        handed_over: match line {
            Some(line) => Some(HandedOver { line, at: row.try_get("handed_over_at")? }),
            None => None,
        },
        before: Some(state),
        changed: false,
    })
}

pub(super) fn state_code(state: State) -> &'static str {
    match state {
        State::Counted => "counted",
        State::Refused => "refused",
        State::Voided => "voided",
        State::Undone => "undone",
    }
}

pub(super) fn state_of(code: &str) -> Result<State, StoreError> {
    [State::Counted, State::Refused, State::Voided, State::Undone]
        .into_iter()
        .find(|state| state_code(*state) == code)
        .ok_or_else(|| StoreError::Data(format!("a redemption that is {code:?}")))
}

/// Most rows have nothing, or one piece of one article.
pub(super) fn takes_of(json: &str) -> Result<Vec<w::Take>, StoreError> {
    if json == "[]" { Ok(Vec::new()) } else { Ok(serde_json::from_str(json)?) }
}

fn who(row: &DbRow) -> Result<Who, StoreError> {
    Ok(Who {
        device: row.try_get("device")?,
        till: row.try_get("till")?,
        store: w::Store { id: row.try_get("store")?, name: row.try_get("store_name")? },
        clerk: row.try_get("clerk")?,
    })
}

/// The line that a row names, if it names one.
pub(super) fn line_at(row: &DbRow) -> Result<Option<LineAt>, StoreError> {
    let (epoch, seq): (i64, i64) = (row.try_get("line_epoch")?, row.try_get("line_seq")?);
    let branch = wire::codes::unhex(row.try_get("line_branch")?);
    Ok((seq != 0).then(|| LineAt { epoch: unsigned(epoch), seq: unsigned(seq), branch }))
}

async fn read_intents(tx: &mut Conn, device: &Device, numbers: &[String]) -> Result<Vec<Intent>, StoreError> {
    let statement =
        "SELECT number, entitlement, title, takes, value, at, clerk, moment, line_epoch, line_seq,
                            line_branch
                     FROM begun WHERE tenant = $1 AND device = $2 AND number IN (KEYS)";
    let rows = rows_of(tx, statement, Second::Text(&device.id), numbers).await?;
    rows.iter()
        .map(|row| {
            let number: &str = row.try_get("number")?;
            let number =
                number.parse().map_err(|_| StoreError::Data(format!("a redemption called {number:?}")))?;
            Ok(Intent {
                number,
                entitlement: row.try_get("entitlement")?,
                title: row.try_get("title")?,
                takes: takes_of(row.try_get("takes")?)?,
                value: row.try_get("value")?,
                at: row.try_get("at")?,
                clerk: row.try_get("clerk")?,
                moment: row.try_get("moment")?,
                line: line_at(row)?.unwrap_or(LineAt::NONE),
                fresh: false,
            })
        })
        .collect()
}

/// Reads entitlements as the rules want them; texts that only a clerk reads stay where they are.
async fn read_held(tx: &mut Conn, world: &mut World, ids: &[String], now: UnixMs) -> Result<(), StoreError> {
    let heads =
        "SELECT entitlement, version, title, kind, standing, valid_from, valid_until, any_store, value
                 FROM entitlements WHERE tenant = $1 AND bucket = $2 AND entitlement IN (KEYS)";
    let heads = rows_of(tx, heads, Second::Bucket, ids).await?;
    let lines = "SELECT entitlement, sku, quantity, taken FROM entitlement_lines
                 WHERE tenant = $1 AND bucket = $2 AND entitlement IN (KEYS)";
    let mut lines_of: HashMap<String, Vec<(m::Line, i64)>> = HashMap::new();
    for row in rows_of(tx, lines, Second::Bucket, ids).await? {
        let line = m::Line {
            sku: row.try_get("sku")?,
            name: String::new(),
            variant: String::new(),
            shelf: String::new(),
            quantity: u32::try_from(row.try_get::<i64, _>("quantity")?).unwrap_or(0),
        };
        lines_of.entry(row.try_get("entitlement")?).or_default().push((line, row.try_get("taken")?));
    }
    let mut bound = Vec::new();
    for row in &heads {
        if row.try_get::<i64, _>("any_store")? != 1 {
            bound.push(row.try_get::<String, _>("entitlement")?);
        }
    }
    let stores = "SELECT entitlement, store FROM entitlement_stores
                  WHERE tenant = $1 AND bucket = $2 AND entitlement IN (KEYS)";
    let mut stores_of: HashMap<String, Vec<(StoreId, String)>> = HashMap::new();
    for row in rows_of(tx, stores, Second::Bucket, &bound).await? {
        let store = (StoreId(row.try_get("store")?), String::new());
        stores_of.entry(row.try_get("entitlement")?).or_default().push(store);
    }
    let mut uses_of = world.uses();
    for row in &heads {
        let id: String = row.try_get("entitlement")?;
        let (lines, taken): (Vec<m::Line>, Vec<(String, i64)>) = lines_of
            .remove(&id)
            .unwrap_or_default()
            .into_iter()
            .map(|(line, taken)| (line.clone(), (line.sku, taken)))
            .unzip();
        let stores = stores_of.remove(&id).unwrap_or_default();
        let uses = uses_of.remove(&id).unwrap_or_default();
        let entitlement = entitlement_of(row, lines, stores, uses)?;
        let known = Known {
            entitlement,
            heard_at: now,
            origin: Origin::Server,
            mine: Vec::new(),
            undone: BTreeSet::new(),
        };
        world.put_held(Held::new(known, row.try_get("version")?, taken));
    }
    Ok(())
}

fn entitlement_of(
    row: &DbRow,
    lines: Vec<m::Line>,
    stores: Vec<(StoreId, String)>,
    uses: Vec<m::Use>,
) -> Result<m::Entitlement, StoreError> {
    let (from, until): (i64, i64) = (row.try_get("valid_from")?, row.try_get("valid_until")?);
    let kind: w::Kind = serde_json::from_str(row.try_get("kind")?)?;
    let any = row.try_get::<i64, _>("any_store")? == 1;
    Ok(m::Entitlement {
        id: m::EntitlementId(row.try_get("entitlement")?),
        version: unsigned(row.try_get("version")?),
        title: row.try_get("title")?,
        kind: (&kind).into(),
        lines,
        standing: entitlements::standing(row.try_get("standing")?)?.into(),
        window: Window {
            from: Some(UnixMs(from)).filter(|from| from.0 > 0),
            until: Some(UnixMs(until)).filter(|until| until.0 < entitlements::FOR_EVER),
        },
        stores: if any { m::Stores::Any } else { m::Stores::Only(stores) },
        spend_min: m::Fen(0),
        value: m::Fen(row.try_get("value")?),
        holder: String::new(),
        member: None,
        code_tail: String::new(),
        notes: Vec::new(),
        uses,
    })
}

/// The rotating codes that open these: an entitlement's own, or else that of the membership which it belongs to.
async fn read_rotating(tx: &mut Conn, world: &mut World, ids: &[String]) -> Result<(), StoreError> {
    let statement = "SELECT e.entitlement, s.campaign, s.serial, s.last_moment,
                            CASE WHEN s.entitlement = e.entitlement THEN 1 ELSE 0 END AS own
                     FROM entitlements e
                     JOIN codes c ON c.tenant = e.tenant AND c.bucket = e.bucket AND c.form = 'rotating'
                                 AND c.entitlement IN (e.entitlement, e.member)
                     JOIN signed_codes s
                       ON s.tenant = c.tenant AND s.bucket = c.bucket AND s.entitlement = c.entitlement
                     WHERE e.tenant = $1 AND e.bucket = $2 AND e.entitlement IN (KEYS) ORDER BY own";
    // The entitlement's own comes last, and stays.
    for row in rows_of(tx, statement, Second::Bucket, ids).await? {
        let rotating = Rotating {
            key: (row.try_get("campaign")?, row.try_get("serial")?),
            own: row.try_get::<i64, _>("own")? == 1,
        };
        world.put_rotating(row.try_get("entitlement")?, rotating, row.try_get("last_moment")?);
    }
    Ok(())
}

/// Columns of `cases`, for [`case_row`].
pub(super) const CASE_COLUMNS: &str = "case_id, about, class, reason, state, decision, opened_at, changed_at, entitlement, device, title, value";

async fn of_entitlements(tx: &mut Conn, ids: &[String]) -> Result<Vec<CaseRow>, StoreError> {
    let statement = format!(
        "SELECT {CASE_COLUMNS} FROM cases WHERE tenant = $1 AND about = $2 AND entitlement IN (KEYS)"
    );
    let about = Second::Text(About::Acceptances.code());
    rows_of(tx, &statement, about, ids).await?.iter().map(case_row).collect()
}

async fn by_name(tx: &mut Conn, names: &[String]) -> Result<Vec<CaseRow>, StoreError> {
    let statement =
        format!("SELECT {CASE_COLUMNS} FROM cases WHERE tenant = $1 AND case_id <> $2 AND case_id IN (KEYS)");
    rows_of(tx, &statement, Second::Text(""), names).await?.iter().map(case_row).collect()
}

async fn of_till(tx: &mut Conn, device: &str) -> Result<Vec<CaseRow>, StoreError> {
    let sql = format!(
        "SELECT {CASE_COLUMNS} FROM cases
         WHERE tenant = $1 AND device = $2 AND about = 'till' AND state = 'open'"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(device).fetch_all(tx).await?;
    rows.iter().map(case_row).collect()
}

/// A case without its sides.
pub(super) fn case_row(row: &DbRow) -> Result<CaseRow, StoreError> {
    let odd = |what: &str, code: &str| StoreError::Data(format!("a case whose {what} is {code:?}"));
    let (class, about): (&str, &str) = (row.try_get("class")?, row.try_get("about")?);
    Ok(CaseRow {
        id: row.try_get("case_id")?,
        about: About::of_code(about).ok_or_else(|| odd("subject", about))?,
        class: CaseClass::of_code(class).ok_or_else(|| odd("class", class))?,
        reason: row.try_get("reason")?,
        open: row.try_get::<&str, _>("state")? == "open",
        decision: Decision::of_code(row.try_get("decision")?),
        opened_at: row.try_get("opened_at")?,
        changed_at: row.try_get("changed_at")?,
        entitlement: row.try_get("entitlement")?,
        device: row.try_get("device")?,
        title: row.try_get("title")?,
        value: row.try_get("value")?,
        first: 0,
        sides: Vec::new(),
        stores: BTreeSet::new(),
        fresh: false,
        changed: false,
    })
}

/// The cases with their sides; of those about a till, unless `all` are wanted, only how many there are.
pub(super) async fn with_sides(
    tx: &mut Conn,
    cases: Vec<CaseRow>,
    all: bool,
) -> Result<Vec<CaseRow>, StoreError> {
    let mut cases: BTreeMap<String, CaseRow> =
        cases.into_iter().map(|case| (case.id.clone(), case)).collect();
    let named = |till: bool| {
        let wanted = cases.values().filter(|case| (case.about == About::Till && !all) == till);
        wanted.map(|case| case.id.clone()).collect::<Vec<String>>()
    };
    let (of_tills, others) = (named(true), named(false));
    let statement = format!(
        "SELECT {SIDE_COLUMNS} FROM case_sides WHERE tenant = $1 AND case_id <> $2
                             AND case_id IN (KEYS) ORDER BY case_id, place"
    );
    for row in rows_of(tx, &statement, Second::Text(""), &others).await? {
        if let Some(case) = cases.get_mut(row.try_get::<&str, _>("case_id")?) {
            let side = side_of(&row)?;
            case.stores.insert(side.who.store.id.clone());
            if case.sides.is_empty() {
                case.first = row.try_get("place")?;
            }
            case.sides.push(side);
        }
    }
    let statement = "SELECT case_id, store, MAX(place) + 1 AS places FROM case_sides
                     WHERE tenant = $1 AND case_id <> $2 AND case_id IN (KEYS) GROUP BY case_id, store";
    for row in rows_of(tx, statement, Second::Text(""), &of_tills).await? {
        if let Some(case) = cases.get_mut(row.try_get::<&str, _>("case_id")?) {
            case.stores.insert(row.try_get("store")?);
            case.first = case.first.max(row.try_get("places")?);
        }
    }
    Ok(cases.into_values().collect())
}

/// Columns of `case_sides`, for [`side_of`].
pub(super) const SIDE_COLUMNS: &str =
    "case_id, place, number, standing, takes, value, at, not_before, received_at,
    device, till, store, store_name, clerk, line_epoch, line_seq, line_branch, told";

/// One side of a case.
pub(super) fn side_of(row: &DbRow) -> Result<Side, StoreError> {
    let standing: &str = row.try_get("standing")?;
    let standing = Standing::of_code(standing)
        .ok_or_else(|| StoreError::Data(format!("a side of a case that is {standing:?}")))?;
    let mut side = Side {
        number: row.try_get("number")?,
        standing,
        takes: takes_of(row.try_get("takes")?)?,
        value: row.try_get("value")?,
        at: row.try_get("at")?,
        not_before: row.try_get("not_before")?,
        received_at: row.try_get("received_at")?,
        who: who(row)?,
        line: line_at(row)?,
    };
    let told: &str = row.try_get("told")?;
    if !told.is_empty() {
        let use_: w::Use = serde_json::from_str(told)?;
        side.number = use_.number;
        side.takes = use_.takes;
        side.at = use_.done.at;
        side.who = Who {
            device: use_.done.device,
            till: use_.done.till,
            store: w::Store { id: String::new(), name: use_.done.store },
            clerk: use_.done.clerk,
        };
    }
    Ok(side)
}
