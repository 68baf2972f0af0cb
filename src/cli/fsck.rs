//! `fsck`: prints what the check of a stopped store found. Not here: the check.

use std::io::Write;

use super::failure::Failure;
use super::flags::{Flags, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Fsck {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags<Store>,
}

impl Fsck {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let report = crate::fsck::run(&self.flags.config()?).map_err(Failure::other)?;
        if self.json {
            writeln!(out, "{}", serde_json::to_string(&report).map_err(Failure::other)?)?;
        } else {
            for (what, count) in &report.checked {
                writeln!(out, "checked {count} {what}")?;
            }
            for difference in &report.differences {
                writeln!(out, "{}: {}", difference.place, difference.finding)?;
            }
        }
        match report.differences.len() {
            0 => Ok(()),
            count => Err(Failure::Differences(count)),
        }
    }
}
