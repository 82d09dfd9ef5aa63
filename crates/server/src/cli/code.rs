//! `code`: one code as a text or a picture, and `issue codes`: many signed codes of one campaign.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use server::Store;
use server::picture::{Form, Level, NoText, NotDrawn, Picture, text_of};
use server::signing::{self, NotSigned};
use server::store::{
    BATCH_MAX, Held, HeldCode, HeldSigned, IssueRefused, IssuedSigned, SignedForm, SignedItem,
};
use wire::entitlement::Kind;

use super::entitlements::{Which, find};
use super::say::Out;
use super::{Ended, fault, refused};

/// What `code` takes.
#[derive(Args)]
pub struct CodeArgs {
    #[command(flatten)]
    which: Which,
    /// As a text or as a picture
    #[arg(long = "as", value_parser = ["text", "svg", "png"], default_value = "text", value_name = "FORMAT")]
    kind: String,
    /// text: as it was issued; cf1, cfn: a signed code in letters, or in digits for scanners that type
    #[arg(long, default_value = "text", value_name = "FORM")]
    form: Form,
    /// Where the picture goes
    #[arg(long, required_if_eq_any = [("kind", "svg"), ("kind", "png")], value_name = "FILE")]
    out: Option<PathBuf>,
    /// How wide and high it is with its white edge, in millimetres
    #[arg(long, value_name = "MM")]
    size_mm: Option<f64>,
    /// Dots per inch of a png
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(36..=2400))]
    dpi: u32,
    /// How much damage it bears: auto, L, M or Q (for paper that gets creased)
    #[arg(long, default_value = "auto", value_name = "LEVEL")]
    level: Level,
}

/// What `issue codes` takes.
#[derive(Args)]
pub struct ManyArgs {
    /// The campaign, which must say all that its codes have
    #[arg(long, value_name = "N")]
    campaign: u16,
    /// How many
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
    /// cf1: letters, for QR codes; cfn: digits only, for scanners that type
    #[arg(long, default_value = "cf1", value_name = "FORM")]
    form: Form,
}

/// Shows a code or writes its picture.
pub async fn code(store: &Store, args: &CodeArgs, out: Out) -> Result<(), Ended> {
    let held = find(store, &args.which).await?;
    let text = match text_of(&held.code, args.form) {
        Ok(text) => text,
        Err(NoText::Rotates) => of_this_moment(store, &held).await?,
        Err(why) => return refused("no_text", why.to_string()),
    };
    let id = &held.entitlement.id;
    let Some(file) = args.out.as_deref().filter(|_| args.kind != "text") else {
        return Ok(out.say(&json!({"id": id, "text": text}), || vec![text.clone()])?);
    };
    let picture = drawn(Picture::of(&text, args.level, args.size_mm))?;
    let bytes = match args.kind.as_str() {
        "svg" => picture.svg().into_bytes(),
        _ => drawn(picture.png(args.dpi))?,
    };
    write(file, &bytes)?;
    let value = json!({
        "id": id, "file": file, "version": picture.version(), "level": picture.level(), "size_mm": picture.size_mm()
    });
    Ok(out.say(&value, || {
        vec![format!(
            "{}: {:.1} mm, version {}, level {}",
            file.display(),
            picture.size_mm(),
            picture.version(),
            picture.level()
        )]
    })?)
}

/// What the customer's phone would show now, from a card of its own.
async fn of_this_moment(store: &Store, held: &Held) -> Result<String, Ended> {
    let card = signed(signing::card(store, held, 1).await)?;
    match signing::shown(&card, store.hands().now()) {
        Some(text) => Ok(text),
        None => signed(Err(NotSigned::Over)),
    }
}

/// Issues many codes of a campaign and lists them: lines of id and text, or JSON.
pub async fn many(store: &Store, args: &ManyArgs, out: Out) -> Result<(), Ended> {
    let Some(row) = store.campaign(args.campaign).await? else {
        return super::campaigns::unknown(args.campaign);
    };
    let one = server::store::of_campaign(&row);
    if one.lines.is_empty() && !matches!(one.kind, Kind::Member { .. }) {
        return refused(
            "campaign_has_no_lines",
            "each code of this campaign has goods of its own: issue them one by one, with --campaign",
        );
    }
    let mut left = args.count as usize;
    let mut codes: Vec<(String, String)> = Vec::with_capacity(left);
    while left > 0 {
        let item = SignedItem { new: one.clone(), reference: String::new(), request: Vec::new() };
        let items = vec![item; left.min(BATCH_MAX)];
        let issued = signed(signing::issue(store, args.campaign, SignedForm::Fixed, &items).await)?;
        left -= items.len();
        for one in issued {
            let text = in_form(&one, args.form);
            codes.push((one.id, text));
        }
    }
    let value: Vec<_> = codes.iter().map(|(id, text)| json!({"id": id, "text": text})).collect();
    Ok(out.say(&value, || {
        // No code holds a comma or a quotation mark.
        let head = std::iter::once("id,text".to_owned());
        head.chain(codes.iter().map(|(id, text)| format!("{id},{text}"))).collect()
    })?)
}

/// What was signed, or a refusal in words.
pub fn signed<T>(result: Result<T, NotSigned>) -> Result<T, Ended> {
    let why = match result {
        Ok(value) => return Ok(value),
        Err(why) => why,
    };
    let said = why.to_string();
    match why {
        NotSigned::Keys(error) => super::keys::done(Err(error)),
        NotSigned::Store(error) => Err(error.into()),
        NotSigned::Refused(IssueRefused::NoCampaign(campaign)) => super::campaigns::unknown(campaign),
        NotSigned::Refused(IssueRefused::OtherContent(_)) => {
            refused("reference_taken", format!("{said}; `show` it, or choose another --reference"))
        }
        NotSigned::Refused(IssueRefused::NotOfCampaign(_, field)) => {
            refused("not_of_campaign", format!("{field}: {said}"))
        }
        NotSigned::Refused(_) | NotSigned::NotRotating | NotSigned::Over => refused("not_signed", said),
    }
}

fn in_form(issued: &IssuedSigned, form: Form) -> String {
    let Some(serial) = model::signed::token::Serial::parse(&issued.id) else { return issued.text.clone() };
    let held = HeldSigned { serial, form: SignedForm::Fixed, text: issued.text.clone() };
    text_of(&HeldCode::Signed(held), form).unwrap_or_else(|_| issued.text.clone())
}

fn drawn<T>(result: Result<T, NotDrawn>) -> Result<T, Ended> {
    result.or_else(|why| refused("not_drawn", why.to_string()))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Ended> {
    std::fs::write(file, bytes)
        .map_err(|error| fault("file", format!("{} cannot be written: {error}", file.display())))
}
