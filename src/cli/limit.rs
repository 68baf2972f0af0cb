//! `account limit` and `pack add|list|remove`: what an account may hold.

use std::io::Write;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use comfy_table::Table;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Connection, path};
use super::failure::Failure;
use super::print::list;
use super::size::{format_size, parse_size};
use crate::clock::{Clock, iso_date, parse_iso_date};

#[derive(Debug, clap::Args)]
pub(super) struct Pack {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Give an account more bytes, for a time or for good
    Add {
        /// Name of the account
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        account: String,
        /// A whole number and a unit: 10GiB, 500MB, 4096 (bytes)
        #[arg(value_parser = parse_size)]
        bytes: u64,
        /// From when on: 2027-01-31T00:00:00Z, or +12h, +30d from now [default: now]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        starts: Option<String>,
        /// Until when, in the same forms [default: for good]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        expires: Option<String>,
    },
    /// List the packs of an account, those that have run out included
    List {
        /// Name of the account
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        account: String,
    },
    /// Take a pack away; what is stored stays
    Remove {
        /// Name of the account
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        account: String,
        /// Id of the pack, as `list` shows it
        id: u64,
    },
}

#[derive(Deserialize)]
struct Record {
    packs: Vec<PackRecord>,
}

#[derive(Deserialize)]
struct PackRecord {
    id: u64,
    bytes: u64,
    starts: String,
    expires: Option<String>,
    valid: bool,
}

impl Pack {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let client = self.connection.open()?;
        let answer = match &self.verb {
            Verb::Add { account, bytes, starts, expires } => {
                let mut body = json!({ "bytes": bytes });
                for (field, value) in [("starts", starts), ("expires", expires)] {
                    if let Some(value) = value {
                        body[field] = json!(value);
                    }
                }
                client.send(&Method::POST, &path(&["accounts", account, "packs"], &[]), Some(&body))?
            }
            Verb::List { account } => client.get(&path(&["accounts", account], &[]))?,
            Verb::Remove { account, id } => {
                client.send(&Method::DELETE, &path(&["accounts", account, "packs", &id.to_string()], &[]), None)?
            }
        };
        self.connection.show(out, &answer, table_of)
    }
}

fn table_of(account: Record) -> Table {
    let rows = account.packs.into_iter().map(|pack| {
        let valid = if pack.valid { "yes" } else { "no" }.to_owned();
        let expires = pack.expires.unwrap_or_else(|| "never".to_owned());
        [pack.id.to_string(), format_size(pack.bytes), pack.starts, expires, valid]
    });
    list(["ID", "BYTES", "STARTS", "EXPIRES", "VALID"], rows)
}

/// A date, or `+` and a time span from now; gives a date.
pub(super) fn parse_time(text: &str) -> Result<String, String> {
    const EXPECTED: &str = "expected 2027-01-31T00:00:00Z, or +90s, +15m, +12h, +30d";
    let Some(ahead) = text.strip_prefix('+') else {
        return parse_iso_date(text).map(iso_date).ok_or_else(|| EXPECTED.to_owned());
    };
    let seconds = parse_span(ahead).ok_or_else(|| EXPECTED.to_owned())?;
    Ok(iso_date(Clock::System.now_millis() + seconds * 1000))
}

/// A number of seconds, minutes, hours or days, less than two hundred years; gives seconds.
pub(super) fn parse_span(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u64 = if digits.starts_with('+') { None } else { digits.parse().ok() }?;
    number.checked_mul(unit_seconds).filter(|seconds| *seconds < 200 * 365 * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_lie_ahead() {
        assert_eq!(parse_time("2027-01-31T00:00:00Z").as_deref(), Ok("2027-01-31T00:00:00.000Z"));
        assert_eq!(parse_time("2027-01-31T01:00:00+01:00").as_deref(), Ok("2027-01-31T00:00:00.000Z"));
        assert!(parse_time("+1d").unwrap() > iso_date(Clock::System.now_millis()));
        for bad in ["", "+", "+1", "+d", "+1w", "tomorrow", "+99999999999999d", "+-1d", "++1d", "2027-01-31"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
