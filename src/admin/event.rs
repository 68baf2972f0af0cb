//! `events`: crossings of soft limits, in the order they happened. The webhook sends the same documents.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

use super::{Ask, json};
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Code, Error, Result};
use crate::level::Direction;
use crate::limits::ADMIN_PAGE_COUNT_MAX;
use crate::meta::Event;
use crate::quota::{Holder, Measure};
use crate::wire::Reply;

/// An event as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    /// Events are numbered in the order of their commits.
    number: u64,
    time: String,
    holder: Holder,
    name: String,
    id: String,
    account_id: String,
    measure: Measure,
    percent: u8,
    direction: Direction,
    used: u64,
    limit: u64,
}

impl Shown {
    /// The document of `event`.
    pub(crate) fn new(number: u64, event: Event) -> Self {
        Self {
            number,
            time: iso_date(event.millis),
            holder: event.holder,
            id: event.id(),
            name: event.name,
            account_id: event.account.to_string(),
            measure: event.measure,
            percent: event.percent,
            direction: event.direction,
            used: event.used,
            limit: event.limit,
        }
    }
}

#[derive(Serialize)]
struct Events {
    events: Vec<Shown>,
    /// Number to go on after; `null` at the end.
    next_after: Option<u64>,
}

/// `GET events?after=NUMBER`.
pub(super) async fn list(app: &Arc<App>, ask: Ask) -> Result<Reply> {
    let after = match ask.parameter("after")? {
        Some(text) => text.parse().map_err(|_| Code::InvalidArgument.because("after is the number of an event."))?,
        None => 0,
    };
    let mut events =
        app.store.read(|tx| tx.events_after(after, ADMIN_PAGE_COUNT_MAX + 1)).await.map_err(Error::from)?;
    let is_more = events.len() > ADMIN_PAGE_COUNT_MAX;
    events.truncate(ADMIN_PAGE_COUNT_MAX);
    let next_after = events.last().map(|(number, _)| *number).filter(|_| is_more);
    let events = events.into_iter().map(|(number, event)| Shown::new(number, event)).collect();
    json(StatusCode::OK, &Events { events, next_after })
}
