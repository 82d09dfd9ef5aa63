//! Runs a command beside a private PostgreSQL server, which `COUNTERFOIL_TEST_POSTGRES` names to it and which ends with
//! it: `with-postgres cargo test`. A server that the variable names already is used instead.
#![allow(clippy::print_stderr, reason = "a program for developers, which speaks on the terminal")]

use std::process::{Command, ExitCode};

use tests::postgres::{VARIABLE, postgres};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("which command is to be run? For example: with-postgres cargo test");
        return ExitCode::from(2);
    };
    let ended = Command::new(&program).args(words).env(VARIABLE, postgres().main_url()).status();
    match ended {
        // 128 and more is how a shell says that a signal has ended it.
        Ok(status) => ExitCode::from(status.code().map_or(128, |code| u8::try_from(code).unwrap_or(1))),
        Err(error) => {
            eprintln!("{} cannot be started: {error}", program.to_string_lossy());
            ExitCode::from(127)
        }
    }
}
