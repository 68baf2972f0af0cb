//! Compares accounts with their soft limits where only time has changed what they may hold: a storage pack began or
//! ran out. Where it has looked is not stored: at start every account with packs is compared again, which raises
//! nothing where nothing was crossed.

use std::sync::Arc;

use tokio::sync::watch;

use super::{pause, report};
use crate::app::App;
use crate::clock::UnixMillis;
use crate::error::{Error, Result};
use crate::meta::{Account, Family, Revision};
use crate::name::AccountId;

/// Accounts compared in one commit.
const BATCH_COUNT: usize = 256;

/// How far the job has looked.
#[derive(Debug, Default)]
pub struct Edges {
    /// The accounts as they were at this revision, up to this moment.
    looked: Option<(Revision, UnixMillis)>,
    /// When the next pack begins or runs out, by these accounts.
    next_millis: Option<UnixMillis>,
}

impl Edges {
    /// Compares the accounts whose packs began or ran out since the last call; gives their number. Reads nothing
    /// while no account has changed and no edge has come.
    pub async fn step(&mut self, app: &App) -> Result<usize> {
        let now = app.clock.now_millis();
        let revision = app.store.engine().family_revision(Family::Accounts);
        let is_current = self.looked.is_some_and(|(at, _)| at == revision);
        if is_current && self.next_millis.is_none_or(|next| now < next) {
            return Ok(0);
        }
        let accounts = app.store.read(|tx| Ok::<_, Error>(tx.accounts()?)).await?;
        let since = self.looked.map_or(0, |(_, until)| until);
        let due: Vec<_> = accounts.iter().filter(|account| has_edge(account, since, now)).map(|a| a.id).collect();
        for batch in due.chunks(BATCH_COUNT) {
            compare(app, batch).await?;
        }
        self.next_millis = accounts.iter().filter_map(|account| account.capacity(now).changes_millis).min();
        self.looked = Some((revision, now));
        Ok(due.len())
    }
}

/// Whether a pack begins or runs out after `since` and not after `until`.
fn has_edge(account: &Account, since: UnixMillis, until: UnixMillis) -> bool {
    account.capacity(since).changes_millis.is_some_and(|edge| edge <= until)
}

async fn compare(app: &App, accounts: &[AccountId]) -> Result<()> {
    let compared = app.store.write(|tx| accounts.iter().try_for_each(|id| tx.reconsider_account(*id)));
    compared.await.map_err(Error::from)
}

pub(super) async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let mut edges = Edges::default();
    loop {
        report("soft limits of accounts", edges.step(&app).await);
        if pause(&mut stopping).await {
            return;
        }
    }
}
