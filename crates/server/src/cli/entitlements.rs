//! `show`, `refund` and `cancel`: one entitlement, by its code, its id, or the merchant's own number.

use clap::Args;
use model::code::Code;
use model::entitlement::EntitlementId;
use model::signed::text::{self, Recognised};
use serde_json::json;
use server::Store;
use server::signing;
use server::store::Held;
use wire::entitlement::{Entitlement, Kind, Standing};

use super::say::Out;
use super::{Ended, refused, when};

/// Which entitlement.
#[derive(Args)]
pub struct Which {
    /// Its code, its id, or the merchant's own number
    code_or_id: String,
    /// The profile that describes the code, if a mall has made it
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The order without which the mall's code means nothing
    #[arg(long, value_name = "NUMBER", requires = "profile", default_value = "")]
    order: String,
}

/// Shows an entitlement with its uses.
pub async fn show(store: &Store, which: &Which, out: Out) -> Result<(), Ended> {
    let held = find(store, which).await?;
    let (reference, form, entitlement) = (held.reference, held.code.form(), held.entitlement);
    let left: Vec<_> =
        left(&entitlement).into_iter().map(|(sku, _, left)| json!({"sku": sku, "left": left})).collect();
    let coupons = match entitlement.kind {
        Kind::Member { .. } => store.of_member(&entitlement.id).await?,
        _ => Vec::new(),
    };
    let value = json!({
        "entitlement": entitlement, "reference": reference, "form": form, "left": left, "coupons": coupons
    });
    Ok(out.say(&value, || {
        let mut lines = lines(&entitlement, &coupons);
        if !reference.is_empty() {
            lines.insert(2, format!("the merchant's {reference}"));
        }
        lines
    })?)
}

/// Writes down that the money went back.
pub async fn refund(store: &Store, which: &Which, out: Out) -> Result<(), Ended> {
    set(store, which, Standing::Refunded, out).await
}

/// Writes down that it is cancelled.
pub async fn cancel(store: &Store, which: &Which, out: Out) -> Result<(), Ended> {
    set(store, which, Standing::Cancelled, out).await
}

async fn set(store: &Store, which: &Which, standing: Standing, out: Out) -> Result<(), Ended> {
    let Entitlement { id, title, .. } = find(store, which).await?.entitlement;
    let stands = store.set_standing(&id, standing).await?.unwrap_or(standing);
    // Looked at afterwards: what is counted between a look and the refund would be missed.
    let uses = store.by_id(&id).await?.map(|held| held.entitlement.uses).unwrap_or_default();
    let taken: u32 = uses.iter().flat_map(|use_| &use_.takes).map(|take| take.quantity).sum();
    let value = json!({"id": id, "title": title, "standing": stands, "already_taken": taken});
    Ok(out.say(&value, || {
        let mut lines =
            vec![format!("{title} is {}: tills refuse it as soon as they hear of it", in_words(stands))];
        if taken > 0 {
            lines.push(format!("but {taken} of it had been taken already: `show {id}` says when and where"));
        }
        lines
    })?)
}

/// The entitlement that is meant.
pub async fn find(store: &Store, which: &Which) -> Result<Held, Ended> {
    let text = which.code_or_id.trim();
    let held = match (&which.profile, Code::read(text)) {
        (Some(profile), _) => return of_mall(store, profile, which).await,
        (None, Ok(code)) => store.by_code(&code).await?,
        (None, Err(_)) if matches!(text::recognise(text), Recognised::Token(_)) => {
            signed(store, text).await?
        }
        (None, Err(_)) => match store.by_id(text).await? {
            Some(held) => Some(held),
            None => store.by_reference(text).await?,
        },
    };
    match held {
        Some(held) => Ok(held),
        None => refused(
            "unknown_entitlement",
            "this chain has never issued that: check the code, or use the id that `issue` gave; the code of a mall \
             needs its --profile",
        ),
    }
}

/// What a signed code stands for, if this chain's keys have signed it. Its moment does not matter to whoever asks here.
async fn signed(store: &Store, text: &str) -> Result<Option<Held>, Ended> {
    let Recognised::Token(token) = text::recognise(text) else { return Ok(None) };
    match signing::stands_for(store, &token).await? {
        Ok(serial) => Ok(store.by_id(&EntitlementId::of(serial).0).await?),
        Err(why) => refused(
            "not_taken",
            format!("this signed code is not taken ({}): use the id instead", why.code()),
        ),
    }
}

/// The one entitlement that has a mall's code.
async fn of_mall(store: &Store, profile: &str, which: &Which) -> Result<Held, Ended> {
    let Some(mut held) = store.by_mall_code(profile, which.code_or_id.trim(), &which.order).await? else {
        return refused(
            "unknown_profile",
            format!(
                "the chain has no profile called {profile}; `counterfoil-server profile list` lists them"
            ),
        );
    };
    match (held.pop(), held.as_slice()) {
        (None, _) => refused(
            "unknown_entitlement",
            format!(
                "nothing was issued with that code under {profile}: check the code, and --order if it needs one"
            ),
        ),
        (Some(only), []) => Ok(only),
        (Some(last), others) => {
            let ids: Vec<&str> =
                others.iter().chain([&last]).map(|held| held.entitlement.id.as_str()).collect();
            refused(
                "ambiguous_code",
                format!("{} entitlements have that code; use the id of one: {}", ids.len(), ids.join(", ")),
            )
        }
    }
}

/// Each line's article number, name, and how many are left.
fn left(entitlement: &Entitlement) -> Vec<(&str, &str, u32)> {
    let taken = |sku: &str| -> u32 {
        let takes = entitlement.uses.iter().flat_map(|use_| &use_.takes);
        takes.filter(|take| take.sku == sku).map(|take| take.quantity).sum()
    };
    entitlement
        .lines
        .iter()
        .map(|line| (line.sku.as_str(), line.name.as_str(), line.quantity.saturating_sub(taken(&line.sku))))
        .collect()
}

fn lines(entitlement: &Entitlement, coupons: &[Entitlement]) -> Vec<String> {
    let standing = in_words(entitlement.standing);
    let mut lines = vec![
        format!("{}  {}  …{}  {standing}", entitlement.title, entitlement.holder, entitlement.code_tail),
        entitlement.id.clone(),
    ];
    if let Some(from) = entitlement.valid_from {
        lines.push(format!("from {}", when::shown(from)));
    }
    if let Some(until) = entitlement.valid_until {
        lines.push(format!("until {}", when::shown(until)));
    }
    if let Some(stores) = &entitlement.stores {
        let names: Vec<&str> = stores.iter().map(|store| store.name.as_str()).collect();
        lines.push(format!("only at {}", names.join(", ")));
    }
    lines
        .extend(left(entitlement).into_iter().map(|(sku, name, left)| format!("{sku}  {name}  {left} left")));
    lines.extend(entitlement.uses.iter().map(|use_| {
        let done = &use_.done;
        let takes: Vec<String> =
            use_.takes.iter().map(|take| format!("{} × {}", take.sku, take.quantity)).collect();
        let takes = takes.join(", ");
        format!("used {}  {}  {}  {}  {takes}", when::shown(done.at), done.store, done.till, done.clerk)
    }));
    lines.extend(coupons.iter().map(|coupon| format!("has {}  {}", coupon.title, coupon.id)));
    lines
}

fn in_words(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Refunded => "refunded",
        Standing::RefundPending => "refund pending",
        Standing::Cancelled => "cancelled",
        Standing::Frozen => "frozen",
    }
}
