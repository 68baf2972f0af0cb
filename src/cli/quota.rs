//! `quota get|set`: the byte limit of one bucket.

use std::io::Write;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use comfy_table::Table;
use hyper::Method;
use serde_json::json;

use super::bucket::Record;
use super::client::{Connection, path};
use super::failure::Failure;
use super::print::card;
use super::size::{Soft, format_level, format_limit, format_quota, format_size, parse_size, parse_soft};

#[derive(Debug, clap::Args)]
pub(super) struct Quota {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the quota of a bucket, and what is left of it
    Get {
        /// Name of the bucket
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        bucket: String,
    },
    /// Set the quota of a bucket
    Set {
        /// Name of the bucket
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        bucket: String,
        /// A whole number and a unit: 10GiB, 500MB, 4096 (bytes); 0 is no limit
        #[arg(value_parser = parse_size)]
        bytes: u64,
        /// Also how many objects it may have; 0 is no limit
        #[arg(long, value_name = "NUMBER")]
        objects: Option<u64>,
        /// Also at which percents of its limits there is an event: 80,90,100, or `default`
        #[arg(long, value_name = "PERCENTS", value_parser = parse_soft)]
        soft: Option<Soft>,
    },
}

impl Quota {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let client = self.connection.open()?;
        let answer = match &self.verb {
            Verb::Get { bucket } => client.get(&path(&["buckets", bucket], &[]))?,
            Verb::Set { bucket, bytes, objects, soft } => {
                let mut body = json!({ "quota_bytes": bytes });
                if let Some(objects) = objects {
                    body["object_limit"] = json!(objects);
                }
                if let Some(Soft(percents)) = soft {
                    body["soft_percents"] = json!(percents);
                }
                client.send(&Method::PUT, &path(&["buckets", bucket, "quota"], &[]), Some(&body))?
            }
        };
        self.connection.show(out, &answer, card_of)
    }
}

fn card_of(bucket: Record) -> Table {
    // A quota may be lowered below what is used: then nothing is left, and nothing is lost.
    let left = bucket.quota_bytes.saturating_sub(bucket.used_bytes);
    card([
        ("bucket", bucket.name),
        ("quota bytes", format_quota(bucket.quota_bytes)),
        ("used bytes", format_size(bucket.used_bytes)),
        ("objects", bucket.object_count.to_string()),
        ("object limit", format_limit(bucket.object_limit)),
        ("level", format_level(bucket.level_percent, &bucket.soft_percents)),
        ("projected full", bucket.projected_full.unwrap_or_else(|| "-".to_owned())),
        ("left bytes", if bucket.quota_bytes == 0 { "-".to_owned() } else { format_size(left) }),
    ])
}
