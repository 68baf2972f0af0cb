//! `usage`: what the accounts use, what the store has left; `usage history`: what one of them held over time.

use std::io::Write;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Subcommand};
use comfy_table::Table;
use serde::Deserialize;

use super::client::{Connection, path};
use super::failure::Failure;
use super::print::list;
use super::size::format_size;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Usage {
    /// Only this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what a bucket or account held over time, newest first, a page at a time
    #[command(group = ArgGroup::new("holder").required(true).args(["bucket", "account"]))]
    History {
        /// Of this bucket
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        bucket: Option<String>,
        /// Of this account
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        account: Option<String>,
        /// Only before this time: 2027-01-31T00:00:00Z
        #[arg(long, value_name = "TIME")]
        before: Option<String>,
    },
}

#[derive(Deserialize)]
struct History {
    samples: Vec<Sample>,
    next_before: Option<String>,
}

#[derive(Deserialize)]
struct Sample {
    time: String,
    used_bytes: u64,
    object_count: u64,
}

#[derive(Deserialize)]
struct Report {
    accounts: Vec<AccountUsage>,
    store: StoreUsage,
}

#[derive(Deserialize)]
struct AccountUsage {
    account: String,
    used_bytes: u64,
    object_count: u64,
    bucket_count: u64,
}

/// Usage as the admin API splits it.
#[expect(clippy::struct_field_names, reason = "the names of the JSON members")]
#[derive(Deserialize)]
pub(super) struct Split {
    current_bytes: u64,
    noncurrent_bytes: u64,
    part_bytes: u64,
    reserved_bytes: u64,
}

impl Split {
    /// On one line; what is reserved is not part of what is used.
    pub(super) fn describe(&self) -> String {
        let Self { current_bytes, noncurrent_bytes, part_bytes, reserved_bytes } = self;
        format!(
            "{current_bytes} current, {noncurrent_bytes} non-current, {part_bytes} in parts (and {reserved_bytes} reserved)"
        )
    }
}

#[derive(Deserialize)]
struct StoreUsage {
    total_bytes: u64,
    available_bytes: u64,
}

impl Usage {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        if let Some(Verb::History { bucket, account, before }) = &self.verb {
            let (nouns, name) = match bucket {
                Some(bucket) => ("buckets", bucket.as_str()),
                None => ("accounts", account.as_deref().unwrap_or_default()),
            };
            return self.history(out, &path(&[nouns, name, "history"], &[("before", before.as_deref())]));
        }
        let client = self.connection.open()?;
        let answer = client.get(&path(&["usage"], &[("account", self.account.as_deref())]))?;
        self.connection.show(out, &answer, table_of)?;
        if !self.connection.json {
            let Report { store, .. } = answer.parse()?;
            let (available, total) = (format_size(store.available_bytes), format_size(store.total_bytes));
            writeln!(out, "\nstore: {available} bytes available of {total}")?;
        }
        Ok(())
    }

    fn history(&self, out: &mut dyn Write, path: &str) -> Result<(), Failure> {
        let answer = self.connection.open()?.get(path)?;
        self.connection.show(out, &answer, samples_of)?;
        if !self.connection.json {
            let History { next_before, .. } = answer.parse()?;
            if let Some(next) = next_before {
                writeln!(out, "\nmore with --before {next}")?;
            }
        }
        Ok(())
    }
}

fn samples_of(page: History) -> Table {
    let rows = page
        .samples
        .into_iter()
        .map(|sample| [sample.time, sample.object_count.to_string(), format_size(sample.used_bytes)]);
    list(["TIME", "OBJECTS", "USED BYTES"], rows)
}

fn table_of(report: Report) -> Table {
    let rows = report.accounts.into_iter().map(|row| {
        [row.account, row.bucket_count.to_string(), row.object_count.to_string(), format_size(row.used_bytes)]
    });
    list(["ACCOUNT", "BUCKETS", "OBJECTS", "USED BYTES"], rows)
}
