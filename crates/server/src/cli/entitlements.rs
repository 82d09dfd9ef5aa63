//! `show` and `refund`: one entitlement, by its code or its id.

use model::code::Code;
use serde_json::json;
use server::Store;
use server::store::Held;
use wire::entitlement::{Entitlement, Kind, Standing};

use super::say::Out;
use super::{Ended, refused, when};

/// Shows an entitlement with its uses.
pub async fn show(store: &Store, code_or_id: &str, out: Out) -> Result<(), Ended> {
    let entitlement = find(store, code_or_id).await?.entitlement;
    let left: Vec<_> =
        left(&entitlement).into_iter().map(|(sku, _, left)| json!({"sku": sku, "left": left})).collect();
    let coupons = match entitlement.kind {
        Kind::Member { .. } => store.of_member(&entitlement.id).await?,
        _ => Vec::new(),
    };
    let value = json!({"entitlement": entitlement, "left": left, "coupons": coupons});
    Ok(out.say(&value, || lines(&entitlement, &coupons))?)
}

/// Writes down that the money went back.
pub async fn refund(store: &Store, code_or_id: &str, out: Out) -> Result<(), Ended> {
    let held = find(store, code_or_id).await?;
    let Entitlement { id, title, .. } = held.entitlement;
    store.set_standing(&id, Standing::Refunded).await?;
    // Looked at afterwards: what is counted between a look and the refund would be missed.
    let uses = store.by_id(&id).await?.map(|held| held.entitlement.uses).unwrap_or_default();
    let taken: u32 = uses.iter().flat_map(|use_| &use_.takes).map(|take| take.quantity).sum();
    let value = json!({"id": id, "title": title, "standing": "refunded", "already_taken": taken});
    Ok(out.say(&value, || {
        let mut lines = vec![format!("{title} is refunded: tills refuse it as soon as they hear of it")];
        if taken > 0 {
            lines.push(format!("but {taken} of it had been taken already: `show {id}` says when and where"));
        }
        lines
    })?)
}

async fn find(store: &Store, code_or_id: &str) -> Result<Held, Ended> {
    let held = match Code::read(code_or_id) {
        Ok(code) => store.by_code(&code).await?,
        Err(_) => store.by_id(code_or_id.trim()).await?,
    };
    match held {
        Some(held) => Ok(held),
        None => refused(
            "unknown_entitlement",
            "this chain has never issued that: check the code, or use the id that `issue` gave",
        ),
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
    let standing = match entitlement.standing {
        Standing::Good => "good",
        Standing::Refunded => "refunded",
        Standing::RefundPending => "refund pending",
        Standing::Cancelled => "cancelled",
        Standing::Frozen => "frozen",
    };
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
