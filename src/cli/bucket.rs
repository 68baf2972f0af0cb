//! `bucket list|show`, and the bucket record that `quota` shows too.

use std::io::Write;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use comfy_table::Table;
use serde::Deserialize;

use super::client::{Connection, path};
use super::failure::Failure;
use super::print::{card, list};
use super::size::{format_level, format_limit, format_quota, format_size};
use super::usage::Split;

#[derive(Debug, clap::Args)]
pub(super) struct Bucket {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the buckets
    List {
        /// Only those of this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Show one bucket
    Show {
        /// Name of the bucket
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
}

#[derive(Deserialize)]
struct Buckets {
    buckets: Vec<Record>,
}

/// A bucket as the admin API shows it.
#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    account: String,
    region: String,
    created: String,
    pub(super) quota_bytes: u64,
    pub(super) object_limit: u64,
    pub(super) used_bytes: u64,
    pub(super) object_count: u64,
    usage: Split,
    pub(super) soft_percents: Vec<u8>,
    pub(super) level_percent: Option<u64>,
    pub(super) projected_full: Option<String>,
}

impl Bucket {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let client = self.connection.open()?;
        match &self.verb {
            Verb::List { account } => {
                let answer = client.get(&path(&["buckets"], &[("account", account.as_deref())]))?;
                self.connection.show(out, &answer, table_of)
            }
            Verb::Show { name } => {
                let answer = client.get(&path(&["buckets", name], &[]))?;
                self.connection.show(out, &answer, card_of)
            }
        }
    }
}

fn table_of(page: Buckets) -> Table {
    let rows = page.buckets.into_iter().map(|bucket| {
        let (used, quota) = (format_size(bucket.used_bytes), format_quota(bucket.quota_bytes));
        [bucket.name, bucket.account, bucket.object_count.to_string(), used, quota]
    });
    list(["NAME", "ACCOUNT", "OBJECTS", "USED BYTES", "QUOTA BYTES"], rows)
}

fn card_of(bucket: Record) -> Table {
    card([
        ("name", bucket.name),
        ("account", bucket.account),
        ("region", bucket.region),
        ("created", bucket.created),
        ("objects", bucket.object_count.to_string()),
        ("used bytes", format_size(bucket.used_bytes)),
        ("of these", bucket.usage.describe()),
        ("quota bytes", format_quota(bucket.quota_bytes)),
        ("object limit", format_limit(bucket.object_limit)),
        ("level", format_level(bucket.level_percent, &bucket.soft_percents)),
        ("projected full", bucket.projected_full.unwrap_or_else(|| "-".to_owned())),
    ])
}
