//! A chain as processes: the real server program with a store on it, and folders for tills that the real
//! `counterfoil-ctl` works on.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use server::Store;
use server::store::NewEntitlement;
use tempfile::TempDir;

use crate::goods;
use crate::programs::{Ended, Serving, ended, programs};
use crate::shop::NANSHAN;

/// A server with a store, and folders for tills, all as processes.
pub struct Street {
    /// Where everything lies.
    pub folders: TempDir,
    /// The server.
    pub serving: Serving,
}

/// A policy without limits on money and number for what every store can give out: rounds of killing are longer outages
/// than a merchant would pay for.
const NO_LIMITS: &str = r#"
[away]
per_redemption = { clerk = "always", manager = "always" }
per_customer.fen = { clerk = "always", manager = "always" }
per_customer.count = { clerk = "always", manager = "always" }
per_till.fen = { clerk = "always", manager = "always" }
per_till.count = { clerk = "always", manager = "always" }
"#;

impl Street {
    /// Opens 南山店, where 李娜 works.
    pub fn open() -> Street {
        let folders = tempfile::tempdir().expect("a temporary folder can be made");
        let data = folders.path().join("server");
        let add = |words: &[&str]| {
            let done = ended(programs().server(&data, words));
            done.json_with(0, "the chain is set up");
        };
        add(&["add-store", NANSHAN]);
        let mut staff = programs().server(&data, &["add-staff", "--store", NANSHAN, "--name", "李娜"]);
        let staff = staff.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut staff = staff.expect("counterfoil-server can be started");
        let mut pin = staff.stdin.take().expect("its standard input is a pipe");
        pin.write_all(b"1234\n").expect("it reads the PIN");
        drop(pin);
        let done = staff.wait().expect("it ends");
        assert!(done.success(), "李娜 may sign in with a PIN from standard input");
        let serving = programs().serve(&data, "127.0.0.1:0");
        let street = Street { folders, serving };
        street.set_policy(NO_LIMITS);
        street
    }

    /// Sets what the chain's tills may decide without the server, as TOML.
    pub fn set_policy(&self, policy: &str) {
        let file = self.folders.path().join("policy.toml");
        std::fs::write(&file, policy).expect("a file can be written");
        let file = file.to_str().expect("a plain path");
        self.server(&["policy", "set", file]).json_with(0, "the policy makes sense");
    }

    /// Lets somebody sign in at 南山店 as a manager.
    pub fn add_manager(&self, name: &str, pin: &str) {
        let words = ["add-staff", "--store", NANSHAN, "--name", name, "--manager"];
        let mut adding = programs().server(&self.server_data(), &words);
        let adding = adding.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut adding = adding.expect("counterfoil-server can be started");
        let mut input = adding.stdin.take().expect("its standard input is a pipe");
        writeln!(input, "{pin}").expect("it reads the PIN");
        drop(input);
        assert!(adding.wait().expect("it ends").success(), "{name} is a manager");
    }

    /// The server's own command line beside the running server.
    pub fn server(&self, words: &[&str]) -> Ended {
        ended(programs().server(&self.server_data(), words))
    }

    /// One text of what such a command answers.
    #[track_caller]
    pub fn text(&self, words: &[&str], field: &str) -> String {
        let told = self.server(words).json_with(0, "the server's own command");
        told[field].as_str().unwrap_or_else(|| panic!("{field} is in {told}")).to_owned()
    }

    /// A fresh coupon's code.
    pub fn coupon(&self) -> String {
        self.text(&["issue", "coupon", "--title", "满 100 减 20 券", "--amount-off", "20"], "code")
    }

    /// So many fresh coupons' codes, issued beside the running server as its command line does it.
    pub fn coupons(&self, count: usize) -> Vec<String> {
        let issue = async {
            let opened = Store::open(&self.server_data(), server::real::hands()).await;
            let store = opened.expect("its database opens");
            // These programs live by the machine's clock, not by that of the stories.
            let coupon = NewEntitlement { valid_from: None, valid_until: None, ..goods::coupon() };
            let issued = store.issue(&vec![coupon; count]).await.expect("the database works");
            store.close().await;
            issued.iter().map(|issued| issued.code.secret().to_owned()).collect()
        };
        tokio::runtime::Runtime::new().expect("a runtime can be made").block_on(issue)
    }

    /// An enrolled till.
    pub fn till(&self, name: &str) -> TillFolder {
        let till = TillFolder { data: self.folders.path().join(name) };
        let code = self.text(&["enrol-code", "--store", NANSHAN], "code");
        till.does(&["enrol", &self.serving.url, &code, "--name", name]).json_with(0, "a fresh code enrols");
        till
    }

    /// Starts the server again where it listened before.
    pub fn restart(&mut self) {
        let listen = self.serving.listen().to_owned();
        self.serving = programs().serve(&self.server_data(), &listen);
    }

    /// Every counted redemption, as the server lists it.
    pub fn redemptions(&self) -> Vec<Value> {
        let told = self.server(&["redemptions"]).json_with(0, "the list of redemptions");
        told.as_array().cloned().unwrap_or_default()
    }

    fn server_data(&self) -> PathBuf {
        self.folders.path().join("server")
    }
}

/// A till's folder, and the program on it.
pub struct TillFolder {
    /// The folder.
    pub data: PathBuf,
}

impl TillFolder {
    /// A command of the till's program, not yet started.
    pub fn command(&self, words: &[&str]) -> Command {
        programs().ctl(&self.data, words)
    }

    /// Runs a command to its end.
    pub fn does(&self, words: &[&str]) -> Ended {
        ended(self.command(words))
    }

    /// 李娜 scans a code and confirms what is usual.
    pub fn redeems(&self, code: &str) -> Ended {
        self.does(&["scan", code, "--confirm", "--clerk", "李娜"])
    }
}
