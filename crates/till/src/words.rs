//! The sentences a clerk reads, from the page's own word lists, for the command line program.

use std::collections::BTreeMap;
use std::sync::LazyLock;

type Words = BTreeMap<String, String>;

static ENGLISH: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../../ui/words/en.json")));
static CHINESE: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../../ui/words/zh-CN.json")));
static HONG_KONG: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../../../ui/words/zh-HK.json")));

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
    /// Chinese as written in Hong Kong.
    HongKong,
}

impl Language {
    /// Each of them, in the order in which the page offers them.
    pub const ALL: [Language; 3] = [Language::Chinese, Language::HongKong, Language::English];

    /// The language for a locale such as "zh-Hans-CN" or "en_GB.UTF-8". Whoever reads traditional characters gets
    /// Hong Kong's words; where the script is named, it counts and not the place.
    pub fn of_locale(locale: &str) -> Language {
        let locale = locale.to_ascii_lowercase();
        // Behind the dot stands the encoding, behind the at sign a variant: neither is a language.
        let tag = locale.split(['.', '@']).next().unwrap_or_default();
        let parts: Vec<&str> = tag.split(['-', '_']).collect();
        let has = |wanted: &[&str]| parts.iter().any(|part| wanted.contains(part));
        match parts.first().copied() {
            Some("yue") => Language::HongKong,
            Some("zh") if has(&["hans"]) => Language::Chinese,
            Some("zh") if has(&["hant", "hk", "mo", "tw"]) => Language::HongKong,
            Some("zh") => Language::Chinese,
            _ => Language::English,
        }
    }

    /// The tag that the page knows it by.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh-CN",
            Language::HongKong => "zh-HK",
        }
    }

    fn words(self) -> &'static Words {
        match self {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
            Language::HongKong => &HONG_KONG,
        }
    }
}

/// The sentence of `key`, or the key itself if there is none.
pub fn sentence(language: Language, key: &str) -> String {
    language.words().get(key).cloned().unwrap_or_else(|| key.to_owned())
}

/// The sentence of `key`, with these figures and texts in its places.
pub fn filled(language: Language, key: &str, places: &[(&str, String)]) -> String {
    let fill = |text: String, (name, value): &(&str, String)| text.replace(&format!("{{{name}}}"), value);
    places.iter().fold(sentence(language, key), fill)
}

#[cfg(test)]
mod tests {
    use model::verdict::{Reason, Silence, Todo};

    use super::*;

    #[test]
    fn every_reason_todo_and_silence_has_its_sentence_in_each_language() {
        for language in Language::ALL {
            let (tag, words) = (language.tag(), language.words());
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

    #[test]
    fn a_locale_gets_the_words_of_its_script() {
        let expected = [
            ("en_GB.UTF-8", Language::English),
            ("de-DE", Language::English),
            ("", Language::English),
            ("zh", Language::Chinese),
            ("zh-CN", Language::Chinese),
            ("zh_CN.UTF-8", Language::Chinese),
            ("zh-Hans-HK", Language::Chinese),
            ("zh_SG", Language::Chinese),
            ("zh-HK", Language::HongKong),
            ("zh_HK.UTF-8", Language::HongKong),
            ("zh-Hant", Language::HongKong),
            ("zh-Hant-CN", Language::HongKong),
            ("zh_TW.UTF-8@radical", Language::HongKong),
            ("zh-MO", Language::HongKong),
            ("yue-Hant-HK", Language::HongKong),
        ];
        for (locale, language) in expected {
            assert_eq!(Language::of_locale(locale), language, "a machine set to {locale:?}");
        }
        for language in Language::ALL {
            assert_eq!(Language::of_locale(language.tag()), language, "a kept choice is read back");
        }
    }
}
