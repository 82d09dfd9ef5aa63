//! `issue`: an order, a coupon, a card or a membership, for any chain.

use clap::{Args, Subcommand};
use model::time::UnixMs;
use serde_json::json;
use server::Store;
use server::signing;
use server::store::{
    Held, HeldCode, HeldSigned, IssueRefused, Issuing, NewCode, NewEntitlement, SignedForm, SignedItem,
};
use wire::entitlement::{Kind, Line, Standing};

use super::chain::store_named;
use super::code::{self, ManyArgs};
use super::say::Out;
use super::{Ended, fault, misused, printable, refused, when};

/// What can be issued.
#[derive(Subcommand)]
pub enum IssueCommand {
    /// Goods to be picked up
    Order {
        /// What it is called
        #[arg(long)]
        title: String,
        /// An article: its number, name and quantity, and if need be variant and shelf; repeat for each
        #[arg(long = "line", required = true, value_name = "SKU=NAME=QTY[=VARIANT[=SHELF]]", value_parser = line)]
        lines: Vec<Line>,
        #[command(flatten)]
        common: Common,
    },
    /// A benefit for one use
    Coupon {
        /// What it is called
        #[arg(long)]
        title: String,
        #[command(flatten)]
        benefit: Benefit,
        /// The bill it needs, in yuan
        #[arg(long, value_parser = when::fen, default_value = "0", value_name = "YUAN")]
        spend_min: i64,
        #[command(flatten)]
        common: Common,
    },
    /// A card with a number of uses
    Times {
        /// What it is called
        #[arg(long)]
        title: String,
        /// What one use gives
        #[arg(long)]
        goods: String,
        /// How many uses it has
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        uses: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Many signed codes of one campaign, as lines of id and text
    Codes(ManyArgs),
    /// A membership
    Member {
        /// The tier's name
        #[arg(long)]
        tier: String,
        /// Points
        #[arg(long, default_value_t = 0)]
        points: i64,
        /// Stored value, in yuan
        #[arg(long, value_parser = when::fen, default_value = "0", value_name = "YUAN")]
        balance: i64,
        #[command(flatten)]
        common: Common,
    },
}

/// What a coupon gives: one of the three.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Benefit {
    /// So much off the bill, in yuan
    #[arg(long, value_parser = when::fen, value_name = "YUAN")]
    pub amount_off: Option<i64>,
    /// So many percent off the bill; 15 is 8.5 折
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=99), value_name = "PERCENT")]
    pub percent_off: Option<u8>,
    /// Goods in exchange
    #[arg(long, value_name = "GOODS")]
    pub exchange: Option<String>,
}

/// What all kinds have.
#[derive(Args)]
pub struct Common {
    /// A store where it may be used; repeat for several; without it, every store
    #[arg(long = "store", value_name = "NAME")]
    stores: Vec<String>,
    /// First day, or first moment
    #[arg(long, value_parser = when::from, value_name = "DATE")]
    from: Option<UnixMs>,
    /// Last day, or last moment
    #[arg(long, value_parser = when::until, value_name = "DATE")]
    until: Option<UnixMs>,
    /// What it is worth, in yuan
    #[arg(long, value_parser = when::fen, value_name = "YUAN")]
    value: Option<i64>,
    /// Whose it is, masked, such as 王*
    #[arg(long, default_value = "")]
    holder: String,
    /// The id of the membership that it belongs to
    #[arg(long, value_name = "ID")]
    member: Option<String>,
    /// A condition or a wish; repeat for several
    #[arg(long = "note", value_name = "SENTENCE")]
    notes: Vec<String>,
    /// The merchant's own number, under which it can be found
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NUMBER")]
    reference: String,
    /// The code that a mall has made; without it, this backend makes one
    #[arg(long, requires = "profile", conflicts_with = "campaign")]
    code: Option<String>,
    /// The profile that describes the mall's code
    #[arg(long, requires = "code", value_name = "NAME")]
    profile: Option<String>,
    /// The order without which the mall's code means nothing
    #[arg(
        long = "order",
        requires = "code",
        default_value = "",
        hide_default_value = true,
        value_name = "NUMBER"
    )]
    order: String,
    /// The campaign of which it is a signed code
    #[arg(long, value_name = "N")]
    campaign: Option<u16>,
    /// The signed code changes every 30 seconds: the customer's phone shows it
    #[arg(long, requires = "campaign")]
    rotating: bool,
}

/// Issues it.
pub async fn issue(store: &Store, command: &IssueCommand, out: Out) -> Result<(), Ended> {
    let (kind, title, lines, spend_min, worth, common) = match command {
        IssueCommand::Order { title, lines, common } => {
            (Kind::Order, title.clone(), lines.clone(), 0, 0, common)
        }
        IssueCommand::Coupon { title, benefit, spend_min, common } => {
            let (kind, goods, worth) = benefit.kind();
            let line = one_line("coupon", goods.unwrap_or(title), 1);
            (kind, title.clone(), vec![line], *spend_min, worth, common)
        }
        IssueCommand::Times { title, goods, uses, common } => {
            (Kind::TimesCard, title.clone(), vec![one_line("use", goods, *uses)], 0, 0, common)
        }
        IssueCommand::Codes(many) => return code::many(store, many, out).await,
        IssueCommand::Member { tier, points, balance, common } => {
            let kind = Kind::Member { tier: tier.clone(), points: *points, balance: *balance };
            (kind, format!("{tier}会员"), Vec::new(), 0, 0, common)
        }
    };
    let new = NewEntitlement {
        kind,
        title,
        lines,
        standing: Standing::Good,
        valid_from: common.from.map(|at| at.0),
        valid_until: common.until.map(|at| at.0),
        stores: common.store_ids(store).await?,
        spend_min,
        value: common.value.unwrap_or(worth),
        holder: common.holder.clone(),
        notes: common.notes.clone(),
        member: common.known_member(store).await?,
    };
    let held = held(store, common, new).await?;
    let (id, title) = (&held.entitlement.id, &held.entitlement.title);
    let value = json!({"id": id, "code": held.code.secret(), "title": title, "form": held.code.form(), "reference": held.reference});
    Ok(out.say(&value, || {
        let code = match &held.code {
            HeldCode::Own(code) => code.grouped(),
            HeldCode::Opaque(opaque) => format!("has the code of {}", opaque.profile),
            HeldCode::Signed(HeldSigned { form: SignedForm::Fixed, text, .. }) => text.clone(),
            HeldCode::Signed(HeldSigned { form: SignedForm::Rotating, .. }) => {
                "rotates: the customer's phone shows it".to_owned()
            }
        };
        vec![id.clone(), code]
    })?)
}

/// Issues it with the code that was asked for.
async fn held(store: &Store, common: &Common, new: NewEntitlement) -> Result<Held, Ended> {
    if let Some(campaign) = common.campaign {
        let form = if common.rotating { SignedForm::Rotating } else { SignedForm::Fixed };
        let item = SignedItem { new, reference: common.reference.clone(), request: Vec::new() };
        let issued = code::signed(signing::issue(store, campaign, form, &[item]).await)?;
        let id = issued.into_iter().next().map(|one| one.id).unwrap_or_default();
        let held = store.by_id(&id).await?;
        return held.ok_or_else(|| fault("fault", format!("{id} was issued and is not there")));
    }
    let issuing =
        Issuing { new, reference: common.reference.clone(), request: Vec::new(), code: common.new_code() };
    let held = match store.issue_as(&issuing).await? {
        Ok(held) => held,
        Err(why @ IssueRefused::OtherContent(_)) => {
            return refused("reference_taken", format!("{why}; `show` it, or choose another --reference"));
        }
        Err(why @ IssueRefused::NoProfile(_)) => {
            return refused(
                "unknown_profile",
                format!("{why}; `profile list` lists them, `profile use` uses one"),
            );
        }
        Err(why @ IssueRefused::CodeDoesNotFit(_)) => {
            return refused(
                "bad_code",
                format!("{why}; check --code, and --order if the profile asks for one"),
            );
        }
        Err(why) => return code::signed(Err(why.into())),
    };
    Ok(held)
}

impl IssueCommand {
    /// What can be said against it before any data is touched.
    pub fn check(&self) -> Result<(), Ended> {
        let common = match self {
            IssueCommand::Order { title, lines, common } => {
                printable("--title", title)?;
                for Line { sku, name, variant, shelf, .. } in lines {
                    [sku, name, variant, shelf].into_iter().try_for_each(|part| printable("--line", part))?;
                }
                let mut skus: Vec<&str> = lines.iter().map(|line| line.sku.as_str()).collect();
                skus.sort_unstable();
                skus.dedup();
                if skus.len() != lines.len() {
                    return misused("each article number may stand in one --line only");
                }
                common
            }
            IssueCommand::Coupon { title, benefit, common, .. } => {
                printable("--title", title)?;
                printable("--exchange", benefit.exchange.as_deref().unwrap_or_default())?;
                common
            }
            IssueCommand::Times { title, goods, common, .. } => {
                printable("--title", title)?;
                printable("--goods", goods)?;
                common
            }
            IssueCommand::Codes(_) => return Ok(()),
            IssueCommand::Member { tier, common, .. } => {
                printable("--tier", tier)?;
                common
            }
        };
        printable("--holder", &common.holder)?;
        if !common.reference.bytes().all(|byte| byte.is_ascii_graphic()) || common.reference.len() > 64 {
            return misused("--reference has at most 64 visible ASCII characters, without spaces");
        }
        common.notes.iter().try_for_each(|note| printable("--note", note))?;
        when::in_order(common.from, common.until)
    }
}

impl Benefit {
    /// The kind, the goods if it names any, and what it is worth as far as that can be told.
    pub fn kind(&self) -> (Kind, Option<&String>, i64) {
        match (self.amount_off, self.percent_off, &self.exchange) {
            (Some(fen), ..) => (Kind::AmountOff { fen }, None, fen),
            (None, Some(percent), _) => (Kind::PercentOff { percent }, None, 0),
            (None, None, goods) => {
                (Kind::Exchange { goods: goods.clone().unwrap_or_default() }, goods.as_ref(), 0)
            }
        }
    }
}

impl Common {
    fn new_code(&self) -> NewCode {
        match (&self.code, &self.profile) {
            (Some(code), Some(profile)) => NewCode::Opaque {
                profile: profile.clone(),
                code: code.trim().to_owned(),
                order: self.order.clone(),
            },
            _ => NewCode::Own,
        }
    }

    async fn store_ids(&self, store: &Store) -> Result<Option<Vec<String>>, Ended> {
        let mut ids = Vec::new();
        for name in &self.stores {
            let shop = store_named(store, name).await?;
            if !ids.contains(&shop.id) {
                ids.push(shop.id);
            }
        }
        Ok(if ids.is_empty() { None } else { Some(ids) })
    }

    async fn known_member(&self, store: &Store) -> Result<Option<String>, Ended> {
        let Some(id) = &self.member else { return Ok(None) };
        match store.by_id(id).await? {
            Some(held) if matches!(held.entitlement.kind, Kind::Member { .. }) => Ok(Some(id.clone())),
            _ => refused("unknown_member", format!("{id} is no membership")),
        }
    }
}

/// A line without variant and shelf.
pub fn one_line(sku: &str, name: &str, quantity: u32) -> Line {
    Line {
        sku: sku.to_owned(),
        name: name.to_owned(),
        variant: String::new(),
        shelf: String::new(),
        quantity,
    }
}

fn line(text: &str) -> Result<Line, String> {
    let parts: Vec<&str> = text.split('=').map(str::trim).collect();
    let part = |place: usize| parts.get(place).copied().unwrap_or("").to_owned();
    let quantity = parts.get(2).and_then(|quantity| quantity.parse::<u32>().ok()).filter(|many| *many > 0);
    match quantity {
        Some(quantity) if parts.len() <= 5 && !parts[0].is_empty() && !parts[1].is_empty() => {
            Ok(Line { sku: part(0), name: part(1), variant: part(3), shelf: part(4), quantity })
        }
        _ => Err(format!("{text:?} is no article; write SKU=NAME=QTY, such as D01=茉莉奶绿=2")),
    }
}
