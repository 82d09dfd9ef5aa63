//! A PostgreSQL server for tests: the one that `COUNTERFOIL_TEST_POSTGRES` names, or a private one that this process
//! starts and that ends with it, however it ends.
//!
//! The private one listens on a socket in a folder of its own, keeps its data under the build folder, and writes to
//! disk as a shop's would (`fsync` is on). It does not run as root, for PostgreSQL refuses that.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

/// The variable that names a server: the URL of a database on it, whose user may make databases.
pub const VARIABLE: &str = "COUNTERFOIL_TEST_POSTGRES";

/// The server.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    /// The private server, which ends when this process does.
    _own: Option<private::Running>,
}

/// The server of this process.
///
/// # Panics
///
/// If there is none and none can be started; the sentence says what to do.
pub fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(url) => Postgres { url, _own: None },
        Err(_) => {
            let running = private::start().unwrap_or_else(|why| {
                panic!("{why}. `cargo xtask test` sees to it; or name a server in {VARIABLE}")
            });
            Postgres { url: running.url.clone(), _own: Some(running) }
        }
    })
}

impl Postgres {
    /// The URL of a database with that name.
    pub fn url(&self, database: &str) -> String {
        let (address, parameters) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let server = address.rsplit_once('/').map_or(address, |(server, _)| server);
        format!("{server}/{database}?{parameters}").trim_end_matches('?').to_owned()
    }

    /// The URL of the database that it was named with.
    pub fn main_url(&self) -> &str {
        &self.url
    }

    /// Makes an empty database that no other test has: its URL.
    pub async fn fresh(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("counterfoil_test_{}_{count}", std::process::id());
        let mut conn = PgConnection::connect(&self.url).await.expect("the test server lets its user in");
        let make = format!("DROP DATABASE IF EXISTS {name}; ");
        sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut conn).await.expect("an old one can go");
        let make = format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0");
        sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut conn).await.expect("its user may make databases");
        conn.close().await.expect("the connection ends");
        self.url(&name)
    }
}

/// Starting one of our own.
#[cfg(unix)]
mod private {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};

    use tempfile::TempDir;

    /// Stops the server and takes its folders away as soon as nobody holds the other end of its standard input: then
    /// the process that started it has ended, in whatever way.
    const KEEPER: &str = r#"
        trap '' HUP INT TERM
        $AS "$1/postgres" -D "$2/data" -k "$3" -c listen_addresses= -c max_connections=500 -c fsync=on 2>&1 &
        server=$!
        cat > /dev/null
        kill -INT $server
        wait $server
        rm -rf "$2" "$3"
    "#;
    /// Where distributions put the programs, which are often not on the path.
    const FOLDERS: [&str; 4] = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt"];

    /// A server that runs.
    #[derive(Debug)]
    pub(super) struct Running {
        pub(super) url: String,
        /// Its standard input is what keeps it running.
        _keeper: Child,
    }

    /// Somebody else than root: user and group.
    #[derive(Clone, Copy)]
    struct User(u32, u32);

    pub(super) fn start() -> Result<Running, String> {
        let programs = programs().ok_or("PostgreSQL's programs (initdb, postgres) are not installed")?;
        let user =
            if is_root() { Some(other_user().ok_or("there is no user postgres or nobody")?) } else { None };
        let data = folder(&build_folder(), user).or_else(|_| folder(&std::env::temp_dir(), user));
        let data = data.map_err(|error| format!("no folder for PostgreSQL can be made: {error}"))?;
        let sockets = folder(&std::env::temp_dir(), user)
            .map_err(|error| format!("no folder for a socket can be made: {error}"))?;
        let mut initdb = command(&programs.join("initdb"), user);
        initdb.arg("-D").arg(data.path().join("data"));
        initdb.args(["-U", "counterfoil", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        let made = initdb.output().map_err(|error| format!("initdb cannot be started: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr).trim()));
        }
        let mut keeper = command(Path::new("/bin/sh"), None);
        keeper.args(["-c", KEEPER, "sh"]).arg(&programs).arg(data.path()).arg(sockets.path());
        // The keeper itself stays root, or it could not take the folders away.
        let who = |User(id, group)| format!("setpriv --reuid={id} --regid={group} --clear-groups");
        keeper.env("AS", user.map(who).unwrap_or_default());
        // A process group of its own: Ctrl-C is for the tests, and the keeper then sees them end.
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = keeper.spawn().map_err(|error| format!("PostgreSQL cannot be started: {error}"))?;
        wait_until_ready(&mut keeper)?;
        let socket = sockets.path().display().to_string().replace('/', "%2F");
        // From here on it is the keeper that takes them away.
        let _ = (data.keep(), sockets.keep());
        Ok(Running { url: format!("postgres://counterfoil@{socket}/postgres"), _keeper: keeper })
    }

    /// Reads the server's log until it says so, and lets the rest of it go.
    fn wait_until_ready(keeper: &mut Child) -> Result<(), String> {
        let mut log = BufReader::new(keeper.stdout.take().ok_or("the server has no log")?).lines();
        let mut said = Vec::new();
        while let Some(Ok(line)) = log.next() {
            if line.contains("database system is ready to accept connections") {
                std::thread::spawn(move || log.count());
                return Ok(());
            }
            said.push(line);
        }
        Err(format!("PostgreSQL did not start: {}", said.join("; ")))
    }

    /// The folder of its programs: the path's, else the newest that a distribution has installed.
    fn programs() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        for parent in FOLDERS {
            let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
            let mut found: Vec<PathBuf> = entries.map(|entry| entry.path().join("bin")).collect();
            found.sort();
            folders.extend(found.into_iter().rev());
        }
        // Links are followed, because both programs must be of one version.
        let real = |folder: PathBuf| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned);
        folders.into_iter().filter_map(real).find(|folder| folder.join("postgres").is_file())
    }

    /// The build folder that this program lies in.
    fn build_folder() -> PathBuf {
        let own = std::env::current_exe().ok();
        own.and_then(|own| Some(own.ancestors().nth(3)?.to_owned())).unwrap_or_else(std::env::temp_dir)
    }

    /// A folder that belongs to that user and that the user can reach.
    fn folder(parent: &Path, user: Option<User>) -> std::io::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("counterfoil-postgres-").tempdir_in(parent)?;
        if let Some(User(id, group)) = user {
            chown(folder.path(), Some(id), Some(group))?;
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700))?;
            let reached =
                command(Path::new("/bin/sh"), user).arg("-c").arg("cd \"$0\"").arg(folder.path()).status()?;
            if !reached.success() {
                return Err(std::io::Error::other("another user cannot reach it"));
            }
        }
        Ok(folder)
    }

    fn command(program: &Path, user: Option<User>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env("LC_ALL", "C").env_remove("PGDATA");
        if let Some(User(id, group)) = user {
            command.uid(id).gid(group);
        }
        command
    }

    fn is_root() -> bool {
        let asked = Command::new("id").arg("-u").output();
        asked.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
    }

    /// `postgres`, or else `nobody`.
    fn other_user() -> Option<User> {
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        ["postgres", "nobody"].into_iter().find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map(|id| id.parse().ok());
            Some(User(ids.next()??, ids.next()??))
        })
    }
}

#[cfg(not(unix))]
mod private {
    #[derive(Debug)]
    pub(super) struct Running {
        pub(super) url: String,
    }

    pub(super) fn start() -> Result<Running, String> {
        Err("a private PostgreSQL server is started on Unix only".to_owned())
    }
}
