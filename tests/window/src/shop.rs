//! A demo shop: the real server with data of its own, and tills that know it.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::patience::until;
use crate::pictures;
use crate::processes::{Answer, Running, ask, program};

/// Where the demo chain is: server and window agree when lunch was.
pub(crate) const ZONE: &str = "Asia/Shanghai";
/// The tests of one program take turns: they share one screen and one keyboard.
static TURN: Mutex<()> = Mutex::const_new(());
/// The demo chain, made once and copied for each shop. In memory, so that nothing is left lying about.
static MODEL: OnceCell<Model> = OnceCell::const_new();

struct Model {
    database: Vec<u8>,
    /// The server's private keys by file name.
    keys: Vec<(OsString, Vec<u8>)>,
    codes: Vec<Code>,
    /// Numbers of what was redeemed before the test.
    past: Vec<String>,
}

/// A demo code.
#[derive(Clone, Debug)]
pub struct Code {
    /// What a scan of it types.
    pub text: String,
    /// "order", "coupon", "times_card", "member" or "fails".
    pub group: String,
    /// What it is, in the demo chain's words.
    pub caption: String,
    /// "offer", "member" or a reason code.
    pub expect: String,
}

/// The demo chain's stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// 南山店, where the window stands.
    Nanshan,
    /// 福田店.
    Futian,
}

impl Store {
    /// As the chain calls it.
    pub fn name(self) -> &'static str {
        match self {
            Store::Nanshan => "南山店",
            Store::Futian => "福田店",
        }
    }

    /// What its till is called.
    pub fn till(self) -> &'static str {
        match self {
            Store::Nanshan => "1号收银机",
            Store::Futian => "2号收银机",
        }
    }

    /// Who works there, and with which PIN.
    pub fn clerk(self) -> (&'static str, &'static str) {
        match self {
            Store::Nanshan => ("李娜", "1234"),
            Store::Futian => ("张伟", "2345"),
        }
    }
}

/// A demo chain with its server.
pub struct Shop {
    name: String,
    model: &'static Model,
    server: Option<Running>,
    address: String,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Shop {
    /// Opens a shop of its own for the test of this name; waits until no other test has one.
    pub async fn open(name: &str) -> Result<Self> {
        let turn = TURN.lock().await;
        let model = MODEL.get_or_try_init(async || Model::make()).await?;
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("server"))?;
        fs::write(folder.path().join("server/server.db"), &model.database)?;
        model.write_keys(&folder.path().join("server/keys"))?;
        let mut shop =
            Self { name: name.to_owned(), model, server: None, address: String::new(), folder, _turn: turn };
        shop.start_server()?;
        Ok(shop)
    }

    /// The name of the test.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Starts the server: at any free port the first time, at the same one ever after.
    pub fn start_server(&mut self) -> Result<()> {
        let listen = self.address.strip_prefix("http://").unwrap_or("127.0.0.1:0").to_owned();
        let log = File::options()
            .create(true)
            .append(true)
            .open(pictures::folder()?.join(format!("{}-server.log", self.name)))?;
        let mut command = self.server_command()?;
        command.args(["serve", "--listen", &listen]).stdout(Stdio::piped()).stderr(log);
        let mut server = Running::start(&mut command)?;
        let out = server.child.stdout.take().context("the server has an output")?;
        let mut address = String::new();
        BufReader::new(out).read_line(&mut address)?;
        let address = address.trim().trim_end_matches('/').to_owned();
        ensure!(
            address.starts_with("http://"),
            "the server's first line is {address:?}, which is no address"
        );
        self.address = address;
        self.server = Some(server);
        Ok(())
    }

    /// Ends the server as a power cut would (SIGKILL).
    pub fn kill_server(&mut self) {
        self.server = None;
    }

    /// What the server's command line says to these words, in JSON.
    pub fn server(&self, words: &[&str]) -> Result<Value> {
        ask(self.server_command()?.arg("--json").args(words))?.good()?.json()
    }

    /// The redemptions that count for a code.
    pub fn uses(&self, code: &Code) -> Result<Vec<Value>> {
        let shown = self.server(&["show", &code.text])?;
        let uses = shown["entitlement"]["uses"].as_array().context("an entitlement lists its uses")?;
        Ok(uses.clone())
    }

    /// The redemptions that came from the tills of this test, without the demo chain's past.
    pub fn redemptions(&self) -> Result<Vec<Value>> {
        let rows = redemptions_in(&self.server(&["redemptions"])?)?;
        Ok(rows.into_iter().filter(|row| !self.model.past.contains(&number(row))).collect())
    }

    /// The cases that are open.
    pub fn cases(&self) -> Result<Vec<Value>> {
        let cases = self.server(&["cases"])?;
        Ok(cases.as_array().context("cases are a list")?.clone())
    }

    /// A till at a store: enrolled, and its clerk signed in.
    pub fn till(&self, store: Store) -> Result<Till> {
        let code = self.server(&["enrol-code", "--store", store.name()])?;
        let code = code["code"].as_str().context("an enrolment code is a text")?.to_owned();
        let till = Till { folder: self.folder.path().join(format!("{store:?}")), store };
        till.ctl(&["enrol", &self.address, &code, "--name", store.till()])?.good()?;
        let (clerk, pin) = store.clerk();
        till.ctl(&["sign-in", clerk, "--pin", pin])?.good()?;
        Ok(till)
    }

    /// A data folder that has joined no chain yet.
    pub fn new_till(&self) -> Result<Till> {
        let folder = self.folder.path().join("new");
        fs::create_dir_all(&folder)?;
        Ok(Till { folder, store: Store::Nanshan })
    }

    /// The demo codes of a group.
    pub fn group(&self, group: &str) -> Vec<&Code> {
        self.model.codes.iter().filter(|code| code.group == group).collect()
    }

    /// The first demo code of a group whose caption holds this text.
    pub fn code(&self, group: &str, caption: &str) -> Result<Code> {
        let found =
            self.model.codes.iter().find(|code| code.group == group && code.caption.contains(caption));
        found.cloned().with_context(|| format!("no demo code of {group} says {caption:?}"))
    }

    fn server_command(&self) -> Result<Command> {
        let mut command = Command::new(program("counterfoil-server")?);
        command.env("TZ", ZONE).arg("--data").arg(self.folder.path().join("server"));
        Ok(command)
    }
}

impl Model {
    fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let server = |words: &[&str]| {
            let mut command = Command::new(program("counterfoil-server")?);
            ask(command.env("TZ", ZONE).arg("--json").arg("--data").arg(folder.path()).args(words))?.good()
        };
        server(&["demo"])?;
        let sheets = folder.path().join("sheets");
        let sheet = server(&["sheet", "--out", &sheets.to_string_lossy(), "--store", Store::Nanshan.name()])?;
        let sheet = sheet.json()?;
        let text = |code: &Value, name: &str| code[name].as_str().unwrap_or_default().to_owned();
        let code = |code: &Value| Code {
            text: text(code, "text"),
            group: text(code, "group"),
            caption: text(code, "caption"),
            expect: text(code, "expect"),
        };
        let codes = sheet.as_array().context("a sheet is a list of codes")?.iter().map(code).collect();
        let past = redemptions_in(&server(&["redemptions"])?.json()?)?.iter().map(number).collect();
        let database = fs::read(folder.path().join("server.db")).context("the server's database")?;
        let mut keys = vec![];
        for entry in fs::read_dir(folder.path().join("keys")).context("the server's keys")? {
            let entry = entry?;
            keys.push((entry.file_name(), fs::read(entry.path())?));
        }
        Ok(Self { database, keys, codes, past })
    }

    /// Puts the private keys into a folder of their owner alone: others the server would not use.
    fn write_keys(&self, folder: &Path) -> Result<()> {
        fs::create_dir(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        for (name, key) in &self.keys {
            let path = folder.join(name);
            fs::write(&path, key)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
}

fn redemptions_in(said: &Value) -> Result<Vec<Value>> {
    Ok(said.as_array().context("redemptions are a list")?.clone())
}

/// The number of a redemption.
fn number(row: &Value) -> String {
    row["number"].as_str().unwrap_or_default().to_owned()
}

/// A till's data folder.
#[derive(Clone, Debug)]
pub struct Till {
    folder: PathBuf,
    /// Where it stands.
    pub store: Store,
}

impl Till {
    /// Where it keeps everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the terminal program says on this folder, in JSON.
    pub fn ctl(&self, words: &[&str]) -> Result<Answer> {
        ask(self.terminal()?.arg("--json").args(words))
    }

    /// The same in sentences, in English.
    pub fn ctl_in_words(&self, words: &[&str]) -> Result<Answer> {
        ask(self.terminal()?.args(["--lang", "en"]).args(words))
    }

    /// The terminal program on this folder, which leaves nothing in this user's credential store or settings.
    fn terminal(&self) -> Result<Command> {
        let mut command = Command::new(program("counterfoil-ctl")?);
        command.env("COUNTERFOIL_KEYS", "file").env("COUNTERFOIL_HEADS", self.folder.with_extension("heads"));
        command.arg("--data").arg(&self.folder);
        Ok(command)
    }

    /// Ends when no program has the folder: the system takes its time to let go of what a killed one held.
    pub async fn is_free(&self) -> Result<()> {
        until("nobody has the till's folder any more", async || {
            let lock = File::open(self.folder.join("lock"))?;
            Ok(lock.try_lock().is_ok().then_some(()))
        })
        .await
    }

    /// How much its journal has on disk, in bytes.
    pub fn journal_bytes(&self) -> u64 {
        let length = |name: &str| fs::metadata(self.folder.join(name)).map_or(0, |file| file.len());
        length("journal.db") + length("journal.db-wal")
    }
}
