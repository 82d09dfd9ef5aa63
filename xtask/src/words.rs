//! The words of the command line: what may be said to `cargo xtask`, and what it means.

use crate::places::Profile;

/// The text of `cargo xtask help`.
pub const HELP: &str = "\
Counterfoil's own commands. On Debian and Ubuntu each installs by apt what it still needs; elsewhere it says what is
missing. Ctrl-C stops a command together with everything it started.

  cargo xtask run [--release] [--fresh-demo] [--till N]
      Builds everything, starts the demo server and opens till 1. The demo's data stay in target/demo.
        --release      the optimised build, as it is shipped
        --fresh-demo   forget the demo's data first (nothing outside target/demo is touched)
        --till N       open the N-th till; a second `run --till 2` beside the first shares its server

  cargo xtask test [--keep-going]
      Format, page, lints, all tests, and the tests in the real window on a private screen. Ends with a table and the
      line `N passed, M failed`. A check that fails without counting tests counts as one failure.
        --keep-going   go through all steps, also after a failure

  cargo xtask bench
      Release build, then the time of an offline decision, the till's memory, codes read from pictures, and the window's figures.

  cargo xtask bench scan [--categories] [--misses]
      Only how many codes are read from the pictures in ../shared/scan-corpus (COUNTERFOIL_CORPUS names another folder), and
      what that costs, next to zxing-cpp alone.
        --categories   a line for each kind of picture
        --misses       a line for each picture that was not read

  cargo xtask sim [--seeds N] [--first-seed S] [--tills N] [--hours N] [--minutes N] [--plain] [--aloud]
      Release build, then a whole chain in simulated time, once for each seed: real tills and server, and a network, clocks
      and crashes that the seed decides. Each seed is run twice and must do the same. 20 seeds, 4 tills, 1 hour unless
      said otherwise; a seed that fails prints how to run it again.
        --plain        nothing comes back in pieces and nobody decides on cases, as for seeds that were kept so
        --aloud        print every event

  cargo xtask pictures
      Makes README's pictures anew, in docs/pictures.

  cargo xtask help
      This text.";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Print the help.
    Help,
    /// Build and start the demo.
    Run(Wish),
    /// Check everything.
    Test(AfterFailure),
    /// Measure everything.
    Bench,
    /// Measure the reader of pictures, with these words.
    BenchScan(Vec<String>),
    /// Run the simulator with these words.
    Sim(Vec<String>),
    /// Make README's pictures.
    Pictures,
}

/// How the demo is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct Wish {
    /// Debug or release.
    pub profile: Profile,
    /// What happens to the demo's data of an earlier start.
    pub data: DemoData,
    /// The number of the till to open, from 1.
    pub till: u32,
}

/// What happens to the demo's data of an earlier start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoData {
    /// They are used again.
    Kept,
    /// They are deleted first.
    Fresh,
}

/// What the test run does after the first failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// It ends.
    Stop,
    /// It goes through the other steps too.
    KeepGoing,
}

/// Reads the command line without the program's name; the error is a sentence for the person who typed it.
pub fn read(given: &[String]) -> Result<Task, String> {
    let mut given = given.iter().map(String::as_str);
    let task = match given.next() {
        Some("help" | "--help" | "-h") => Task::Help,
        Some("run") => return Ok(Task::Run(read_wish(given)?)),
        Some("test") => return Ok(Task::Test(read_after_failure(given)?)),
        Some("bench") => return read_bench(given),
        Some("sim") => return Ok(Task::Sim(read_sim(given)?)),
        Some("pictures") => Task::Pictures,
        Some(other) => return Err(format!("`{other}` is not one of the commands.")),
        None => return Err("Please say what to do.".to_owned()),
    };
    given.next().map_or(Ok(task), |more| Err(unknown(more)))
}

fn read_wish<'a>(mut given: impl Iterator<Item = &'a str>) -> Result<Wish, String> {
    let mut wish = Wish { profile: Profile::Debug, data: DemoData::Kept, till: 1 };
    while let Some(word) = given.next() {
        match word {
            "--release" => wish.profile = Profile::Release,
            "--fresh-demo" => wish.data = DemoData::Fresh,
            "--till" => wish.till = read_till(given.next())?,
            other => match other.strip_prefix("--till=") {
                Some(number) => wish.till = read_till(Some(number))?,
                None => return Err(unknown(other)),
            },
        }
    }
    Ok(wish)
}

fn read_till(word: Option<&str>) -> Result<u32, String> {
    match word.and_then(|word| word.parse().ok()) {
        Some(number @ 1..=99) => Ok(number),
        _ => Err("`--till` wants a number from 1 to 99.".to_owned()),
    }
}

fn read_after_failure<'a>(given: impl Iterator<Item = &'a str>) -> Result<AfterFailure, String> {
    let mut after = AfterFailure::Stop;
    for word in given {
        match word {
            "--keep-going" => after = AfterFailure::KeepGoing,
            other => return Err(unknown(other)),
        }
    }
    Ok(after)
}

fn read_bench<'a>(mut given: impl Iterator<Item = &'a str>) -> Result<Task, String> {
    match given.next() {
        None => return Ok(Task::Bench),
        Some("scan") => {}
        Some(other) => return Err(unknown(other)),
    }
    let words: Vec<&str> = given.collect();
    match words.iter().find(|word| !["--categories", "--misses"].contains(word)) {
        Some(other) => Err(unknown(other)),
        None => Ok(Task::BenchScan(words.into_iter().map(str::to_owned).collect())),
    }
}

/// The words for the simulator, each checked.
fn read_sim<'a>(mut given: impl Iterator<Item = &'a str>) -> Result<Vec<String>, String> {
    let mut words = vec![];
    while let Some(word) = given.next() {
        match word {
            "--plain" | "--aloud" => words.push(word.to_owned()),
            "--seeds" | "--first-seed" | "--tills" | "--hours" | "--minutes" => {
                let number = given.next().filter(|number| number.parse::<u64>().is_ok());
                let number = number.ok_or_else(|| format!("`{word}` wants a number."))?;
                words.extend([word.to_owned(), number.to_owned()]);
            }
            other => return Err(unknown(other)),
        }
    }
    Ok(words)
}

fn unknown(word: &str) -> String {
    format!("`{word}` means nothing here.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Result<Task, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        read(&words)
    }

    #[test]
    fn plain_words_are_understood() {
        assert_eq!(said("help"), Ok(Task::Help));
        assert_eq!(said("bench"), Ok(Task::Bench));
        assert_eq!(said("bench scan"), Ok(Task::BenchScan(vec![])));
        assert_eq!(said("bench scan --misses"), Ok(Task::BenchScan(vec!["--misses".to_owned()])));
        assert_eq!(said("pictures"), Ok(Task::Pictures));
        assert_eq!(said("test"), Ok(Task::Test(AfterFailure::Stop)));
        assert_eq!(said("test --keep-going"), Ok(Task::Test(AfterFailure::KeepGoing)));
    }

    #[test]
    fn a_demo_can_be_wished_for_in_any_order() {
        let plain = Wish { profile: Profile::Debug, data: DemoData::Kept, till: 1 };
        assert_eq!(said("run"), Ok(Task::Run(plain)));
        let full = || Wish { profile: Profile::Release, data: DemoData::Fresh, till: 2 };
        assert_eq!(said("run --till 2 --fresh-demo --release"), Ok(Task::Run(full())));
        assert_eq!(said("run --release --till=2 --fresh-demo"), Ok(Task::Run(full())));
    }

    #[test]
    fn a_simulation_takes_numbers() {
        let words = ["--seeds", "200", "--plain", "--aloud"].map(str::to_owned).to_vec();
        assert_eq!(said("sim --seeds 200 --plain --aloud"), Ok(Task::Sim(words)));
        assert_eq!(said("sim"), Ok(Task::Sim(vec![])));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in [
            "",
            "dance",
            "run fast",
            "run --till",
            "run --till 0",
            "run --till x",
            "bench now",
            "bench scan now",
            "test all",
            "sim --seeds",
            "sim 5",
        ] {
            assert!(said(line).is_err(), "{line:?} should have been refused");
        }
    }
}
