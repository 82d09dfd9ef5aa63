//! What may be issued, whoever asks: a merchant's program or the command line. Whatever is wrong is said with the name
//! of its field.

use serde_json::Value;
use wire::campaign::Put;
use wire::entitlement::{Kind, Line, Standing};
use wire::merchant::{CodeWanted, Issue, LINE_FIELDS};

use crate::store::{NewCampaign, NewEntitlement, Store, StoreError};

/// Longest texts (characters), most entries, and largest numbers.
const TITLE_MAX: usize = 100;
const WORDS_MAX: usize = 60;
const NOTE_MAX: usize = 200;
const CODE_MAX: usize = 128;
const LINES_MAX: usize = 100;
const NOTES_MAX: usize = 20;
const STORES_MAX: usize = 1_000;
const QUANTITY_MAX: u32 = 10_000;
/// The most that an amount may be (fen): 100 million yuan.
pub const FEN_MAX: i64 = 10_000_000_000;

/// A field that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its name as the merchants' API has it, such as `lines[0].sku`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Why it is not issued.
#[derive(Debug)]
pub enum NotAsked {
    /// A field is wrong.
    Wrong(Wrong),
    /// The database failed.
    Store(StoreError),
}

impl From<Wrong> for NotAsked {
    fn from(wrong: Wrong) -> NotAsked {
        NotAsked::Wrong(wrong)
    }
}

impl From<StoreError> for NotAsked {
    fn from(error: StoreError) -> NotAsked {
        NotAsked::Store(error)
    }
}

/// What was asked, as short as a database keeps it: whoever asks for the same again gets what was issued.
pub fn hash(asked: &Issue) -> Result<Vec<u8>, StoreError> {
    Ok(blake3::hash(&serde_json::to_vec(asked)?).as_bytes().to_vec())
}

/// Refuses a request to issue with fields that there are not: each is a slip of the pen.
pub fn known_fields(body: &Value) -> Result<(), Wrong> {
    known("", body, &Issue::FIELDS)?;
    let code = &body["code"];
    known("code.", code, CodeWanted::fields(code["form"].as_str().unwrap_or_default()))?;
    known_lines(body)
}

/// The same for a campaign.
pub fn known_campaign_fields(body: &Value) -> Result<(), Wrong> {
    known("", body, &Put::FIELDS)?;
    known_lines(body)
}

/// The lines that it has, if all that can be seen without the database is right.
pub fn fits(asked: &Issue) -> Result<Vec<Line>, Wrong> {
    words("holder", &asked.holder, 0..=WORDS_MAX)?;
    common(asked)?;
    if let CodeWanted::Opaque { profile, code, order } = &asked.code {
        words("code.profile", profile, 1..=WORDS_MAX)?;
        words("code.code", code, 1..=CODE_MAX)?;
        words("code.order", order, 0..=CODE_MAX)?;
    }
    lines(asked)
}

/// What is to be issued, with stores and membership by their ids.
pub async fn entitlement(store: &Store, asked: &Issue) -> Result<NewEntitlement, NotAsked> {
    Ok(NewEntitlement {
        lines: fits(asked)?,
        kind: asked.kind.clone(),
        title: asked.title.clone(),
        standing: Standing::Good,
        valid_from: asked.valid_from,
        valid_until: asked.valid_until,
        stores: stores(store, asked).await?,
        spend_min: asked.spend_min,
        value: asked.value,
        holder: asked.holder.clone(),
        notes: asked.notes.clone(),
        member: member(store, asked).await?,
    })
}

/// The lines that all codes of a campaign have, if all that can be seen without the database is right.
pub fn campaign_fits(put: &Put) -> Result<Vec<Line>, Wrong> {
    let asked = as_issue(put);
    common(&asked)?;
    let each_has_its_own = put.lines.is_empty() && matches!(put.kind, Kind::Order | Kind::TimesCard);
    if each_has_its_own { Ok(Vec::new()) } else { lines(&asked) }
}

/// What a campaign is to be, with its stores by their ids. Without a number it gets one.
pub async fn campaign(store: &Store, number: Option<u16>, put: &Put) -> Result<NewCampaign, NotAsked> {
    let lines = campaign_fits(put)?;
    let asked = as_issue(put);
    Ok(NewCampaign {
        campaign: number,
        lines,
        stores: stores(store, &asked).await?,
        title: asked.title,
        kind: asked.kind,
        valid_from: asked.valid_from,
        valid_until: asked.valid_until,
        spend_min: asked.spend_min,
        value: asked.value,
        notes: asked.notes,
        complete: put.complete,
    })
}

fn as_issue(put: &Put) -> Issue {
    Issue {
        kind: put.kind.clone(),
        title: put.title.clone(),
        lines: put.lines.clone(),
        valid_from: put.valid_from,
        valid_until: put.valid_until,
        stores: put.stores.clone(),
        spend_min: put.spend_min,
        value: put.value,
        holder: String::new(),
        notes: put.notes.clone(),
        member: None,
        code: CodeWanted::Own,
    }
}

fn known_lines(body: &Value) -> Result<(), Wrong> {
    let lines = body["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    lines
        .iter()
        .enumerate()
        .try_for_each(|(place, line)| known(&format!("lines[{place}]."), line, &LINE_FIELDS))
}

/// What is no object is for the reader to refuse.
fn known(path: &str, object: &Value, fields: &[&str]) -> Result<(), Wrong> {
    let unknown = |name: &&String| !fields.contains(&name.as_str());
    match object.as_object().and_then(|object| object.keys().find(unknown)) {
        Some(name) => {
            let name: String = name.chars().take(40).collect();
            Err(Wrong::new(&format!("{path}{name}"), "there is no such field"))
        }
        None => Ok(()),
    }
}

impl Wrong {
    fn new(field: &str, problem: &str) -> Wrong {
        Wrong { field: field.to_owned(), problem: problem.to_owned() }
    }
}

fn common(asked: &Issue) -> Result<(), Wrong> {
    words("title", &asked.title, 1..=TITLE_MAX)?;
    kind(&asked.kind)?;
    money("spend_min", asked.spend_min)?;
    money("value", asked.value)?;
    if asked.notes.len() > NOTES_MAX {
        return Err(Wrong::new("notes", &format!("there are at most {NOTES_MAX}")));
    }
    asked.notes.iter().try_for_each(|note| words("notes", note, 1..=NOTE_MAX))?;
    window(asked)
}

fn kind(kind: &Kind) -> Result<(), Wrong> {
    match kind {
        Kind::Order | Kind::TimesCard => Ok(()),
        Kind::AmountOff { fen } if (1..=FEN_MAX).contains(fen) => Ok(()),
        Kind::AmountOff { .. } => Err(Wrong::new("fen", &format!("it is from 1 to {FEN_MAX}"))),
        Kind::PercentOff { percent: 1..=99 } => Ok(()),
        Kind::PercentOff { .. } => Err(Wrong::new("percent", "it is from 1 to 99; 15 is 8.5 折")),
        Kind::Exchange { goods } => words("goods", goods, 1..=TITLE_MAX),
        Kind::Member { tier, points, balance } => {
            words("tier", tier, 1..=WORDS_MAX)?;
            if !(0..=FEN_MAX).contains(points) {
                return Err(Wrong::new("points", &format!("they are from 0 to {FEN_MAX}")));
            }
            money("balance", *balance)
        }
    }
}

fn lines(asked: &Issue) -> Result<Vec<Line>, Wrong> {
    let wrong = |problem: &str| Err(Wrong::new("lines", problem));
    let lines = match (&asked.kind, asked.lines.as_slice()) {
        (Kind::Order, []) => return wrong("an order has at least one"),
        (Kind::Order, lines) if lines.len() > LINES_MAX => {
            return wrong(&format!("an order has at most {LINES_MAX}"));
        }
        (Kind::Order, lines) => lines.to_vec(),
        (Kind::TimesCard, [only]) => vec![only.clone()],
        (Kind::TimesCard, _) => return wrong("a card has one, whose quantity is its uses"),
        (Kind::Member { .. }, []) => Vec::new(),
        (Kind::Member { .. }, _) => return wrong("a membership has none"),
        (_, [only]) if only.quantity == 1 => vec![only.clone()],
        (Kind::Exchange { goods }, []) => vec![coupon_line(goods)],
        (Kind::AmountOff { .. } | Kind::PercentOff { .. }, []) => vec![coupon_line(&asked.title)],
        (Kind::AmountOff { .. } | Kind::PercentOff { .. } | Kind::Exchange { .. }, _) => {
            return wrong("a coupon has one with the quantity 1; what is used several times is a times_card");
        }
    };
    for (place, line) in lines.iter().enumerate() {
        words(&format!("lines[{place}].sku"), &line.sku, 1..=WORDS_MAX)?;
        words(&format!("lines[{place}].name"), &line.name, 1..=TITLE_MAX)?;
        words(&format!("lines[{place}].variant"), &line.variant, 0..=WORDS_MAX)?;
        words(&format!("lines[{place}].shelf"), &line.shelf, 0..=WORDS_MAX)?;
        if !(1..=QUANTITY_MAX).contains(&line.quantity) {
            let field = format!("lines[{place}].quantity");
            return Err(Wrong::new(&field, &format!("it is from 1 to {QUANTITY_MAX}")));
        }
        if lines.iter().take(place).any(|before| before.sku == line.sku) {
            return Err(Wrong::new(&format!("lines[{place}].sku"), "each line has its own"));
        }
    }
    Ok(lines)
}

fn coupon_line(name: &str) -> Line {
    Line {
        sku: "coupon".to_owned(),
        name: name.to_owned(),
        variant: String::new(),
        shelf: String::new(),
        quantity: 1,
    }
}

fn window(asked: &Issue) -> Result<(), Wrong> {
    for (field, moment) in [("valid_from", asked.valid_from), ("valid_until", asked.valid_until)] {
        if moment.is_some_and(|moment| moment <= 0) {
            return Err(Wrong::new(field, "it is in milliseconds since 1970"));
        }
    }
    match (asked.valid_from, asked.valid_until) {
        (Some(from), Some(until)) if from > until => {
            Err(Wrong::new("valid_until", "it is before valid_from: this could never be used"))
        }
        _ => Ok(()),
    }
}

async fn stores(store: &Store, asked: &Issue) -> Result<Option<Vec<String>>, NotAsked> {
    let Some(names) = &asked.stores else { return Ok(None) };
    if names.is_empty() || names.len() > STORES_MAX {
        let problem =
            format!("there are 1 to {STORES_MAX}; leave the field out for every store of the chain");
        return Err(Wrong::new("stores", &problem).into());
    }
    let known = store.stores().await?;
    let mut ids: Vec<String> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let Some(shop) = known.iter().find(|shop| shop.id == *name || shop.name == *name) else {
            return Err(
                Wrong::new(&format!("stores[{place}]"), "the chain has no store of that name or id").into()
            );
        };
        if !ids.contains(&shop.id) {
            ids.push(shop.id.clone());
        }
    }
    Ok(Some(ids))
}

async fn member(store: &Store, asked: &Issue) -> Result<Option<String>, NotAsked> {
    let Some(member) = &asked.member else { return Ok(None) };
    let held = match store.by_id(member).await? {
        Some(held) => Some(held),
        None => store.by_reference(member).await?,
    };
    match held {
        Some(held) if matches!(held.entitlement.kind, Kind::Member { .. }) => Ok(Some(held.entitlement.id)),
        _ => Err(Wrong::new("member", "it is neither the reference nor the id of a membership").into()),
    }
}

fn words(field: &str, text: &str, length: std::ops::RangeInclusive<usize>) -> Result<(), Wrong> {
    if !length.contains(&text.chars().count()) {
        let (from, to) = length.into_inner();
        return Err(Wrong::new(field, &format!("it has {from} to {to} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(field, "it holds a control character, which would break a till's screen"));
    }
    Ok(())
}

fn money(field: &str, fen: i64) -> Result<(), Wrong> {
    if (0..=FEN_MAX).contains(&fen) {
        return Ok(());
    }
    Err(Wrong::new(field, &format!("it is in fen, from 0 to {FEN_MAX}")))
}
