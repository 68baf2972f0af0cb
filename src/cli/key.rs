//! `key create|temporary|list|revoke`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use comfy_table::Table;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Connection, path};
use super::failure::Failure;
use super::limit::{parse_span, parse_time};
use super::print::{card, list};
use crate::limits::{NARROWING_BYTES_MAX, TEMPORARY_KEY_SECONDS_MAX, TEMPORARY_KEY_SECONDS_MIN};

#[derive(Debug, clap::Args)]
pub(super) struct Key {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an access key, or import a given pair
    Create {
        /// Account the key belongs to
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        account: String,
        /// Access key to import instead of a generated one
        #[arg(long, value_name = "KEY", requires = "secret_key")]
        access_key: Option<String>,
        /// Secret key that belongs to it
        #[arg(long, value_name = "SECRET", requires = "access_key")]
        secret_key: Option<String>,
        /// From when on it opens nothing: 2027-01-31T00:00:00Z, or +12h, +30d from now [default: never]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        expires: Option<String>,
        /// File with a policy that narrows the key; - is standard input
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Make a temporary access key, which is good together with its security token only
    Temporary {
        /// Account the key belongs to
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        account: String,
        /// How long it is good for: 15m to 24h
        #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = parse_duration)]
        duration: u64,
        /// File with a policy that narrows the key; - is standard input
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// List the access keys
    List {
        /// Only those of this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Revoke an access key for good
    Revoke {
        /// The access key
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        access_key: String,
    },
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    access_key: String,
    account: String,
    status: String,
    created: String,
    expires: Option<String>,
    temporary: bool,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    access_key: String,
    secret_key: String,
    security_token: Option<String>,
    account: String,
    expires: Option<String>,
}

impl Key {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let client = self.connection.open()?;
        match &self.verb {
            Verb::Create { account, access_key, secret_key, expires, policy } => {
                let mut body = json!({ "account": account });
                let policy = policy.as_deref().map(read_policy).transpose()?;
                let given =
                    [("access_key", access_key), ("secret_key", secret_key), ("expires", expires), ("policy", &policy)];
                for (field, value) in given {
                    if let Some(value) = value {
                        body[field] = json!(value);
                    }
                }
                let answer = client.send(&Method::POST, &path(&["keys"], &[]), Some(&body))?;
                self.show_made(out, &answer, "Keep the secret key: the server will not show it again.")
            }
            Verb::Temporary { account, duration, policy } => {
                let mut body = json!({ "account": account, "duration_seconds": duration });
                if let Some(policy) = policy {
                    body["policy"] = json!(read_policy(policy)?);
                }
                let answer = client.send(&Method::POST, &path(&["keys", "temporary"], &[]), Some(&body))?;
                self.show_made(out, &answer, "Keep the secret key and the token: the server will not show them again.")
            }
            Verb::List { account } => {
                let answer = client.get(&path(&["keys"], &[("account", account.as_deref())]))?;
                self.connection.show(out, &answer, table_of)
            }
            Verb::Revoke { access_key } => {
                client.send(&Method::DELETE, &path(&["keys", access_key], &[]), None)?;
                // The server sends no body; a script that asked for JSON gets a document all the same.
                let line = if self.connection.json { "{}".to_owned() } else { format!("revoked {access_key}") };
                Ok(writeln!(out, "{line}")?)
            }
        }
    }

    fn show_made(&self, out: &mut dyn Write, answer: &Answer, advice: &str) -> Result<(), Failure> {
        self.connection.show(out, answer, card_of)?;
        if self.connection.json { Ok(()) } else { Ok(writeln!(out, "\n{advice}")?) }
    }
}

fn parse_duration(text: &str) -> Result<u64, String> {
    let bounds = TEMPORARY_KEY_SECONDS_MIN..=TEMPORARY_KEY_SECONDS_MAX;
    parse_span(text).filter(|seconds| bounds.contains(seconds)).ok_or_else(|| "expected 15m to 24h".to_owned())
}

/// The text of a policy; one that is too long is not read to its end.
#[expect(clippy::disallowed_methods, reason = "a file of whoever runs the command")]
fn read_policy(file: &Path) -> Result<String, Failure> {
    let failed =
        |error: std::io::Error| Failure::Usage(format!("the policy {} cannot be read: {error}", file.display()));
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(failed)?)
    };
    let mut text = String::new();
    source.take(NARROWING_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() > NARROWING_BYTES_MAX {
        return Err(Failure::Usage(format!("the policy has more than {NARROWING_BYTES_MAX} bytes")));
    }
    Ok(text)
}

fn table_of(page: Keys) -> Table {
    let rows = page.keys.into_iter().map(|key| {
        let lasting = if key.temporary { "temporary" } else { "permanent" };
        let kind = if key.policy.is_some() { format!("{lasting}, narrowed") } else { lasting.to_owned() };
        let expires = key.expires.unwrap_or_else(|| "never".to_owned());
        [key.access_key, key.account, key.status, key.created, expires, kind]
    });
    list(["ACCESS KEY", "ACCOUNT", "STATUS", "CREATED", "EXPIRES", "KIND"], rows)
}

fn card_of(key: Created) -> Table {
    let mut lines = vec![("account", key.account), ("access key", key.access_key), ("secret key", key.secret_key)];
    lines.extend(key.security_token.map(|token| ("token", token)));
    lines.extend(key.expires.map(|expires| ("expires", expires)));
    card(lines)
}
