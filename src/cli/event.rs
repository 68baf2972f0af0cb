//! `event list`: crossings of soft limits.

use std::io::Write;

use clap::Subcommand;
use comfy_table::Table;
use serde::Deserialize;

use super::client::{Connection, path};
use super::failure::Failure;
use super::print::list;

#[derive(Debug, clap::Args)]
pub(super) struct Event {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the events of the last 30 days, oldest first, a page at a time
    List {
        /// Only those after this number
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
    },
}

#[derive(Deserialize)]
struct Events {
    events: Vec<Record>,
    next_after: Option<u64>,
}

#[derive(Deserialize)]
struct Record {
    number: u64,
    time: String,
    holder: String,
    name: String,
    measure: String,
    percent: u8,
    direction: String,
    used: u64,
    limit: u64,
}

impl Event {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let client = self.connection.open()?;
        let Verb::List { after } = &self.verb;
        let after = after.map(|after| after.to_string());
        let answer = client.get(&path(&["events"], &[("after", after.as_deref())]))?;
        self.connection.show(out, &answer, table_of)?;
        if !self.connection.json {
            let Events { next_after, .. } = answer.parse()?;
            if let Some(next) = next_after {
                writeln!(out, "\nmore with --after {next}")?;
            }
        }
        Ok(())
    }
}

fn table_of(page: Events) -> Table {
    let rows = page.events.into_iter().map(|event| {
        let level = format!("{}% {}", event.percent, event.direction);
        let (used, limit) = (event.used.to_string(), event.limit.to_string());
        [event.number.to_string(), event.time, event.holder, event.name, event.measure, level, used, limit]
    });
    list(["NUMBER", "TIME", "HOLDER", "NAME", "MEASURE", "LEVEL", "USED", "LIMIT"], rows)
}
