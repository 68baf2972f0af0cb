//! `account create|list|show|limit|freeze|activate|deregister`.

use std::io::Write;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use comfy_table::Table;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Connection, path};
use super::failure::Failure;
use super::print::{card, list};
use super::size::{Soft, format_level, format_limit, format_quota, format_size, parse_size, parse_soft};
use super::usage::Split;

#[derive(Debug, clap::Args)]
pub(super) struct Account {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an account
    Create {
        /// Name of the account
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// E-mail address it signs in with
        #[arg(long)]
        email: Option<String>,
        /// Password it signs in with
        #[arg(long, requires = "email")]
        password: Option<String>,
    },
    /// List the accounts
    List,
    /// Show one account
    Show(Named),
    /// Set what an account may hold; what is not given stays as it is
    Limit {
        /// Name of the account
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// Base capacity, a whole number and a unit: 10GiB, 500MB, 4096 (bytes); 0 is no limit
        #[arg(long, value_name = "BYTES", value_parser = parse_size, required_unless_present_any = ["objects", "soft"])]
        capacity: Option<u64>,
        /// Objects it may have; 0 is no limit
        #[arg(long, value_name = "NUMBER")]
        objects: Option<u64>,
        /// At which percents of its limits there is an event: 80,90,100, or `default`
        #[arg(long, value_name = "PERCENTS", value_parser = parse_soft)]
        soft: Option<Soft>,
    },
    /// Freeze an account: what it owns stays, requests on it are refused
    Freeze(Named),
    /// Make a frozen or deregistered account active again
    Activate(Named),
    /// Deregister an account: what it owns stays, requests on it are refused
    Deregister(Named),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// Name of the account
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
}

#[derive(Deserialize)]
struct Accounts {
    accounts: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    name: String,
    id: String,
    email: Option<String>,
    status: String,
    root: bool,
    created: String,
    bucket_count: u64,
    used_bytes: u64,
    object_count: u64,
    capacity_bytes: u64,
    packs_bytes: u64,
    object_limit: u64,
    usage: Split,
    soft_percents: Vec<u8>,
    level_percent: Option<u64>,
    projected_full: Option<String>,
}

impl Account {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let client = self.connection.open()?;
        let switch = |client: &Client, named: &Named, verb| {
            client.send(&Method::POST, &path(&["accounts", &named.name, verb], &[]), None)
        };
        let answer = match &self.verb {
            Verb::List => {
                let answer = client.get(&path(&["accounts"], &[]))?;
                return self.connection.show(out, &answer, table_of);
            }
            Verb::Create { name, email, password } => {
                let mut body = json!({ "name": name });
                for (field, value) in [("email", email), ("password", password)] {
                    if let Some(value) = value {
                        body[field] = json!(value);
                    }
                }
                client.send(&Method::POST, &path(&["accounts"], &[]), Some(&body))?
            }
            Verb::Limit { name, capacity, objects, soft } => {
                let mut body = json!({});
                for (field, value) in [("capacity_bytes", capacity), ("object_limit", objects)] {
                    if let Some(value) = value {
                        body[field] = json!(value);
                    }
                }
                if let Some(Soft(percents)) = soft {
                    body["soft_percents"] = json!(percents);
                }
                client.send(&Method::PUT, &path(&["accounts", name, "limits"], &[]), Some(&body))?
            }
            Verb::Show(named) => client.get(&path(&["accounts", &named.name], &[]))?,
            Verb::Freeze(named) => switch(&client, named, "freeze")?,
            Verb::Activate(named) => switch(&client, named, "activate")?,
            Verb::Deregister(named) => switch(&client, named, "deregister")?,
        };
        self.connection.show(out, &answer, card_of)
    }
}

fn table_of(page: Accounts) -> Table {
    let rows = page.accounts.into_iter().map(|account| {
        let name = if account.root { format!("{} (root)", account.name) } else { account.name };
        let (buckets, objects) = (account.bucket_count.to_string(), account.object_count.to_string());
        [name, account.status, buckets, objects, format_size(account.used_bytes), account.id]
    });
    list(["NAME", "STATUS", "BUCKETS", "OBJECTS", "USED BYTES", "ID"], rows)
}

fn card_of(account: Record) -> Table {
    card([
        ("name", account.name),
        ("id", account.id),
        ("email", account.email.unwrap_or_else(|| "-".to_owned())),
        ("status", account.status),
        ("root", if account.root { "yes" } else { "no" }.to_owned()),
        ("created", account.created),
        ("buckets", account.bucket_count.to_string()),
        ("objects", account.object_count.to_string()),
        ("used bytes", format_size(account.used_bytes)),
        ("of these", account.usage.describe()),
        ("capacity bytes", format_quota(account.capacity_bytes)),
        ("pack bytes", format_size(account.packs_bytes)),
        ("object limit", format_limit(account.object_limit)),
        ("level", format_level(account.level_percent, &account.soft_percents)),
        ("projected full", account.projected_full.unwrap_or_else(|| "-".to_owned())),
    ])
}
