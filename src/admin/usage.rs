//! `usage`: what accounts hold, and what the store's filesystem has.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

use super::account::named;
use super::{Ask, json, unsigned};
use crate::app::App;
use crate::error::{Error, Result};
use crate::wire::Reply;

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the JSON members")]
struct Used {
    account: String,
    used_bytes: u64,
    object_count: u64,
    bucket_count: u64,
}

#[derive(Serialize)]
struct Disk {
    total_bytes: u64,
    available_bytes: u64,
}

#[derive(Serialize)]
struct Usage {
    accounts: Vec<Used>,
    /// Absent where the filesystem cannot be asked.
    store: Option<Disk>,
}

pub(super) async fn get(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let filter = ask.account_filter()?;
    let accounts = app.store.read_frozen(|tx| {
        let mut accounts = match filter {
            Some(name) => vec![named(tx, name)?],
            None => tx.accounts()?,
        };
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        let mut used = Vec::with_capacity(accounts.len());
        for account in accounts {
            let usage = tx.account_usage(account.id)?;
            used.push(Used {
                bucket_count: tx.bucket_count(account.id)?,
                account: account.name,
                used_bytes: unsigned(usage.used_bytes()),
                object_count: unsigned(usage.used_objects()),
            });
        }
        Ok::<_, Error>(used)
    });
    let accounts = accounts.await?;
    let blobs = Arc::clone(app.blobs.store());
    let capacity = tokio::task::spawn_blocking(move || blobs.capacity()).await.map_err(Error::internal)?;
    let store = capacity.map(|(total_bytes, available_bytes)| Disk { total_bytes, available_bytes });
    json(StatusCode::OK, &Usage { accounts, store })
}
