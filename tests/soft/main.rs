//! Soft limits from outside: requests and admin requests in, events, deliveries and histories out, over memory stores
//! and a clock set by hand. Jobs are taken step by step.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod crossings;
mod history;
mod support;
mod webhook;
