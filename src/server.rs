//! Placeholder until the server is merged.

use crate::config::Config;

/// Runs the gateway until it is told to stop.
pub fn serve(_config: Config) -> std::io::Result<()> {
    Err(std::io::Error::other("serve is not there yet"))
}
