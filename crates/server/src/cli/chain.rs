//! Stores, staff, tills, and the demo chain.

use clap::{Args, Subcommand};
use serde_json::json;
use server::demo::{self, DemoError};
use server::store::{NewStaff, TillRow};
use server::{Store, pin};
use wire::entitlement as w;

use super::say::Out;
use super::{Ended, journals, printable, refused, when};

/// Digits of a PIN.
const PIN_LENGTH: std::ops::RangeInclusive<usize> = 4..=12;

/// What `add-staff` takes.
#[derive(Args)]
pub struct StaffArgs {
    /// The store's name
    #[arg(long, value_name = "NAME")]
    store: String,
    /// Who
    #[arg(long)]
    name: String,
    /// As a manager
    #[arg(long)]
    manager: bool,
}

impl StaffArgs {
    /// What can be said against it before any data is touched.
    pub fn check(&self) -> Result<(), Ended> {
        printable("--name", &self.name)
    }
}

/// What `enrol-code` takes.
#[derive(Args)]
pub struct EnrolArgs {
    /// The store's name
    #[arg(long, value_name = "NAME")]
    store: String,
    /// How long it may be used
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,
}

/// What `tills` takes.
#[derive(Args)]
pub struct TillsArgs {
    #[command(subcommand)]
    command: Option<TillsCommand>,
}

#[derive(Subcommand)]
enum TillsCommand {
    /// List them, as without a command
    List,
    /// Give up the lines that a lost till has not reported
    WriteOff(WriteOffArgs),
    /// Let a till begin a new journal, after its old one was set back, lost, or found to run twice
    Readmit(journals::ReadmitArgs),
}

#[derive(Args)]
struct WriteOffArgs {
    /// The till's name or id
    till: String,
    /// The store's name, if several stores have a till of that name
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Why, for whoever looks at the case
    #[arg(long, value_name = "TEXT")]
    note: String,
}

/// What `revoke` takes.
#[derive(Args)]
pub struct RevokeArgs {
    /// The till's name
    #[arg(long, value_name = "NAME")]
    till: String,
    /// The store's name, if several stores have a till of that name
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
}

/// Makes the demo chain.
pub async fn demo(store: &Store, out: Out) -> Result<(), Ended> {
    let made = match demo::seed(store).await {
        Ok(()) => true,
        Err(DemoError::ThereAlready) => false,
        Err(error @ DemoError::NotEmpty) => return refused("not_empty", error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let staff: Vec<_> = demo::STAFF
        .iter()
        .map(|(store, name, manager, pin)| json!({"store": store, "name": name, "manager": manager, "pin": pin}))
        .collect();
    let value = json!({"chain": demo::CHAIN, "made": made, "stores": demo::STORES, "staff": staff});
    out.say(&value, || {
        let mut lines = vec![match made {
            true => format!("The demo chain {} is ready.", demo::CHAIN),
            false => format!("The demo chain {} is there already; nothing was changed.", demo::CHAIN),
        }];
        lines.extend(demo::STAFF.iter().map(|(store, name, manager, pin)| {
            format!("{store}  {name}  PIN {pin}{}", if *manager { "  manager" } else { "" })
        }));
        lines
    })?;
    Ok(())
}

/// Opens a store.
pub async fn add_store(store: &Store, name: &str, out: Out) -> Result<(), Ended> {
    let name = name.trim();
    match store.add_store(name).await? {
        Some(shop) => Ok(out.say(&shop, || vec![format!("{}  {}", shop.id, shop.name)])?),
        None => refused("store_exists", format!("there is a store called {name} already")),
    }
}

/// Lets somebody sign in.
pub async fn add_staff(store: &Store, args: &StaffArgs, out: Out) -> Result<(), Ended> {
    let shop = store_named(store, &args.store).await?;
    let mut pin = String::new();
    std::io::stdin().read_line(&mut pin)?;
    let pin = pin.trim();
    if !PIN_LENGTH.contains(&pin.len()) || !pin.bytes().all(|byte| byte.is_ascii_digit()) {
        return refused("bad_pin", "a PIN has 4 to 12 digits; write it on standard input");
    }
    let pin_hash = pin::hash(pin, store.hands().random())?;
    let staff = NewStaff { name: args.name.trim(), manager: args.manager, pin_hash };
    let id = store.add_staff(&shop.id, staff).await?;
    let value = json!({"id": id, "name": args.name, "store": shop.name, "manager": args.manager});
    Ok(out.say(&value, || vec![format!("{} may sign in at {}", args.name, shop.name)])?)
}

/// Makes an enrolment code.
pub async fn enrol_code(store: &Store, args: &EnrolArgs, out: Out) -> Result<(), Ended> {
    let shop = store_named(store, &args.store).await?;
    let enrolment = store.issue_enrolment(&shop, args.minutes).await?;
    let value = json!({
        "code": enrolment.code.grouped(),
        "store": enrolment.store.name,
        "expires_at": enrolment.expires_at.0,
    });
    Ok(out.say(&value, || {
        vec![
            enrolment.code.grouped(),
            format!("enrols one till at {} until {}", shop.name, when::shown(enrolment.expires_at.0)),
        ]
    })?)
}

/// Lists the tills, or does something about one.
pub async fn tills(store: &Store, args: &TillsArgs, out: Out) -> Result<(), Ended> {
    match &args.command {
        Some(TillsCommand::WriteOff(args)) => return write_off(store, args, out).await,
        Some(TillsCommand::Readmit(args)) => return journals::readmit(store, args, out).await,
        Some(TillsCommand::List) | None => {}
    }
    let tills = store.tills().await?;
    Ok(out.say(&tills, || {
        let line = |till: &TillRow| {
            format!(
                "{}  {}  key {}  enrolled {}  {} lines{}",
                till.store,
                till.till,
                if till.key.is_empty() { "none" } else { &till.key },
                when::shown(till.enrolled_at),
                till.head,
                match (till.revoked, till.quarantined_at) {
                    (true, _) => "  barred",
                    (_, Some(_)) => "  in quarantine: its journal has two histories",
                    _ => "",
                }
            )
        };
        or_none(tills.iter().map(line).collect(), "no tills")
    })?)
}

/// Bars a till.
pub async fn revoke(store: &Store, args: &RevokeArgs, out: Out) -> Result<(), Ended> {
    let till = till_named(store, &args.till, args.store.as_deref(), |till| !till.revoked).await?;
    store.revoke(&till.device).await?;
    let value = json!({"device": till.device, "till": till.till, "store": till.store, "revoked": true});
    Ok(out.say(&value, || vec![format!("{} at {} is barred", till.till, till.store)])?)
}

/// The one till of that name or id, among those that may be meant, or a refusal.
pub async fn till_named(
    store: &Store,
    name: &str,
    at: Option<&str>,
    may_be: impl Fn(&TillRow) -> bool,
) -> Result<TillRow, Ended> {
    let fits = |till: &TillRow| {
        may_be(till)
            && (till.till == name || till.device == name)
            && at.is_none_or(|store| *store == till.store)
    };
    let mut tills: Vec<TillRow> = store.tills().await?.into_iter().filter(fits).collect();
    match (tills.pop(), tills.is_empty()) {
        (Some(till), true) => Ok(till),
        (None, _) => refused(
            "unknown_till",
            format!("no till called {name} works here; `counterfoil-server tills` lists them"),
        ),
        (Some(_), false) => refused(
            "ambiguous_till",
            format!("several tills are called {name}: say which store's with --store, or give the till's id"),
        ),
    }
}

async fn write_off(store: &Store, args: &WriteOffArgs, out: Out) -> Result<(), Ended> {
    let till = till_named(store, &args.till, args.store.as_deref(), |_| true).await?;
    let Some(device) = store.device(&till.device).await? else {
        return refused("unknown_till", format!("{} is not here any more", till.till));
    };
    if !store.write_off(&device, &args.note).await? {
        return refused("written_off", format!("{} at {} was given up before", till.till, till.store));
    }
    let value = json!({"device": till.device, "till": till.till, "store": till.store, "head": till.head});
    Ok(out.say(&value, || {
        vec![
            format!("what {} at {} has written behind line {} is given up", till.till, till.store, till.head),
            "should it come after all, it is taken in and listed as a case".to_owned(),
        ]
    })?)
}

/// The store of that name, or a refusal that lists the stores.
pub async fn store_named(store: &Store, name: &str) -> Result<w::Store, Ended> {
    if let Some(shop) = store.store_named(name).await? {
        return Ok(shop);
    }
    let names: Vec<String> = store.stores().await?.into_iter().map(|shop| shop.name).collect();
    if names.is_empty() {
        return refused(
            "unknown_store",
            "there are no stores yet: make the demo chain with `demo`, or one with `add-store`",
        );
    }
    refused("unknown_store", format!("there is no store called {name}; there are {}", names.join(", ")))
}

/// The lines, or one that says that there are none.
pub fn or_none(lines: Vec<String>, none: &str) -> Vec<String> {
    if lines.is_empty() { vec![none.to_owned()] } else { lines }
}
