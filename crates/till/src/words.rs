//! The sentences a clerk reads, from the page's own word lists, for the command line program.

use std::collections::BTreeMap;
use std::sync::LazyLock;

type Words = BTreeMap<String, String>;

static ENGLISH: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../../ui/words/en.json")));
static CHINESE: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../../ui/words/zh-CN.json")));

fn parse(text: &str) -> Words {
    serde_json::from_str(text).expect("the word lists are checked by a test")
}

/// A language that the program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Chinese as written in the mainland.
    Chinese,
}

impl Language {
    /// The language for a locale such as "zh-Hans-CN" or "en_GB.UTF-8".
    pub fn of_locale(locale: &str) -> Language {
        if locale.to_ascii_lowercase().starts_with("zh") { Language::Chinese } else { Language::English }
    }

    /// The tag that the page knows it by.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh-CN",
        }
    }
}

/// The sentence of `key`, or the key itself if there is none.
pub fn sentence(language: Language, key: &str) -> String {
    let words = match language {
        Language::English => &ENGLISH,
        Language::Chinese => &CHINESE,
    };
    words.get(key).cloned().unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use model::verdict::{Reason, Silence, Todo};

    use super::*;

    #[test]
    fn every_reason_todo_and_silence_has_its_sentence_in_each_language() {
        for (tag, words) in [("en", &*ENGLISH), ("zh-CN", &*CHINESE)] {
            for reason in Reason::all() {
                for key in ["reason", "reason_short"] {
                    let key = format!("{key}.{}", reason.code());
                    assert!(words.get(&key).is_some_and(|text| !text.is_empty()), "{tag}: {key}");
                }
            }
            for todo in Todo::CODES {
                assert!(words.contains_key(&format!("todo.{todo}")), "{tag}: todo.{todo}");
            }
            for silence in Silence::ALL {
                let key = format!("silence.{}", silence.code());
                assert!(words.contains_key(&key), "{tag}: {key}");
            }
        }
    }
}
