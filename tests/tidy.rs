//! Promises about the sources that no compiler keeps: who may know whom, where SQL may stand, which sentence belongs
//! to which reason, and how long a thing may grow.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use model::verdict::{Reason, Silence, Todo};
use serde_json::Value;
use tests::programs::root;

/// What each package may know of the others, and of the world outside what it must never know.
const MAY_KNOW: [(&str, &[&str], &[&str]); 10] = [
    ("model", &[], &["serde", "tokio", "rusqlite", "sqlx", "reqwest", "axum", "tauri", "getrandom", "jiff"]),
    ("wire", &["model"], &["tokio", "rusqlite", "sqlx", "reqwest", "axum", "tauri", "getrandom"]),
    ("reader", &[], &["serde", "tokio", "rusqlite", "sqlx", "reqwest", "axum", "tauri", "getrandom", "jiff"]),
    ("till", &["model", "reader", "wire"], &["tauri", "axum", "sqlx"]),
    ("server", &["model", "wire"], &["tauri", "rusqlite"]),
    ("counterfoil", &["model", "till"], &["rusqlite", "sqlx", "reqwest", "axum"]),
    ("tests", &["model", "wire", "till", "server", "vfs"], &["tauri"]),
    ("vfs", &[], &["tauri", "sqlx", "tokio"]),
    ("window-tests", &[], &["tauri"]),
    ("xtask", &[], &["tauri", "tokio"]),
];

/// What the crates without I/O consist of; anything else is a decision that belongs into this list.
const CONSISTS_OF: [(&str, &[&str]); 3] = [
    ("model", &["coset", "ed25519-dalek", "regex-lite", "sha2", "thiserror", "unicode-normalization"]),
    ("reader", &["image", "thiserror", "zxing-cpp"]),
    (
        "wire",
        &[
            "argon2",
            "base64",
            "blake3",
            "ciborium",
            "model",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "zstd",
        ],
    ),
];

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Longer ones that are known: file, or file and function, and lines. A number here may only become smaller; at the
/// limit its row goes. What a program has generated is nobody's to shorten and stands aside.
const LONGER: [(&str, usize); 0] = [];

/// Files that may wait for time: the pauses of the real window's tests, which look from outside, and the simulation, whose
/// time passes only when everybody waits.
const MAY_SLEEP: [&str; 2] = ["tests/window/src/patience.rs", "tests/src/simulation/time.rs"];

#[test]
fn nobody_knows_more_than_allowed() {
    let packages = packages();
    let members: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let listed: BTreeSet<&str> = MAY_KNOW.iter().map(|(name, ..)| *name).collect();
    assert_eq!(members, listed, "every package stands in the table above, and only those");
    for package in &packages {
        let (_, may, never) = MAY_KNOW.iter().find(|(name, ..)| *name == package.name).unwrap();
        for dependency in &package.dependencies {
            let name = dependency.as_str();
            let inside = members.contains(name);
            assert!(!inside || may.contains(&name), "{} may not know {name}", package.name);
            assert!(!never.contains(&name), "{} must never import {name}", package.name);
        }
    }
    for (name, parts) in CONSISTS_OF {
        let package = packages.iter().find(|package| package.name == name).unwrap();
        let parts: BTreeSet<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        assert_eq!(package.dependencies, parts, "{name} is made of these and nothing else");
    }
}

#[test]
fn sql_stands_in_the_stores_only() {
    let statements = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA ", "UPDATE entit"];
    for file in sources(&["rs"]) {
        let outside = !file.path.contains("/store/") && !file.path.contains("/migrations/");
        if outside && !file.path.starts_with("tests/") {
            let found = statements.iter().find(|statement| file.text.contains(**statement));
            assert_eq!(found, None, "{}: SQL belongs under store/ or migrations/", file.path);
        }
    }
}

#[test]
fn a_malls_code_leaves_the_reading_as_a_hash_only() {
    // Spelt so that this file does not find itself.
    let call = ["hash_input", "("].concat();
    let may = ["crates/model/src/reading/opaque.rs", "crates/wire/src/codes.rs"];
    for file in sources(&["rs"]) {
        let test = file.path.starts_with("tests/") || file.path.ends_with("/tests.rs");
        let calls = !test && file.text.contains(&call);
        assert!(
            !calls || may.contains(&file.path.as_str()),
            "{}: only wire/src/codes.rs takes the hash",
            file.path
        );
    }
}

#[test]
fn nothing_is_ever_taken_out_of_the_journal() {
    let journal = read("crates/till/src/store/journal.rs");
    for word in ["DELETE", "UPDATE line", "DROP", "REPLACE", "TRUNCATE"] {
        assert!(!journal.contains(word), "the till's journal knows no {word}");
    }
    let lines = read("crates/server/src/store/journals.rs");
    assert!(!lines.contains("DELETE"), "and the server deletes no line either");
}

#[test]
fn http_stands_in_the_transport_only() {
    for file in sources(&["rs"]) {
        let engine = file.path.starts_with("crates/till/src/") && file.path != "crates/till/src/transport.rs";
        if engine || file.path.starts_with("crates/model/") || file.path.starts_with("src-tauri/") {
            assert!(
                !file.text.contains("reqwest::"),
                "{}: HTTP belongs into the till's transport.rs",
                file.path
            );
        }
    }
    for file in sources(&["ts", "svelte"]).into_iter().filter(|file| file.path.starts_with("ui/src/")) {
        for call in ["fetch(", "XMLHttpRequest", "localStorage", "sessionStorage", "indexedDB"] {
            assert!(!file.text.contains(call), "{}: the page keeps and fetches nothing: {call}", file.path);
        }
    }
}

#[test]
fn every_source_file_opens_with_a_comment() {
    for file in sources(&["rs", "ts", "svelte"]) {
        let opens = match file.extension() {
            "rs" => file.text.starts_with("//!"),
            "svelte" => file.text.starts_with("<!--"),
            _ => file.text.starts_with("//") || file.text.starts_with("/*"),
        };
        assert!(opens, "{} says first what it is for", file.path);
    }
}

#[test]
fn readmes_map_names_each_member_and_only_those() {
    let members: BTreeSet<String> = packages().into_iter().map(|package| package.folder).collect();
    let readme = read("README.md");
    let is_map = |block: &&str| members.iter().filter(|member| block.contains(member.as_str())).count() > 2;
    // Every second piece between the fences is a block.
    let map = readme.split("```").skip(1).step_by(2).find(is_map).expect("README has a map in a code block");
    let named: Vec<&str> = map.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let named_once: BTreeSet<String> =
        named.iter().map(|name| name.trim_end_matches('/').to_owned()).collect();
    assert_eq!(named_once, members, "the map is the workspace");
    assert_eq!(named.len(), named_once.len(), "and names each once");
    for line in map.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        assert!(line.split_whitespace().count() > 2, "each with a caption: {line:?}");
    }
}

#[test]
fn each_reason_has_its_sentences_in_each_language() {
    let languages: Vec<(String, BTreeMap<String, String>)> = fs::read_dir(root().join("ui/words"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (name_of(&path), serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap())
        })
        .collect();
    assert!(languages.len() >= 2, "the program speaks at least two languages");
    let mut wanted: Vec<String> = Reason::all()
        .iter()
        .flat_map(|reason| ["reason", "reason_short"].map(|of| format!("{of}.{}", reason.code())))
        .collect();
    wanted.extend(Todo::CODES.map(|todo| format!("todo.{todo}")));
    wanted.extend(Silence::ALL.map(|silence| format!("silence.{}", silence.code())));
    for (language, words) in &languages {
        for key in &wanted {
            let sentence = words.get(key).map(|text| text.trim()).unwrap_or_default();
            assert!(!sentence.is_empty(), "{language} has a sentence for {key}");
        }
        let (_, first) = &languages[0];
        let keys = |words: &BTreeMap<String, String>| words.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(words), keys(first), "{language} has the keys that the others have");
        for of in ["reason", "reason_short", "silence", "todo"] {
            let extra = words.keys().find(|key| {
                key.strip_prefix(of).is_some_and(|rest| rest.starts_with('.')) && !wanted.contains(key)
            });
            assert_eq!(extra, None, "{language} has no sentence for something that does not exist");
        }
    }
}

#[test]
fn files_and_functions_stay_short() {
    let known: BTreeMap<&str, usize> = LONGER.into_iter().collect();
    let mut met: BTreeSet<String> = BTreeSet::new();
    let generated = |file: &Source| file.text.lines().next().is_some_and(|first| first.contains("Generated"));
    for file in sources(&["rs", "ts", "svelte"]).into_iter().filter(|file| !generated(file)) {
        let mut lengths = vec![(file.path.clone(), file.text.lines().count(), FILE_LINES_MAX)];
        if file.extension() == "rs" {
            let functions = functions(&file.text).into_iter();
            lengths.extend(
                functions.map(|(name, lines)| (format!("{}: {name}", file.path), lines, FUNCTION_LINES_MAX)),
            );
        }
        for (what, lines, limit) in lengths {
            match known.get(what.as_str()) {
                None => assert!(lines <= limit, "{what} has {lines} lines; {limit} are enough"),
                Some(listed) => {
                    assert!(
                        lines <= *listed,
                        "{what} has {lines} lines and was to become shorter than {listed}"
                    );
                    assert!(lines > limit, "{what} has come down to {lines} lines: its row in LONGER can go");
                    met.insert(what);
                }
            }
        }
    }
    let gone: Vec<&&str> = known.keys().filter(|what| !met.contains(**what)).collect();
    assert!(gone.is_empty(), "these rows in LONGER stand for nothing any more: {gone:?}");
}

#[test]
fn the_page_calls_the_commands_that_the_shell_has() {
    let backend = read("ui/src/backend.ts");
    let called: BTreeSet<&str> =
        backend.split("call('").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    let commands = read("src-tauri/src/commands.rs");
    let handler = commands.split("generate_handler![").nth(1).and_then(|rest| rest.split(']').next());
    let handler = handler.expect("the shell registers its commands");
    let there: BTreeSet<&str> = handler.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    assert_eq!(called, there, "each command has a caller and each call a command");
    for file in sources(&["ts", "svelte"]) {
        let elsewhere = file.path.starts_with("ui/src/") && file.path != "ui/src/backend.ts";
        assert!(
            !elsewhere || !file.text.contains("@tauri-apps/"),
            "{}: only backend.ts talks to the shell",
            file.path
        );
    }
}

#[test]
fn no_test_waits_for_time() {
    // Spelt so that this file does not find itself.
    let calls = ["sleep", "sleep_until", "interval"].map(|call| format!("{call}("));
    for file in sources(&["rs"]) {
        let test = file.path.starts_with("tests/") || file.path.contains("/tests/");
        if test && !MAY_SLEEP.contains(&file.path.as_str()) {
            let found = calls.iter().find(|call| file.text.contains(call.as_str()));
            assert_eq!(found, None, "{}: wait for the condition, not for time", file.path);
        }
    }
}

#[test]
fn every_assertion_of_a_journey_says_why() {
    for file in sources(&["rs"]).into_iter().filter(|file| file.path.starts_with("tests/journeys/")) {
        for piece in file.text.split("assert").skip(1) {
            let end = piece.find(");\n").unwrap_or(piece.len());
            let said = piece[..end].contains('"');
            let is_call = ["!(", "_eq!(", "_ne!("].iter().any(|call| piece.starts_with(call));
            assert!(
                !is_call || said,
                "{}: an assertion without a sentence: assert{}",
                file.path,
                &piece[..end]
            );
        }
    }
}

#[test]
fn a_functions_length_is_measured_from_head_to_brace() {
    let text = "impl A {\n    pub async fn one<T>(\n        a: T,\n    ) -> T {\n        a\n    }\n}\n\nfn two() {}\n";
    assert_eq!(functions(text), [("one".to_owned(), 5)], "heads of several lines count, one-liners do not");
}

struct Package {
    name: String,
    /// Relative to the repository.
    folder: String,
    /// What its programs and libraries are made of, by name; tests aside.
    dependencies: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let package = |package: &Value| {
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let folder = manifest.parent().unwrap().strip_prefix(root()).unwrap();
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        Package {
            name: text(&package["name"]),
            folder: folder.to_string_lossy().replace('\\', "/"),
            dependencies: dependencies
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| text(&dependency["name"]))
                .collect(),
        }
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

/// A source file of ours.
struct Source {
    /// Relative to the repository, with slashes.
    path: String,
    text: String,
}

impl Source {
    fn extension(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

/// Every source file with one of these extensions: written or generated into the repository, not fetched or built.
fn sources(extensions: &[&str]) -> Vec<Source> {
    const NOT_OURS: [&str; 5] = ["target", "node_modules", "dist", "gen", "artefacts"];
    let mut found = vec![];
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = name_of(&path);
            if path.is_dir() {
                if !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 10, "the sources are where they were");
    found
}

/// The functions of a file as rustfmt leaves it, with their lengths: from `fn` to the brace at the same indentation.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = vec![];
    for (start, line) in lines.iter().enumerate() {
        let words = line.trim_start().split('(').next().unwrap_or_default();
        let Some(name) = words.strip_prefix("fn ").or_else(|| words.split(" fn ").nth(1)) else { continue };
        let is_head = words.split(" fn ").next().is_some_and(|before| !before.contains(['"', '/', '=']));
        if !is_head || line.trim_end().ends_with('}') || line.trim_end().ends_with(';') {
            continue;
        }
        let end = lines[start..].iter().position(|later| {
            indent(later) == indent(line) && (later.trim() == "}" || later.trim_end().ends_with(");"))
        });
        let name = name.split(['<', ' ']).next().unwrap_or_default().to_owned();
        found.extend(end.map(|end| (name, end + 1)));
    }
    found
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
