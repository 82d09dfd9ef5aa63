//! The real programs, as processes that can be killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The built programs.
#[derive(Debug)]
pub struct Programs {
    folder: PathBuf,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; nothing if it was killed.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

impl Ended {
    /// What it printed, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(self.out.trim())
            .unwrap_or_else(|error| panic!("one JSON value was expected ({error}) from {self:?}"))
    }

    /// What it printed, as JSON, after it has ended with that code.
    #[track_caller]
    pub fn json_with(&self, code: i32, why: &str) -> Value {
        assert_eq!(self.code, Some(code), "{why}: {self:?}");
        self.json()
    }
}

/// Builds the programs, once for each run of the tests, into the folder that the tests themselves were built into.
pub fn programs() -> &'static Programs {
    static BUILT: OnceLock<Programs> = OnceLock::new();
    BUILT.get_or_init(|| {
        let own = std::env::current_exe().expect("the system says where this program lies");
        let profile = own.ancestors().nth(2).expect("it lies in target/<profile>/deps").to_owned();
        let target = profile.parent().expect("it lies in target/<profile>/deps").to_owned();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root()).args(["build", "-p", "server", "-p", "till", "--bins", "--target-dir"]);
        cargo.arg(&target);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        // What the outer cargo says about this package would make build scripts run again.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(name);
            }
        }
        let built = cargo.status().expect("cargo can be started");
        assert!(built.success(), "the programs can be built");
        Programs { folder: profile }
    })
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the repository")
}

impl Programs {
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
        command.env("LANG", "en_GB.UTF-8").stdin(Stdio::null());
        command.env_remove("COUNTERFOIL_DATA").env_remove("COUNTERFOIL_DATABASE_URL");
        command
    }

    /// `counterfoil-ctl` on the till in `data`, with JSON.
    pub fn ctl(&self, data: &Path, words: &[&str]) -> Command {
        let mut command = self.program("counterfoil-ctl");
        command.arg("--json").arg("--data").arg(data).args(words);
        // Nothing of a test is left in this user's credential store or settings.
        command.env("COUNTERFOIL_KEYS", "file").env("COUNTERFOIL_HEADS", data.with_extension("heads"));
        command
    }

    /// `counterfoil-server` on the database in `data`, with JSON.
    pub fn server(&self, data: &Path, words: &[&str]) -> Command {
        let mut command = self.program("counterfoil-server");
        command.arg("--json").arg("--data").arg(data).args(words);
        command
    }

    /// Starts the server on `data` and waits until it says where it listens. `listen` may have port 0.
    pub fn serve(&self, data: &Path, listen: &str) -> Serving {
        self.serve_by(self.server(data, &["serve", "--listen", listen]))
    }

    /// Starts the server by that command, which is `serve`, and waits until it says where it listens.
    pub fn serve_by(&self, mut command: Command) -> Serving {
        command.env("COUNTERFOIL_LOG", "warn").stdout(Stdio::piped());
        let mut child = command.spawn().expect("counterfoil-server can be started");
        let out = child.stdout.take().expect("its standard output is a pipe");
        let mut url = String::new();
        BufReader::new(out).read_line(&mut url).expect("its standard output can be read");
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://"), "the first line is the URL, not {url:?}");
        Serving { child, url }
    }
}

/// Runs a program to its end.
pub fn ended(mut command: Command) -> Ended {
    let output = command.output().expect("the program can be started");
    Ended {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A server process.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl Serving {
    /// Host and port, to start it there again.
    pub fn listen(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Ends it at once, as a power cut would (SIGKILL).
    pub fn kill(&mut self) {
        // It fails only if the process has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}
