//! `counterfoil-server`: the reference backend from the command line.

use std::process::ExitCode;

use clap::Parser;

mod cli;

fn main() -> ExitCode {
    cli::main(&cli::Args::parse())
}
