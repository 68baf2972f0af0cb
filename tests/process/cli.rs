//! The documented command line against a running gateway: what it prints, what it changes, how it ends.

mod accounts;
mod offline;
mod requests;
mod store;
