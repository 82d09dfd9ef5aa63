//! `cargo xtask`: everything a person or a build machine does with this repository, one word each.
//!
//! It knows the commands of the other packages but none of their code, so that it compiles in seconds on a machine
//! that has nothing but Rust. Nothing here is part of the product.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a terminal program for developers: it speaks on the terminal, measures real time and waits for children"
)]

mod bench;
mod cargo;
mod counts;
mod demo;
mod display;
mod node;
mod packages;
mod places;
mod program;
mod run;
mod say;
mod server;
mod stamp;
mod test;
mod ui;
mod words;

use std::process::ExitCode;

use words::Task;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let task = match words::read(&given) {
        Ok(task) => task,
        Err(complaint) => {
            eprintln!("{complaint}\n\n{}", words::HELP);
            return ExitCode::from(2);
        }
    };
    match carry_out(task) {
        Ok(code) => code,
        Err(error) if program::stopping() => {
            eprintln!("\nStopped on request ({error:#}).");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("\nThat did not work: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(task: Task) -> anyhow::Result<ExitCode> {
    if task == Task::Help {
        println!("{}", words::HELP);
        return Ok(ExitCode::SUCCESS);
    }
    program::stop_when_asked()?;
    let places = places::Places::find()?;
    match task {
        Task::Help => {}
        Task::Run(wish) => run::run(&places, &wish)?,
        Task::Test(after_failure) => return test::test(&places, after_failure),
        Task::Bench => bench::bench(&places)?,
        Task::BenchScan(words) => bench::scan(&places, &words)?,
        Task::Sim(words) => bench::sim(&places, &words)?,
        Task::Pictures => bench::pictures(&places)?,
    }
    Ok(ExitCode::SUCCESS)
}
