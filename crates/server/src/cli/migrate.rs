//! `migrate`: the database's schema, brought up to date before the programs that need it, or only looked at.

use serde_json::json;
use server::store::{Location, Schema};

use super::Ended;
use super::say::Out;

/// Says whether the schema is up to date: the exit code does.
pub fn check(schema: &Schema, location: &Location, out: Out) -> Result<(), Ended> {
    let pending: Vec<String> = schema.pending().map(|(number, name)| format!("{number} ({name})")).collect();
    if pending.is_empty() {
        let said = json!({"schema": schema.found, "known": schema.known});
        return Ok(out.say(&said, || vec![format!("schema {}: up to date", schema.found)])?);
    }
    Err(Ended {
        exit: 3,
        error: "schema_pending",
        message: format!(
            "the data in {location} have schema {} and this program needs {}; pending: {}. Make a backup, then run \
             migrate, or start serve, which does the same",
            schema.found,
            schema.known,
            pending.join(", ")
        ),
    })
}

/// Says what was done to a database that had `before`.
pub fn done(before: Option<&Schema>, out: Out) -> Result<(), Ended> {
    let Some(before) = before else { return Ok(()) };
    let said = json!({"schema": before.known, "before": before.found});
    Ok(out.say(&said, || {
        vec![if before.found == before.known {
            format!("schema {}: it was up to date", before.known)
        } else {
            format!("schema {}: it was {}", before.known, before.found)
        }]
    })?)
}
