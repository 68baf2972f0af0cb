//! Removes temporary access keys once an hour, a day after they have run out: until then their holders are told so.

use std::sync::Arc;

use tokio::sync::watch;

use super::{pause, report};
use crate::app::App;
use crate::error::{Error, Result};
use crate::limits;

const HOUR_MILLIS: u64 = 60 * 60 * 1000;
/// Keys removed in one commit.
const BATCH_COUNT: usize = 256;

/// When the job last looked.
#[derive(Debug, Default)]
pub struct ExpiredKeys {
    hour: Option<u64>,
}

impl ExpiredKeys {
    /// Once an hour: removes what is due; gives the number of keys that went.
    pub async fn step(&mut self, app: &App) -> Result<usize> {
        let now = app.clock.now_millis();
        let hour = now / HOUR_MILLIS;
        if self.hour == Some(hour) {
            return Ok(0);
        }
        let before = now.saturating_sub(limits::EXPIRED_KEY_MILLIS);
        let due = app.store.read(|tx| tx.expired_temporary_keys(before)).await?;
        for batch in due.chunks(BATCH_COUNT) {
            app.store
                .write(|tx| {
                    // A temporary key does not change any more but for being revoked, so what was due still is.
                    for access_key in batch {
                        tx.delete_access_key(access_key)?;
                    }
                    Ok::<_, Error>(())
                })
                .await?;
        }
        self.hour = Some(hour);
        Ok(due.len())
    }
}

pub(super) async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let mut keys = ExpiredKeys::default();
    loop {
        report("expired keys", keys.step(&app).await);
        if pause(&mut stopping).await {
            return;
        }
    }
}
