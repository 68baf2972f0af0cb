//! `key create|list|revoke`.

use std::io::Write;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use comfy_table::Table;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::{Connection, path};
use super::failure::Failure;
use super::print::{card, list};

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
}

#[derive(Deserialize)]
struct Created {
    access_key: String,
    secret_key: String,
    account: String,
}

impl Key {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let client = self.connection.open()?;
        match &self.verb {
            Verb::Create { account, access_key, secret_key } => {
                let mut body = json!({ "account": account });
                for (field, value) in [("access_key", access_key), ("secret_key", secret_key)] {
                    if let Some(value) = value {
                        body[field] = json!(value);
                    }
                }
                let answer = client.send(&Method::POST, &path(&["keys"], &[]), Some(&body))?;
                self.connection.show(out, &answer, card_of)?;
                if !self.connection.json {
                    writeln!(out, "\nKeep the secret key: the server will not show it again.")?;
                }
                Ok(())
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
}

fn table_of(page: Keys) -> Table {
    let rows = page.keys.into_iter().map(|key| [key.access_key, key.account, key.status, key.created]);
    list(["ACCESS KEY", "ACCOUNT", "STATUS", "CREATED"], rows)
}

fn card_of(key: Created) -> Table {
    card([("account", key.account), ("access key", key.access_key), ("secret key", key.secret_key)])
}
