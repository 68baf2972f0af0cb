//! `serve`: settings in, and the server runs until it is told to stop.

use super::failure::Failure;
use super::flags::{Flags, Server};

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    flags: Flags<Server>,
}

impl Serve {
    pub(super) fn run(&self) -> Result<(), Failure> {
        crate::server::serve(self.flags.config()?).map_err(Failure::other)
    }
}
