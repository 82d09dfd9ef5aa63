//! The real programs on PostgreSQL: what the command line promises, and two servers of one chain.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::Connection;
use tempfile::TempDir;
use tests::postgres::postgres;
use tests::programs::{Ended, ended, programs};

const VARIABLE: &str = "COUNTERFOIL_DATABASE_URL";

/// A chain without a folder of its own for its data: only the keys would lie there.
struct Chain {
    url: String,
    folders: TempDir,
}

impl Chain {
    async fn on_an_empty_database() -> Chain {
        Chain { url: postgres().fresh().await, folders: tempfile::tempdir().unwrap() }
    }

    fn keys(&self) -> PathBuf {
        self.folders.path().join("keys")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = programs().server(&self.keys(), words);
        command.env(VARIABLE, &self.url);
        command
    }

    fn server(&self, words: &[&str]) -> Ended {
        ended(self.command(words))
    }

    fn text(&self, words: &[&str], field: &str) -> String {
        let told = self.server(words).json_with(0, "the server's own command");
        told[field].as_str().unwrap_or_else(|| panic!("{field} is in {told}")).to_owned()
    }
}

#[tokio::test]
async fn migrate_looks_mends_and_refuses() {
    let chain = Chain::on_an_empty_database().await;
    let error = |words: &[&str], code: i32, why: &str| {
        let told = chain.server(words).json_with(code, why);
        told["error"].as_str().unwrap_or_else(|| panic!("an error in {told}")).to_owned()
    };
    assert_eq!(
        error(&["tills"], 1, "an empty database is no chain"),
        "no_database",
        "and none is made of it"
    );
    assert_eq!(
        error(&["migrate", "--check"], 3, "a person decides"),
        "schema_pending",
        "nothing was run yet"
    );
    let done = chain.server(&["migrate"]).json_with(0, "it is brought up to date");
    assert_eq!(done["before"], 0, "from nothing: {done}");
    assert!(done["schema"].as_i64() > Some(3), "to all that is known: {done}");
    let checked = chain.server(&["migrate", "--check"]).json_with(0, "nothing is pending");
    assert_eq!(checked["schema"], done["schema"], "the same schema: {checked}");
    assert_eq!(
        chain.server(&["tills"]).json_with(0, "it is a chain")[0],
        serde_json::Value::Null,
        "without tills"
    );
    let flag = ended(programs().server(&chain.keys(), &["--database-url", &chain.url, "migrate", "--check"]));
    flag.json_with(0, "the option says the same as the variable");

    sqlx::any::install_default_drivers();
    let mut conn = sqlx::AnyConnection::connect(&chain.url).await.unwrap();
    let newer = sqlx::query("INSERT INTO migrations (number, name, applied_at) VALUES (99, 'later', 0)");
    newer.execute(&mut conn).await.unwrap();
    for words in
        [&["migrate", "--check"][..], &["migrate"], &["tills"], &["serve", "--listen", "127.0.0.1:0"]]
    {
        assert_eq!(error(words, 4, "a newer schema is a fault"), "database_newer", "{words:?}");
    }
    let mistyped = ended(programs().server(&chain.keys(), &["--database-url", "chain:s3cret@host", "tills"]));
    let said = mistyped.json_with(2, "the command line is wrong").to_string();
    assert!(said.contains("postgres://user:password@host") && !said.contains("s3cret"), "in words: {said}");
    let help = ended(chain.command(&["serve", "--help"]));
    assert!(help.out.contains("--database-url"), "help names the option: {help:?}");
    assert!(!help.out.contains(&chain.url), "but not what the variable holds: {help:?}");
}

#[tokio::test]
async fn two_servers_of_one_chain_are_one_and_either_may_die() {
    let chain = Chain::on_an_empty_database().await;
    chain.server(&["add-store", "南山店"]).json_with(0, "a store on an empty database");
    let mut staff = chain.command(&["add-staff", "--store", "南山店", "--name", "李娜"]);
    let mut staff = staff.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut staff.stdin.take().unwrap(), b"1234\n").unwrap();
    assert!(staff.wait().unwrap().success(), "李娜 may sign in");
    let serve = || programs().serve_by(chain.command(&["serve", "--listen", "127.0.0.1:0"]));
    let (mut first, second) = (serve(), serve());

    let till = |name: &str, url: &str| {
        let data = chain.folders.path().join(name);
        let code = chain.text(&["enrol-code", "--store", "南山店"], "code");
        does(&data, &["enrol", url, &code, "--name", name]).json_with(0, "a fresh code enrols");
        data
    };
    let (one, other) = (till("1号收银机", &first.url), till("2号收银机", &second.url));
    let coupon =
        || chain.text(&["issue", "coupon", "--title", "满 100 减 20 券", "--amount-off", "20"], "code");
    let code = coupon();
    let done = redeems(&one, &code).json_with(0, "redeemed at the first server");
    let again = redeems(&other, &code).json_with(1, "the second server knows it");
    assert_eq!(again["earlier"]["number"], done["number"], "and by whom: {again}");
    first.kill();
    let code = coupon();
    let done = redeems(&other, &code).json_with(0, "the second server goes on alone");
    assert_eq!(done["basis"]["basis"], "server", "and decides: {done}");
    let counted = chain.server(&["redemptions"]).json_with(0, "the list");
    assert_eq!(counted.as_array().map(Vec::len), Some(2), "both count: {counted}");
}

fn does(till: &Path, words: &[&str]) -> Ended {
    ended(programs().ctl(till, words))
}

fn redeems(till: &Path, code: &str) -> Ended {
    does(till, &["scan", code, "--confirm", "--clerk", "李娜"])
}
