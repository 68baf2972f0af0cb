//! `verify`: has the running gateway recompute its counters, waits for the result and prints it.

use std::io::Write;
use std::thread;
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Client, Connection, path};
use super::failure::Failure;
use super::print::printable;

/// Between two looks at a run.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// Mend the counters that are wrong
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Deserialize)]
struct Progress {
    run: u64,
    state: String,
}

#[derive(Deserialize)]
struct Report {
    buckets: u64,
    objects: u64,
    bytes: u64,
    differences: Vec<Differing>,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Differing {
    place: String,
    finding: String,
    repaired: bool,
}

#[derive(Deserialize)]
struct Finding {
    place: String,
    finding: String,
}

impl Verify {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let client = self.connection.open()?;
        let asked = client.send(&Method::POST, &path(&["verify"], &[]), Some(&json!({ "repair": self.repair })))?;
        let answer = wait(&client, asked)?;
        let report: Report = answer.parse()?;
        if self.connection.json {
            Connection::print_json(out, &answer)?;
        } else {
            report.print(out)?;
        }
        match report.left() {
            0 => Ok(()),
            count => Err(Failure::Differences(count)),
        }
    }
}

/// The answer that shows the run done.
fn wait(client: &Client, asked: Answer) -> Result<Answer, Failure> {
    let Progress { run, .. } = asked.parse()?;
    let mut answer = asked;
    loop {
        let progress: Progress = answer.parse()?;
        let broken = |what: &str| Failure::Other(format!("run {run} {what}").into());
        match progress.state.as_str() {
            _ if progress.run != run => return Err(broken("was followed by another before its result was seen")),
            "running" => thread::sleep(POLL_INTERVAL),
            "done" => return Ok(answer),
            "stopped" => return Err(broken("ended early: the gateway is stopping")),
            _ => return Err(broken("failed: the gateway's log says why")),
        }
        answer = client.get(&path(&["verify"], &[]))?;
    }
}

impl Report {
    fn print(&self, out: &mut dyn Write) -> Result<(), Failure> {
        for (what, count) in [("buckets", self.buckets), ("objects", self.objects), ("bytes", self.bytes)] {
            writeln!(out, "checked {count} {what}")?;
        }
        for Differing { place, finding, repaired } in &self.differences {
            let mended = if *repaired { " (mended)" } else { "" };
            writeln!(out, "{}: {finding}{mended}", printable(place))?;
        }
        for Finding { place, finding } in &self.findings {
            writeln!(out, "{}: {}", printable(place), printable(finding))?;
        }
        Ok(())
    }

    /// How much is still wrong.
    fn left(&self) -> usize {
        self.differences.iter().filter(|difference| !difference.repaired).count() + self.findings.len()
    }
}
