//! Sends events to the webhook, one after the other, each until it is taken: its place among them is stored after
//! every delivery, so a restart repeats at most one. Events that are too old go, sent or not.

use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{pause, report};
use crate::admin::event::Shown;
use crate::app::App;
use crate::clock::UnixMillis;
use crate::config::Webhook as Target;
use crate::error::Error;
use crate::limits;
use crate::meta::{Event, Family, Revision};
use crate::wire::hex;

/// Events read at a time.
const BATCH_COUNT: usize = 64;
/// Old events dropped at a time.
const DROP_COUNT: usize = 256;

/// How delivery gets on.
#[derive(Debug, Default)]
pub struct Webhook {
    /// Failures since the last success.
    failures: u32,
    /// Nothing is sent before.
    retry_millis: UnixMillis,
    /// Nothing is left to send of what was there at this revision.
    sent: Option<Revision>,
    /// When old events were last looked for.
    dropped_millis: UnixMillis,
}

impl Webhook {
    /// Sends what is to be sent, unless it is too early for another try; gives how many events were taken. A
    /// delivery that fails is no error of the step.
    pub async fn step(&mut self, app: &App) -> Result<usize, Error> {
        self.drop_old(app).await?;
        let Some(target) = &app.config.webhook else { return Ok(0) };
        if app.clock.now_millis() < self.retry_millis {
            return Ok(0);
        }
        let mut taken = 0;
        loop {
            let revision = app.store.engine().family_revision(Family::Events);
            if self.sent == Some(revision) {
                return Ok(taken);
            }
            let pending = app.store.read(|tx| {
                let position = tx.webhook_position()?;
                Ok::<_, Error>(tx.events_after(position, BATCH_COUNT)?)
            });
            let pending = pending.await?;
            self.show_pending(app).await?;
            if pending.is_empty() {
                self.sent = Some(revision);
                return Ok(taken);
            }
            for (number, event) in pending {
                if let Err(failure) = post(target, app.clock.now_millis(), number, event).await {
                    self.fail(app, number, &failure);
                    return Ok(taken);
                }
                self.failures = 0;
                let stored = app.store.write(|tx| {
                    tx.put_webhook_position(number);
                    Ok::<_, Error>(())
                });
                stored.await?;
                taken += 1;
            }
        }
    }

    fn fail(&mut self, app: &App, number: u64, failure: &str) {
        app.metrics.webhook_failures.inc();
        let pause_millis = pause_millis(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.retry_millis = app.clock.now_millis() + pause_millis;
        tracing::warn!(event = number, failure, pause_millis, "the webhook did not take an event, will try again");
    }

    async fn show_pending(&self, app: &App) -> Result<(), Error> {
        let pending = app.store.read(|tx| {
            let oldest = tx.events_after(0, 1)?.first().map_or(u64::MAX, |(number, _)| *number);
            let taken = tx.webhook_position()?.max(oldest.saturating_sub(1));
            Ok::<_, Error>(tx.newest_event()?.saturating_sub(taken))
        });
        app.metrics.events_pending.set(i64::try_from(pending.await?).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Drops events past their time, looking once a minute.
    async fn drop_old(&mut self, app: &App) -> Result<(), Error> {
        let now = app.clock.now_millis();
        if now < self.dropped_millis.saturating_add(60_000) {
            return Ok(());
        }
        let before = now.saturating_sub(limits::EVENT_AGE_MILLIS_MAX);
        loop {
            let oldest = app.store.read(|tx| tx.events_after(0, DROP_COUNT)).await.map_err(Error::from)?;
            let old: Vec<_> = oldest.iter().take_while(|(_, event)| event.millis < before).collect();
            let dropped = app.store.write(|tx| {
                for (number, _) in &old {
                    tx.delete_event(*number);
                }
                Ok::<_, Error>(())
            });
            dropped.await?;
            if old.len() < DROP_COUNT {
                self.dropped_millis = now;
                return Ok(());
            }
        }
    }
}

/// Pause after a failed delivery when `failures` came right before it.
fn pause_millis(failures: u32) -> u64 {
    let factor = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
    limits::WEBHOOK_PAUSE_MILLIS_MIN.saturating_mul(factor).min(limits::WEBHOOK_PAUSE_MILLIS_MAX)
}

async fn post(target: &Target, now: UnixMillis, number: u64, event: Event) -> Result<(), String> {
    let delivery = tokio::time::timeout(limits::WEBHOOK_TIMEOUT, deliver(target, now, number, event));
    delivery.await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// A connection for each event: they are rare, and a kept one may have been closed at the other end.
async fn deliver(target: &Target, now: UnixMillis, number: u64, event: Event) -> Result<(), String> {
    let request = request(target, now, number, event)?;
    let host = target.url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, target.url.port_u16().unwrap_or(80))).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        // Whatever it says beside its status is read for the sender's sake, and within bounds.
        let _ = Limited::new(response.into_body(), limits::WEBHOOK_ANSWER_BYTES_MAX).collect().await;
        drop(sender);
        if status.is_success() { Ok(()) } else { Err(format!("answered {status}")) }
    };
    // The connection ends when the sender is gone; its own error shows in the exchange.
    let (answered, _) = tokio::join!(exchange, connection);
    answered
}

fn request(target: &Target, now: UnixMillis, number: u64, event: Event) -> Result<Request<Full<Bytes>>, String> {
    let body = serde_json::to_string(&Shown::new(number, event)).map_err(|error| error.to_string())?;
    let timestamp = (now / 1000).to_string();
    let signature = format!("sha256={}", signature(&target.secret, &timestamp, &body));
    let path = target.url.path_and_query().map_or("/", |path| path.as_str());
    let host = target.url.authority().map_or("", |authority| authority.as_str());
    Request::post(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("obs-gateway/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header("x-obs-gateway-event-id", number)
        .header("x-obs-gateway-timestamp", timestamp)
        .header("x-obs-gateway-signature", signature)
        .body(Full::new(body.into()))
        .map_err(|error| error.to_string())
}

/// Hexadecimal HMAC-SHA256, under the secret, of the timestamp (seconds), a dot, and the body.
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    hex(&mac.finalize().into_bytes())
}

pub(super) async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let mut webhook = Webhook::default();
    loop {
        let mut stopped = stopping.clone();
        tokio::select! {
            taken = webhook.step(&app) => report("webhook", taken),
            // A delivery under way is given up: it is repeated after the next start.
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        if pause(&mut stopping).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let pauses: Vec<_> = [0, 1, 2, 8, 9, 63, 64, u32::MAX].map(|failures| pause_millis(failures) / 1000).into();
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300, 300]);
    }

    #[test]
    fn the_signature_is_what_others_compute() {
        // printf '1435721265.{}' | openssl dgst -sha256 -hmac secret-of-hook
        assert_eq!(
            signature("secret-of-hook", "1435721265", "{}"),
            "1303107a4ca8c60e14785cd94075e2b0c382a7033a5b8777202942e0891e577c"
        );
    }
}
