//! Merchant profiles as data: what a mall's codes look like, as files, commands and tills' setups carry them.
//!
//! Those of the malls that are known stand ready under `profiles/`. Their web addresses have no host: that is the
//! merchant's to add, and until then no address is taken for the merchant's.

use model::code::CodeKind;
use model::profile as m;
use model::profile::BadProfile;
use serde::{Deserialize, Serialize};

/// What the codes of one mall system, or of one merchant, look like. See [`model::profile::Profile`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, such as "crmeb-php": lower-case letters, digits and hyphens.
    pub name: String,
    /// What it is for, as a person reads it.
    pub title: String,
    /// The forms that its codes come in. The first that fits a text decides.
    pub codes: Vec<CodeForm>,
}

/// One form of code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeForm {
    /// What it stands for: "order", "coupon", "times_card", "member", or "any".
    pub kind: String,
    /// The characters that codes consist of: "digits", "lower" (0–9 a–z), "upper" (0–9 A–Z), "alphanumeric", or the
    /// characters themselves. "counterfoil" stands for the reference backend's own codes with their check
    /// characters, which have one length, and which a till knows without any profile when they stand alone.
    pub alphabet: String,
    /// The lengths that codes have (characters, 1 to 64). Spaces and hyphens in digits group them and do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lengths: Vec<u16>,
    /// A regular expression that the whole code must match too; it needs no `^` and `$`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The code begins with a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Moment>,
    /// Whether capitals and small letters are the same: "none", "upper", "lower".
    #[serde(default = "fold_none", skip_serializing_if = "is_fold_none")]
    pub fold: String,
    /// What may stand before the code and is not part of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub strip_prefix: String,
    /// What may stand behind the code and is not part of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub strip_suffix: String,
    /// Whether the code may stand alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
    /// Web addresses that carry it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<Url>,
    /// Scenes of mini-program codes that carry it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<Scene>,
    /// JSON objects that carry it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<Json>,
    /// Many customers may have the same code at the same time: whoever shows it is chosen from a list, never guessed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
    /// How many bits of the code are random, if the mall promises any. Less than 75 are stretched before they are
    /// kept on a till.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub random_bits: u16,
}

/// A code begins with the moment at which it was shown or issued, in China's time (UTC+8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// How it is written: "yyMMddHHmmss" or "yyyyMMddHHmmss".
    pub format: String,
    /// How long ago it may lie (days).
    pub days_max: u16,
}

/// A web address that carries a code in a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Url {
    /// The merchant's host names, such as "shop.example"; with the port if it is not the usual one. None: the merchant has not said yet, and no address is taken for the merchant's.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// How the path must end; empty for any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The parameter, in the query or behind the `#`.
    pub parameter: String,
}

/// A scene (the `scene` of a mini-program code, at most 32 characters) that carries a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// What stands before the code, such as "verify_code=" or "code-".
    pub before: String,
}

/// A JSON object that carries a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Json {
    /// The key of the code.
    pub code: String,
    /// The key of the order that the code belongs to, if it means nothing without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

/// Why a text is no profile.
#[derive(Debug, thiserror::Error)]
pub enum NotAProfile {
    /// It is not JSON, or has other fields.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A field says something that cannot be.
    #[error(transparent)]
    Field(#[from] BadProfile),
}

impl Profile {
    /// Reads a profile's JSON form, and tries whether it can be used.
    pub fn of_json(text: &str) -> Result<Profile, NotAProfile> {
        let profile: Profile = serde_json::from_str(text)?;
        m::Profile::try_from(&profile)?;
        Ok(profile)
    }
}

/// The profiles that stand ready, in the order in which they are tried.
pub fn ready() -> Vec<Profile> {
    let texts = [
        include_str!("../profiles/crmeb-php.json"),
        include_str!("../profiles/crmeb-java.json"),
        include_str!("../profiles/yudao.json"),
        include_str!("../profiles/likeshop.json"),
        include_str!("../profiles/niushop.json"),
        include_str!("../profiles/shopxo.json"),
        include_str!("../profiles/fuint.json"),
        include_str!("../profiles/counterfoil.json"),
    ];
    texts.iter().map(|text| serde_json::from_str(text).expect("a test reads every one of them")).collect()
}

impl TryFrom<&Profile> for m::Profile {
    type Error = BadProfile;

    fn try_from(from: &Profile) -> Result<m::Profile, BadProfile> {
        let codes = from.codes.iter().enumerate().map(|(index, form)| {
            form_of(form).map_err(|BadProfile { field, problem }| BadProfile {
                field: format!("codes[{index}].{field}"),
                problem,
            })
        });
        m::Profile::new(&from.name, &from.title, codes.collect::<Result<_, _>>()?)
    }
}

fn form_of(form: &CodeForm) -> Result<m::CodeForm, BadProfile> {
    let unknown = |field: &str, is: &str, known: &str| BadProfile {
        field: field.to_owned(),
        problem: format!("is {is:?}; it must be one of {known}"),
    };
    let kind = match form.kind.as_str() {
        "any" => None,
        code => {
            let known = CodeKind::ALL
                .into_iter()
                .filter(|kind| !matches!(kind, CodeKind::Enrolment | CodeKind::Badge));
            let kind = known.into_iter().find(|kind| kind.code() == code);
            Some(kind.ok_or_else(|| {
                unknown("kind", code, "\"order\", \"coupon\", \"times_card\", \"member\", \"any\"")
            })?)
        }
    };
    let fold = match form.fold.as_str() {
        "none" => m::Fold::None,
        "upper" => m::Fold::Upper,
        "lower" => m::Fold::Lower,
        other => return Err(unknown("fold", other, "\"none\", \"upper\", \"lower\"")),
    };
    let moment = |moment: &Moment| {
        let format = match moment.format.as_str() {
            "yyMMddHHmmss" => m::MomentFormat::TwoDigitYear,
            "yyyyMMddHHmmss" => m::MomentFormat::FourDigitYear,
            other => return Err(unknown("moment.format", other, "\"yyMMddHHmmss\", \"yyyyMMddHHmmss\"")),
        };
        Ok(m::Moment { format, days_max: moment.days_max })
    };
    let pattern = |text: &String| {
        m::Pattern::new(text).map_err(|problem| BadProfile { field: "pattern".to_owned(), problem })
    };
    Ok(m::CodeForm {
        kind,
        alphabet: alphabet_of(&form.alphabet),
        lengths: form.lengths.clone(),
        pattern: form.pattern.as_ref().map(pattern).transpose()?,
        moment: form.moment.as_ref().map(moment).transpose()?,
        fold,
        strip_prefix: form.strip_prefix.clone(),
        strip_suffix: form.strip_suffix.clone(),
        bare: form.bare,
        addresses: form.urls.iter().map(address_of).collect(),
        scenes: form.scenes.iter().map(|scene| scene.before.clone()).collect(),
        objects: form.json.iter().map(keys_of).collect(),
        ambiguous: form.ambiguous,
        random_bits: form.random_bits,
    })
}

fn alphabet_of(name: &str) -> m::Alphabet {
    match name {
        "digits" => m::Alphabet::Digits,
        "lower" => m::Alphabet::Lower,
        "upper" => m::Alphabet::Upper,
        "alphanumeric" => m::Alphabet::Alphanumeric,
        "counterfoil" => m::Alphabet::Counterfoil,
        these => m::Alphabet::Only(these.to_owned()),
    }
}

fn address_of(url: &Url) -> m::Address {
    m::Address { hosts: url.hosts.clone(), path: url.path.clone(), parameter: url.parameter.clone() }
}

fn keys_of(json: &Json) -> m::Keys {
    m::Keys { code: json.code.clone(), order: json.order.clone() }
}

fn fold_none() -> String {
    "none".to_owned()
}

fn is_fold_none(fold: &str) -> bool {
    fold == "none"
}

fn is_zero(bits: &u16) -> bool {
    *bits == 0
}

#[cfg(test)]
mod tests;
