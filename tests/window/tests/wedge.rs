//! The wedge's figure: ten thousand generated bursts, decoded by the page's own decoder and read by the core, with
//! scanners and machines of every kind and with keys damaged in every way. No wrong code may be taken, and of the
//! bursts whose keys all came at least 999 in 1,000 must be read.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use window_tests::program;

const SEED: u64 = 20_261_130;
const SCANS: usize = 10_000;
/// The undamaged that must be read, of 10,000.
const READ_MIN: usize = 9_990;
/// 2026-11-30 09:00 in China: some codes begin with a moment.
const NOW: &str = "1795993200000";

#[test]
fn no_wrong_code_is_taken_and_what_came_whole_is_read() -> Result<()> {
    let scans: Vec<Value> = generated()?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("the generator writes JSON")?;
    ensure!(scans.len() == SCANS, "each scan is told: {}", scans.len());
    let texts: Vec<String> = scans.iter().flat_map(|scan| list(&scan["sent"])).map(text).collect();
    let mut truth = readings(&[], &texts)?.into_iter();
    let bursts: Vec<String> =
        scans.iter().flat_map(|scan| list(&scan["bursts"])).map(Value::to_string).collect();
    let mut read = readings_of_bursts(&bursts)?.into_iter();

    let mut figure = Figure::default();
    for scan in &scans {
        let sent: Vec<Value> = truth.by_ref().take(list(&scan["sent"]).len()).collect();
        let heard: Vec<Vec<Value>> = read.by_ref().take(list(&scan["bursts"]).len()).collect();
        figure.count(scan, &sent, &heard.concat());
    }
    figure.print();
    ensure!(figure.wrong.is_empty(), "wrong codes were taken: {:?}", figure.wrong);
    ensure!(figure.damaged > SCANS / 10, "enough of them were damaged: {figure:?}");
    ensure!(
        figure.read * 10_000 >= figure.whole * READ_MIN,
        "{} of {} whole bursts were read; the first that were not: {:?}",
        figure.read,
        figure.whole,
        figure.missed.iter().take(5).collect::<Vec<_>>()
    );
    Ok(())
}

#[derive(Debug, Default)]
struct Figure {
    whole: usize,
    read: usize,
    damaged: usize,
    /// Of the damaged, those that were read all the same, by the kind of damage.
    recovered: BTreeMap<String, usize>,
    wrong: Vec<String>,
    missed: Vec<String>,
}

impl Figure {
    #[expect(clippy::print_stdout, reason = "README quotes these figures")]
    fn print(&self) {
        let Self { whole, read, damaged, recovered, wrong, .. } = self;
        println!(
            "{} wrong; {read} of {whole} whole ones read; {damaged} damaged, of which read: {recovered:?}",
            wrong.len()
        );
    }

    fn count(&mut self, scan: &Value, sent: &[Value], heard: &[Value]) {
        let all_there = sent.iter().all(|one| heard.contains(one));
        if heard.iter().any(|one| is_taken(one) && !sent.contains(one)) {
            self.wrong.push(format!("{scan} was read as {heard:?}"));
        }
        if scan["damaged"].is_null() {
            self.whole += 1;
            self.read += usize::from(all_there);
            if !all_there {
                self.missed.push(format!("{scan} was read as {heard:?}"));
            }
        } else {
            self.damaged += 1;
            *self.recovered.entry(text(&scan["damaged"])).or_default() += usize::from(all_there);
        }
    }
}

/// Whether something could be redeemed for it, or the till be worked with it.
fn is_taken(reading: &Value) -> bool {
    ["opaque", "signed", "badge", "command", "enrolment"].iter().any(|kind| reading["kind"] == *kind)
}

/// What the page's decoder hands in for each generated scan.
fn generated() -> Result<String> {
    let ui = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ui");
    let built = tempfile::tempdir()?;
    let mut vite = Command::new("node");
    vite.current_dir(&ui).args(["node_modules/vite/bin/vite.js", "build", "--logLevel", "error"]);
    vite.args(["--ssr", "tests/bursts.ts", "--emptyOutDir", "--outDir"]).arg(built.path());
    ensure!(vite.status().context("node builds the generator")?.success(), "the generator was not built");
    let mut node = Command::new("node");
    node.arg(built.path().join("bursts.js")).args([SEED.to_string(), SCANS.to_string()]);
    let output = node.output()?;
    ensure!(output.status.success(), "the generator failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// What the core says of each line.
fn readings(words: &[&str], lines: &[String]) -> Result<Vec<Value>> {
    let mut core = Command::new(program("counterfoil-ctl")?);
    core.args(["--json", "--lang", "en", "read", "--at", NOW]).args(words).arg("-");
    let mut core = core.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = core.stdin.take().context("it reads")?;
    let all = lines.join("\n");
    let writing = std::thread::spawn(move || input.write_all(all.as_bytes()));
    let output = core.wait_with_output()?;
    writing.join().expect("writing does not panic")?;
    String::from_utf8(output.stdout)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// The same for bursts, of which one may hold two texts: each answer names its burst.
fn readings_of_bursts(bursts: &[String]) -> Result<Vec<Vec<Value>>> {
    let mut all = vec![vec![]; bursts.len()];
    for mut reading in readings(&["--keys"], bursts)? {
        let burst = reading["burst"].as_u64().context("a reading names its burst")?;
        reading.as_object_mut().context("a reading is an object")?.remove("burst");
        all[usize::try_from(burst)?].push(reading);
    }
    Ok(all)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
