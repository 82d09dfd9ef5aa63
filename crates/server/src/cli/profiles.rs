//! `profile`: what the codes of the chain's malls look like.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use server::Store;
use server::store::{ProfileRow, Removed, Turn};
use wire::profile::Profile;

use super::say::Out;
use super::{Ended, misused, refused};

/// The longest profile that is read (bytes).
const LENGTH_MAX: u64 = 1024 * 1024;

/// What can be done with profiles.
#[derive(Subcommand)]
pub enum ProfileCommand {
    /// List the chain's profiles, and those that are ready to be used
    List,
    /// Show a profile as JSON, such as `set` takes
    Show {
        /// Its name
        name: String,
    },
    /// Let tills read the codes of a profile that is ready, or of one that was stopped
    Use {
        /// Its name
        name: String,
        /// A host name of the merchant, whose web addresses carry codes; repeat for several
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
        /// Let tills try it before all others
        #[arg(long)]
        first: bool,
    },
    /// Tills no longer read its codes; what was issued under it stays
    Stop {
        /// Its name
        name: String,
    },
    /// Take a profile from a JSON file, and use it. One of the same name is replaced
    Set {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// Take a profile out under which no code was issued
    Remove {
        /// Its name
        name: String,
    },
}

/// Does it.
pub async fn profile(store: &Store, command: &ProfileCommand, out: Out) -> Result<(), Ended> {
    match command {
        ProfileCommand::List => list(store, out).await,
        ProfileCommand::Show { name } => show(store, name, out).await,
        ProfileCommand::Use { name, hosts, first } => {
            let turn = if *first { Turn::First } else { Turn::AsItIs };
            use_(store, with_hosts(known(store, name).await?, hosts)?, turn, out).await
        }
        ProfileCommand::Stop { name } => stop(store, name, out).await,
        ProfileCommand::Set { file } => use_(store, from_file(file)?, Turn::AsItIs, out).await,
        ProfileCommand::Remove { name } => remove(store, name, out).await,
    }
}

async fn list(store: &Store, out: Out) -> Result<(), Ended> {
    let rows = store.profiles().await?;
    let ready: Vec<Profile> = wire::profile::ready()
        .into_iter()
        .filter(|ready| rows.iter().all(|row| row.profile.name != ready.name))
        .collect();
    let state = |row: &ProfileRow| if row.active { "used" } else { "stopped" };
    let listed: Vec<(&str, &Profile)> = rows
        .iter()
        .map(|row| (state(row), &row.profile))
        .chain(ready.iter().map(|ready| ("ready", ready)))
        .collect();
    let value: Vec<_> = listed
        .iter()
        .map(|(state, profile)| json!({"name": profile.name, "title": profile.title, "state": state}))
        .collect();
    Ok(out.say(&value, || {
        listed
            .iter()
            .map(|(state, profile)| format!("{}  {state}  {}", profile.name, profile.title))
            .collect()
    })?)
}

async fn show(store: &Store, name: &str, out: Out) -> Result<(), Ended> {
    let profile = known(store, name).await?;
    let text = serde_json::to_string_pretty(&profile)?;
    Ok(out.say(&profile, || vec![text])?)
}

async fn use_(store: &Store, profile: Profile, turn: Turn, out: Out) -> Result<(), Ended> {
    checked(&profile)?;
    store.use_profile(&profile, turn).await?;
    let forms =
        |profile: &Profile| profile.codes.iter().flat_map(|form| form.urls.clone()).collect::<Vec<_>>();
    let hostless = forms(&profile).iter().any(|url| url.hosts.is_empty());
    let value = json!({"name": profile.name, "state": "used", "hosts_missing": hostless});
    Ok(out.say(&value, || {
        let mut lines = vec![format!("tills read codes of {} as soon as they hear of it", profile.name)];
        if hostless {
            lines.push(format!(
                "but none in web addresses: say whose with `profile use {} --host HOST`",
                profile.name
            ));
        }
        lines
    })?)
}

async fn stop(store: &Store, name: &str, out: Out) -> Result<(), Ended> {
    if !store.stop_profile(name).await? {
        return unknown(store, name).await;
    }
    let value = json!({"name": name, "state": "stopped"});
    Ok(out.say(&value, || vec![format!("tills no longer read codes of {name}")])?)
}

async fn remove(store: &Store, name: &str, out: Out) -> Result<(), Ended> {
    match store.remove_profile(name).await? {
        Removed::Yes => {
            let value = json!({"name": name, "removed": true});
            Ok(out.say(&value, || vec![format!("{name} is gone")])?)
        }
        Removed::Unknown => unknown(store, name).await,
        Removed::HasCodes(codes) => refused(
            "profile_has_codes",
            format!("{codes} codes were issued under {name}: stop it with `profile stop {name}` instead"),
        ),
    }
}

/// The chain's profile of that name, or the one that is ready.
async fn known(store: &Store, name: &str) -> Result<Profile, Ended> {
    if let Some(row) = store.profile(name).await? {
        return Ok(row.profile);
    }
    match wire::profile::ready().into_iter().find(|ready| ready.name == name) {
        Some(ready) => Ok(ready),
        None => unknown(store, name).await,
    }
}

async fn unknown<T>(store: &Store, name: &str) -> Result<T, Ended> {
    let mut names: Vec<String> = store.profiles().await?.into_iter().map(|row| row.profile.name).collect();
    names.extend(wire::profile::ready().into_iter().map(|ready| ready.name));
    names.sort_unstable();
    names.dedup();
    refused("unknown_profile", format!("there is no profile called {name}; there are {}", names.join(", ")))
}

/// The profile, whose web addresses are those of these hosts. Without hosts it is as it was.
fn with_hosts(mut profile: Profile, hosts: &[String]) -> Result<Profile, Ended> {
    if hosts.is_empty() {
        return Ok(profile);
    }
    let mut urls = profile.codes.iter_mut().flat_map(|form| &mut form.urls).peekable();
    if urls.peek().is_none() {
        drop(urls);
        return refused(
            "no_addresses",
            format!("{} has no codes in web addresses: use it without --host", profile.name),
        );
    }
    urls.for_each(|url| url.hosts = hosts.to_vec());
    Ok(profile)
}

fn from_file(file: &Path) -> Result<Profile, Ended> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(LENGTH_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(LENGTH_MAX).read_to_string(&mut text))
    };
    if let Err(error) = read {
        return misused(format!("{} cannot be read: {error}", file.display()));
    }
    serde_json::from_str(&text).or_else(|error| {
        refused(
            "bad_profile",
            format!("{} is no profile: {error}; `profile show` shows what one looks like", file.display()),
        )
    })
}

/// Refuses a profile whose codes no till could read.
fn checked(profile: &Profile) -> Result<(), Ended> {
    match model::profile::Profile::try_from(profile) {
        Ok(_) => Ok(()),
        Err(error) => refused("bad_profile", format!("the profile {} cannot be used: {error}", profile.name)),
    }
}
