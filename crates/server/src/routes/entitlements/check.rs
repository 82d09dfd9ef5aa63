//! What a request to issue must be like. Whatever is wrong is said with the name of its field.

use wire::campaign::Put;
use wire::entitlement::{Kind, Line, Standing};
use wire::merchant::{CodeWanted, Issue};

use super::super::problem::Answer;
use crate::store::{NewCampaign, NewEntitlement, Store};

/// Longest texts (characters), most entries, and largest numbers.
const TITLE_MAX: usize = 100;
const WORDS_MAX: usize = 60;
const NOTE_MAX: usize = 200;
const CODE_MAX: usize = 128;
const LINES_MAX: usize = 100;
const NOTES_MAX: usize = 20;
const STORES_MAX: usize = 1_000;
const QUANTITY_MAX: u32 = 10_000;
/// 100 million yuan.
const FEN_MAX: i64 = 10_000_000_000;

/// What is to be issued, with stores and membership by their ids.
pub(super) async fn entitlement(store: &Store, asked: &Issue) -> Result<NewEntitlement, Answer> {
    words("holder", &asked.holder, 0..=WORDS_MAX)?;
    common(asked)?;
    if let CodeWanted::Opaque { profile, code, order } = &asked.code {
        words("code.profile", profile, 1..=WORDS_MAX)?;
        words("code.code", code, 1..=CODE_MAX)?;
        words("code.order", order, 0..=CODE_MAX)?;
    }
    Ok(NewEntitlement {
        kind: asked.kind.clone(),
        title: asked.title.clone(),
        lines: lines(asked)?,
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

/// What a campaign is to be, with its stores by their ids.
pub(in crate::routes) async fn campaign(
    store: &Store,
    number: u16,
    put: &Put,
) -> Result<NewCampaign, Answer> {
    let asked = Issue {
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
    };
    common(&asked)?;
    let each_has_its_own = put.lines.is_empty() && matches!(put.kind, Kind::Order | Kind::TimesCard);
    Ok(NewCampaign {
        campaign: Some(number),
        lines: if each_has_its_own { Vec::new() } else { lines(&asked)? },
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

fn common(asked: &Issue) -> Result<(), Answer> {
    words("title", &asked.title, 1..=TITLE_MAX)?;
    money("spend_min", asked.spend_min)?;
    money("value", asked.value)?;
    kind(&asked.kind)?;
    if asked.notes.len() > NOTES_MAX {
        return Err(Answer::invalid("notes", &format!("there are at most {NOTES_MAX}")));
    }
    asked.notes.iter().try_for_each(|note| words("notes", note, 1..=NOTE_MAX))?;
    window(asked)
}

fn kind(kind: &Kind) -> Result<(), Answer> {
    match kind {
        Kind::Order | Kind::TimesCard => Ok(()),
        Kind::AmountOff { fen } if (1..=FEN_MAX).contains(fen) => Ok(()),
        Kind::AmountOff { .. } => Err(Answer::invalid("fen", &format!("it is from 1 to {FEN_MAX}"))),
        Kind::PercentOff { percent: 1..=99 } => Ok(()),
        Kind::PercentOff { .. } => Err(Answer::invalid("percent", "it is from 1 to 99; 15 is 8.5 折")),
        Kind::Exchange { goods } => words("goods", goods, 1..=TITLE_MAX),
        Kind::Member { tier, points, balance } => {
            words("tier", tier, 1..=WORDS_MAX)?;
            if !(0..=FEN_MAX).contains(points) {
                return Err(Answer::invalid("points", &format!("they are from 0 to {FEN_MAX}")));
            }
            money("balance", *balance)
        }
    }
}

fn lines(asked: &Issue) -> Result<Vec<Line>, Answer> {
    let wrong = |problem: &str| Err(Answer::invalid("lines", problem));
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
            return Err(Answer::invalid(&field, &format!("it is from 1 to {QUANTITY_MAX}")));
        }
        if lines.iter().take(place).any(|before| before.sku == line.sku) {
            return Err(Answer::invalid(&format!("lines[{place}].sku"), "each line has its own"));
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

fn window(asked: &Issue) -> Result<(), Answer> {
    for (field, moment) in [("valid_from", asked.valid_from), ("valid_until", asked.valid_until)] {
        if moment.is_some_and(|moment| moment <= 0) {
            return Err(Answer::invalid(field, "it is in milliseconds since 1970"));
        }
    }
    match (asked.valid_from, asked.valid_until) {
        (Some(from), Some(until)) if from > until => {
            Err(Answer::invalid("valid_until", "it is before valid_from: this could never be used"))
        }
        _ => Ok(()),
    }
}

async fn stores(store: &Store, asked: &Issue) -> Result<Option<Vec<String>>, Answer> {
    let Some(names) = &asked.stores else { return Ok(None) };
    if names.is_empty() || names.len() > STORES_MAX {
        let problem =
            format!("there are 1 to {STORES_MAX}; leave the field out for every store of the chain");
        return Err(Answer::invalid("stores", &problem));
    }
    let known = store.stores().await?;
    let mut ids: Vec<String> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let Some(shop) = known.iter().find(|shop| shop.id == *name || shop.name == *name) else {
            return Err(Answer::invalid(
                &format!("stores[{place}]"),
                "the chain has no store of that name or id",
            ));
        };
        if !ids.contains(&shop.id) {
            ids.push(shop.id.clone());
        }
    }
    Ok(Some(ids))
}

async fn member(store: &Store, asked: &Issue) -> Result<Option<String>, Answer> {
    let Some(member) = &asked.member else { return Ok(None) };
    let held = match store.by_id(member).await? {
        Some(held) => Some(held),
        None => store.by_reference(member).await?,
    };
    match held {
        Some(held) if matches!(held.entitlement.kind, Kind::Member { .. }) => Ok(Some(held.entitlement.id)),
        _ => Err(Answer::invalid("member", "it is neither the reference nor the id of a membership")),
    }
}

fn words(field: &str, text: &str, length: std::ops::RangeInclusive<usize>) -> Result<(), Answer> {
    if !length.contains(&text.chars().count()) {
        let (from, to) = length.into_inner();
        return Err(Answer::invalid(field, &format!("it has {from} to {to} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Answer::invalid(
            field,
            "it holds a control character, which would break a till's screen",
        ));
    }
    Ok(())
}

fn money(field: &str, fen: i64) -> Result<(), Answer> {
    if (0..=FEN_MAX).contains(&fen) {
        return Ok(());
    }
    Err(Answer::invalid(field, &format!("it is in fen, from 0 to {FEN_MAX}")))
}
