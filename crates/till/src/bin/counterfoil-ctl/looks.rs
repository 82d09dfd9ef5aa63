//! Commands that only look: status, cases, journal.

use std::sync::Arc;

use model::time::Doubt;
use model::verdict::Silence;
use serde_json::{Value, json};
use till::Till;
use till::folder::Folder;
use till::store::journal::{Journal, JournalError};
use till::till::LineState;
use till::vault::Place;
use wire::line::{Act, Line};

use crate::say;
use crate::scanners;
use crate::{Exit, Voice};

pub async fn status(voice: &Voice, till: &Arc<Till>) -> Exit {
    let missed = till.probe().await.and_then(|error| error.silence());
    let standing = till.standing();
    let identity = till.folder().identity().ok().flatten();
    // This program asks once: a line that was missed once is down as far as it can tell.
    let (online, silence) = match standing.line {
        Some(LineState::Online | LineState::Slow) => (missed.is_none(), missed.map(Silence::code)),
        Some(LineState::Offline(silence)) => (false, Some(silence.code())),
        Some(LineState::Revoked) => (false, Some("revoked")),
        None => (false, None),
    };
    let age = standing.copy_as_of.map(|as_of| till.now().seconds_since(as_of));
    let (clock, off) = match till.time().doubt {
        Doubt::None => ("good", 0),
        Doubt::Ahead(by) => ("ahead", by),
        Doubt::Back(by) => ("back", by),
    };
    let json = json!({
        "enrolled": identity.is_some(),
        "store": identity.as_ref().map(|known| known.store.name.clone()),
        "till": identity.as_ref().map(|known| known.till.clone()),
        "server": identity.as_ref().map(|known| known.address.clone()),
        "online": online, "silence": silence, "waiting": standing.waiting,
        "copy_as_of": standing.copy_as_of.map(|as_of| as_of.0), "copy_age_seconds": age,
        "entitlements": standing.entitlements, "copy_doubtful": standing.copy_doubtful,
        "cases": standing.cases, "journal": standing.journal_fault,
        "journal_lines": standing.journal_lines, "unsent": standing.unsent, "backup": standing.backup,
        "quarantine": standing.quarantine, "key": standing.key_kept.map(Place::code), "clock": clock,
        "clock_off_seconds": off / 1000, "exposure": say::exposure(till.exposure()),
        "scanners": scanners::json(&till.folder().scanners()),
    });
    voice.say(json.clone(), || {
        let show = |name: &str| format!("{name}: {}", json[name]);
        let names =
            ["enrolled", "store", "till", "server", "online", "silence", "waiting", "copy_age_seconds"];
        let more = [
            "entitlements",
            "cases",
            "journal",
            "journal_lines",
            "unsent",
            "backup",
            "quarantine",
            "key",
            "clock",
        ];
        let exposure = say::exposure_words(voice.language, till.exposure());
        names.iter().chain(&more).map(|name| show(name)).chain([exposure]).collect::<Vec<_>>().join("\n")
    });
    match (&standing.journal_fault, identity) {
        (Some(_), _) => Exit::Fault,
        (None, _) if standing.quarantine.is_some() => Exit::Fault,
        (None, _) if standing.cases > 0 => Exit::Held,
        (None, _) => Exit::Done,
    }
}

/// Opens the journal and hands every line to `each`.
pub fn walk(voice: &Voice, folder: &Folder, each: impl FnMut(Line)) -> Result<Journal, Exit> {
    let identity = match folder.identity() {
        Ok(Some(identity)) => identity,
        Ok(None) => return Err(voice.complain(Exit::Refused, "not_enrolled", "enrol this till first")),
        Err(error) => return Err(voice.complain(Exit::Fault, "folder", &error.to_string())),
    };
    Journal::open(&folder.file("journal.db"), &identity.device, identity.epoch, each)
        .map_err(|error| {
            let message = match error {
                JournalError::Broken { ref path, .. } => format!(
                    "{error}. What can still be read of it is handed in by: counterfoil-ctl journal export --from {} TO",
                    path.display()
                ),
                other => other.to_string(),
            };
            voice.complain(Exit::Fault, "journal_broken", &message)
        })
}

pub fn journal_list(voice: &Voice, folder: &Folder) -> Exit {
    let mut lines = vec![];
    if let Err(exit) = walk(voice, folder, |line| lines.push(line)) {
        return exit;
    }
    let values: Vec<Value> = lines.iter().map(line_value).collect();
    voice.say(Value::Array(values.clone()), || {
        values.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    });
    Exit::Done
}

fn line_value(line: &Line) -> Value {
    let act = serde_json::to_value(&line.act).unwrap_or(Value::Null);
    let name = match &line.act {
        Act::Opened { .. } => "opened",
        Act::Begun(_) => "begun",
        Act::Decided(_) => "decided",
        Act::Refused(_) => "refused",
        Act::Settled { .. } => "settled",
        Act::Undone { .. } => "undone",
        Act::Resolved { .. } => "resolved",
    };
    json!({ "epoch": line.epoch, "seq": line.seq, "at": line.at, "act": name, "what": act })
}
