//! The real executable, from outside: started on ports of the kernel's choice over a folder of its own, spoken to in
//! raw bytes, killed, stopped, asked by its own command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cli;
mod concurrency;
mod config;
mod crash;
mod drain;
mod hygiene;
mod memory;
mod reclaim;
mod seed;
mod support;
