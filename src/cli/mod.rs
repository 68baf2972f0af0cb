//! The command line: one file per group of subcommands. `serve` and `fsck` work on the data folder, `sign` and `curl`
//! on requests, everything else asks the admin API of the running server. Not here: opening a live store.

mod account;
mod bucket;
pub mod client;
mod credentials;
mod curl;
mod event;
mod failure;
mod flags;
mod fsck;
mod key;
mod limit;
mod print;
mod quota;
mod serve;
mod sign;
mod signing;
mod size;
mod usage;
mod verify;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config;
use failure::Failure;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused by the server, or failed
  2  wrong usage: arguments, settings, or credentials that cannot be found
  3  the server cannot be reached
  4  fsck or verify found differences
`curl` returns curl's own exit code, or 127 if there is no curl.";

/// An OBS- and S3-compatible object gateway whose limits are exact.
#[derive(Debug, Parser)]
#[command(name = "obs-gateway", version, about, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Serve(serve::Serve),
    /// Make, list and switch accounts
    Account(account::Account),
    /// Give accounts storage packs, list and remove them
    Pack(limit::Pack),
    /// Make, import, list and revoke access keys
    Key(key::Key),
    /// List and show buckets
    Bucket(bucket::Bucket),
    /// Read and set the quota of a bucket
    Quota(quota::Quota),
    /// Show what accounts use and what the store has left, or the history of one usage
    Usage(usage::Usage),
    /// List crossings of soft limits
    Event(event::Event),
    /// Recompute every counter of the running gateway, and mend those that are wrong if told to
    Verify(verify::Verify),
    Sign(sign::Sign),
    Curl(curl::Curl),
    /// Check the store of a stopped gateway: every counter, every blob
    Fsck(fsck::Fsck),
    /// Print the settings reference
    Config,
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command in `arguments` (the program's name first) and returns the process's exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with code 0. A closed pipe is the reader's choice.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    // Not locked: the server prints from other threads.
    let mut out = std::io::stdout();
    let outcome = cli.command.run(&mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "obs-gateway: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

impl Command {
    fn run(&self, out: &mut dyn Write) -> Result<u8, Failure> {
        match self {
            Self::Serve(command) => command.run(),
            Self::Account(command) => command.run(out),
            Self::Pack(command) => command.run(out),
            Self::Key(command) => command.run(out),
            Self::Bucket(command) => command.run(out),
            Self::Quota(command) => command.run(out),
            Self::Usage(command) => command.run(out),
            Self::Event(command) => command.run(out),
            Self::Verify(command) => command.run(out),
            Self::Sign(command) => command.run(out),
            Self::Curl(command) => return command.run(),
            Self::Fsck(command) => command.run(out),
            Self::Config => Ok(out.write_all(config::reference().as_bytes())?),
            Self::Completions { shell } => {
                // Into memory first: clap_complete panics when its writer fails, and a pipe may close.
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut Cli::command(), "obs-gateway", &mut script);
                Ok(out.write_all(&script)?)
            }
        }
        .map(|()| 0)
    }
}

#[cfg(test)]
mod tests;
