//! `usage`: what the accounts use, what the store has left.

use std::io::Write;

use comfy_table::Table;
use serde::Deserialize;

use super::client::{Connection, path};
use super::failure::Failure;
use super::print::list;
use super::size::format_size;

#[derive(Debug, clap::Args)]
pub(super) struct Usage {
    /// Only this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    #[command(flatten)]
    connection: Connection,
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
}

fn table_of(report: Report) -> Table {
    let rows = report.accounts.into_iter().map(|row| {
        [row.account, row.bucket_count.to_string(), row.object_count.to_string(), format_size(row.used_bytes)]
    });
    list(["ACCOUNT", "BUCKETS", "OBJECTS", "USED BYTES"], rows)
}
