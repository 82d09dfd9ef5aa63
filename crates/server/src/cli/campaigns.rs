//! `campaign`: what all signed codes of one issue have in common.

use clap::{Args, Subcommand};
use model::time::UnixMs;
use server::Store;
use server::asked::{self, NotAsked, Wrong};
use server::store::CampaignRefused;
use wire::campaign::{Put, State};
use wire::entitlement::Kind;

use super::chain::{or_none, store_named};
use super::issue::{Benefit, one_line, with_option};
use super::say::Out;
use super::{Ended, misused, printable, refused, when};

/// What can be done with campaigns.
#[derive(Subcommand)]
pub enum CampaignCommand {
    /// Make a campaign
    Add(Box<AddArgs>),
    /// List the campaigns
    List,
    /// Show a campaign
    Show {
        /// Its number
        campaign: u16,
    },
}

/// What `campaign add` takes.
#[derive(Args)]
pub struct AddArgs {
    /// What its codes are called
    #[arg(long)]
    title: String,
    /// Its number [default: the lowest that is free]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    number: Option<u16>,
    #[command(flatten)]
    gives: Gives,
    /// The bill that it needs, in yuan
    #[arg(long, value_parser = when::fen, default_value = "0", value_name = "YUAN")]
    spend_min: i64,
    /// A store where its codes may be used; repeat for several; without it, every store
    #[arg(long = "store", value_name = "NAME")]
    stores: Vec<String>,
    /// First day, or first moment
    #[arg(long, value_parser = when::from, value_name = "DATE")]
    from: Option<UnixMs>,
    /// Last day, or last moment
    #[arg(long, value_parser = when::until, value_name = "DATE")]
    until: Option<UnixMs>,
    /// What one code is worth, in yuan
    #[arg(long, value_parser = when::fen, value_name = "YUAN")]
    value: Option<i64>,
    /// A condition; repeat for several
    #[arg(long = "note", value_name = "SENTENCE")]
    notes: Vec<String>,
    /// A code says everything: tills need not be told of each one. Coupons only
    #[arg(long)]
    complete: bool,
}

/// What a campaign's codes are: coupons with the same benefit, or something that each code has of its own.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Gives {
    /// Coupons: so much off the bill, in yuan
    #[arg(long, value_parser = when::fen, value_name = "YUAN")]
    amount_off: Option<i64>,
    /// Coupons: so many percent off the bill; 15 is 8.5 折
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=99), value_name = "PERCENT")]
    percent_off: Option<u8>,
    /// Coupons: goods in exchange
    #[arg(long, value_name = "GOODS")]
    exchange: Option<String>,
    /// Pick-up orders, each with its own goods
    #[arg(long)]
    orders: bool,
    /// Cards, each with its own number of uses
    #[arg(long)]
    times_cards: bool,
    /// Memberships of that tier
    #[arg(long, value_name = "TIER")]
    members: Option<String>,
}

/// Does it.
pub async fn campaign(store: &Store, command: &CampaignCommand, out: Out) -> Result<(), Ended> {
    match command {
        CampaignCommand::Add(args) => add(store, args, out).await,
        CampaignCommand::List => {
            let rows = store.campaigns().await?;
            Ok(out.say(&rows, || or_none(rows.iter().map(in_words).collect(), "no campaigns"))?)
        }
        CampaignCommand::Show { campaign } => match store.campaign(*campaign).await? {
            Some(row) => Ok(out.say(&row, || vec![in_words(&row)])?),
            None => unknown(*campaign),
        },
    }
}

/// There is no such campaign.
pub fn unknown<T>(campaign: u16) -> Result<T, Ended> {
    refused(
        "unknown_campaign",
        format!("there is no campaign {campaign}: `campaign list` lists them, `campaign add` makes one"),
    )
}

async fn add(store: &Store, args: &AddArgs, out: Out) -> Result<(), Ended> {
    for name in &args.stores {
        store_named(store, name).await?;
    }
    let new = match asked::campaign(store, args.number, &args.put()).await {
        Ok(new) => new,
        Err(NotAsked::Wrong(wrong)) => return misused(args.in_words(&wrong)),
        Err(NotAsked::Store(error)) => return Err(error.into()),
    };
    match store.put_campaign(&new).await? {
        Ok(row) => Ok(out.say(&row, || vec![format!("campaign {}", row.campaign.campaign), in_words(&row)])?),
        Err(why @ CampaignRefused::NotComplete) => misused(format!("--complete: {why}")),
        Err(why) => refused("campaign_refused", why.to_string()),
    }
}

fn in_words(row: &State) -> String {
    let campaign = &row.campaign;
    let until =
        campaign.valid_until.map(|until| format!("  until {}", when::shown(until))).unwrap_or_default();
    let told = if campaign.complete { "  complete" } else { "" };
    format!("{}  {}  {} codes{until}{told}", campaign.campaign, campaign.title, row.issued)
}

impl CampaignCommand {
    /// What can be said against it before any data is touched.
    pub fn check(&self) -> Result<(), Ended> {
        let CampaignCommand::Add(args) = self else { return Ok(()) };
        printable("--title", &args.title)?;
        printable("--exchange", args.gives.exchange.as_deref().unwrap_or_default())?;
        printable("--members", args.gives.members.as_deref().unwrap_or_default())?;
        args.notes.iter().try_for_each(|note| printable("--note", note))?;
        when::in_order(args.from, args.until)?;
        asked::campaign_fits(&args.put()).map(|_| ()).or_else(|wrong| misused(args.in_words(&wrong)))
    }
}

impl AddArgs {
    /// What is asked for, in the words of the merchants' API.
    fn put(&self) -> Put {
        let (kind, lines, worth) = self.gives.kind(&self.title);
        Put {
            title: self.title.clone(),
            kind,
            lines,
            valid_from: self.from.map(|at| at.0),
            valid_until: self.until.map(|at| at.0),
            stores: if self.stores.is_empty() { None } else { Some(self.stores.clone()) },
            spend_min: self.spend_min,
            value: self.value.unwrap_or(worth),
            notes: self.notes.clone(),
            complete: self.complete,
        }
    }

    fn in_words(&self, wrong: &Wrong) -> String {
        with_option((wrong.field == "tier").then_some("--members"), wrong)
    }
}

impl Gives {
    /// The kind, the lines that all codes have, and what one is worth as far as that can be told.
    fn kind(&self, title: &str) -> (Kind, Vec<wire::entitlement::Line>, i64) {
        if self.orders {
            return (Kind::Order, Vec::new(), 0);
        }
        if self.times_cards {
            return (Kind::TimesCard, Vec::new(), 0);
        }
        if let Some(tier) = &self.members {
            return (Kind::Member { tier: tier.clone(), points: 0, balance: 0 }, Vec::new(), 0);
        }
        let benefit = Benefit {
            amount_off: self.amount_off,
            percent_off: self.percent_off,
            exchange: self.exchange.clone(),
        };
        let (kind, goods, worth) = benefit.kind();
        let line = one_line("coupon", goods.map_or(title, String::as_str), 1);
        (kind, vec![line], worth)
    }
}
