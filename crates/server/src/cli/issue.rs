//! `issue`: an order, a coupon, a card or a membership, for any chain.

use clap::{Args, Subcommand};
use model::time::UnixMs;
use serde_json::json;
use server::Store;
use server::asked::{self, NotAsked, Wrong};
use server::signing;
use server::store::{Held, HeldCode, HeldSigned, IssueRefused, Issuing, NewCode, SignedForm, SignedItem};
use wire::entitlement::{Kind, Line};
use wire::merchant::{CodeWanted, Issue};

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
    /// The membership that it belongs to, by its id or reference
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
    if let IssueCommand::Codes(many) = command {
        return code::many(store, many, out).await;
    }
    let Some((asked, common)) = command.asked() else { return Ok(()) };
    for name in &common.stores {
        store_named(store, name).await?;
    }
    let new = match asked::entitlement(store, &asked).await {
        Ok(new) => new,
        Err(NotAsked::Wrong(wrong)) if wrong.field == "member" => {
            let member = common.member.as_deref().unwrap_or_default();
            return refused("unknown_member", format!("{member} is no membership"));
        }
        Err(NotAsked::Wrong(wrong)) => return misused(command.in_words(&wrong)),
        Err(NotAsked::Store(error)) => return Err(error.into()),
    };
    // Without a number nobody can ask for the same again.
    let request = if common.reference.is_empty() { Vec::new() } else { asked::hash(&asked)? };
    let held = held(store, common, SignedItem { new, reference: common.reference.clone(), request }).await?;
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
async fn held(store: &Store, common: &Common, item: SignedItem) -> Result<Held, Ended> {
    if let Some(campaign) = common.campaign {
        let form = if common.rotating { SignedForm::Rotating } else { SignedForm::Fixed };
        let issued = code::signed(signing::issue(store, campaign, form, &[item]).await)?;
        let id = issued.into_iter().next().map(|one| one.id).unwrap_or_default();
        let held = store.by_id(&id).await?;
        return held.ok_or_else(|| fault("fault", format!("{id} was issued and is not there")));
    }
    let SignedItem { new, reference, request } = item;
    let issuing = Issuing { new, reference, request, code: common.new_code() };
    let held = match store.issue_as(&issuing).await? {
        Ok(held) => held,
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
        when::in_order(common.from, common.until)?;
        let Some((asked, _)) = self.asked() else { return Ok(()) };
        asked::fits(&asked).map(|_| ()).or_else(|wrong| misused(self.in_words(&wrong)))
    }

    /// What is asked for, in the words of the merchants' API; nothing for many codes at once.
    fn asked(&self) -> Option<(Issue, &Common)> {
        let (kind, title, lines, spend_min, worth, common) = match self {
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
            IssueCommand::Codes(_) => return None,
            IssueCommand::Member { tier, points, balance, common } => {
                let kind = Kind::Member { tier: tier.clone(), points: *points, balance: *balance };
                (kind, format!("{tier}会员"), Vec::new(), 0, 0, common)
            }
        };
        let asked = Issue {
            kind,
            title,
            lines,
            valid_from: common.from.map(|at| at.0),
            valid_until: common.until.map(|at| at.0),
            stores: if common.stores.is_empty() { None } else { Some(common.stores.clone()) },
            spend_min,
            value: common.value.unwrap_or(worth),
            holder: common.holder.clone(),
            notes: common.notes.clone(),
            member: common.member.clone(),
            code: common.wanted(),
        };
        Some((asked, common))
    }

    /// What is wrong, said with the option that says it.
    fn in_words(&self, wrong: &Wrong) -> String {
        let field = wrong.field.as_str();
        let option = match self {
            IssueCommand::Member { .. } if field == "title" => Some("--tier"),
            IssueCommand::Times { .. } if field.starts_with("lines") => Some("--goods"),
            IssueCommand::Order { .. } if field.starts_with("lines") => Some("--line"),
            _ => None,
        };
        with_option(option, wrong)
    }
}

/// What is wrong, said with the option of the command line that says it, and amounts in yuan.
pub fn with_option(option: Option<&str>, Wrong { field, problem }: &Wrong) -> String {
    let option = option.map_or_else(
        || match field.as_str() {
            "fen" => "--amount-off".to_owned(),
            "percent" => "--percent-off".to_owned(),
            "goods" => "--exchange".to_owned(),
            "valid_from" => "--from".to_owned(),
            "valid_until" => "--until".to_owned(),
            "notes" => "--note".to_owned(),
            "stores" => "--store".to_owned(),
            other => format!("--{}", other.trim_start_matches("code.").replace('_', "-")),
        },
        str::to_owned,
    );
    match field.as_str() {
        "fen" => format!("{option} is from {} to {}", when::yuan(1), when::yuan(asked::FEN_MAX)),
        "spend_min" | "value" | "balance" => {
            format!("{option} is from {} to {}", when::yuan(0), when::yuan(asked::FEN_MAX))
        }
        "valid_from" | "valid_until" => format!("{option} is a time after 1970"),
        _ => format!("{option}: {problem}"),
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

    /// The code in the words of the merchants' API.
    fn wanted(&self) -> CodeWanted {
        match (self.campaign, self.new_code()) {
            (Some(campaign), _) if self.rotating => CodeWanted::Rotating { campaign },
            (Some(campaign), _) => CodeWanted::Signed { campaign },
            (None, NewCode::Own) => CodeWanted::Own,
            (None, NewCode::Opaque { profile, code, order }) => CodeWanted::Opaque { profile, code, order },
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
