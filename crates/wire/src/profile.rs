//! Merchant profiles as data: what a mall's codes look like, as files, commands and tills' setups carry them.

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
    /// characters themselves.
    pub alphabet: String,
    /// The lengths that codes have (characters).
    pub lengths: Vec<u16>,
    /// A regular expression that the whole code must match too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The code begins with a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Moment>,
    /// Whether capitals and small letters are the same: "none", "upper", "lower".
    #[serde(default = "fold_none", skip_serializing_if = "is_fold_none")]
    pub fold: String,
    /// What stands before the code and is not part of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub strip_prefix: String,
    /// What stands behind the code and is not part of it.
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
    /// The merchant's host names. None: the merchant has not said yet, and no address is taken for the merchant's.
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

fn fold_none() -> String {
    "none".to_owned()
}

fn is_fold_none(fold: &str) -> bool {
    fold == "none"
}

fn is_zero(bits: &u16) -> bool {
    *bits == 0
}
