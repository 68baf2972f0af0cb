//! How a command ends when it does not end well: the sentence for the person, the exit code for the script.

use std::fmt;

/// Exit code for wrong usage; clap uses the same.
pub(super) const USAGE: u8 = 2;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server answered, and the answer is no.
    Refused {
        /// Error code of the admin API, or the HTTP status when it sent none.
        code: String,
        message: String,
        request_id: Option<String>,
        /// What to do about it, where that is known.
        next_step: Option<String>,
    },
    /// Arguments, settings or credentials do not make sense. The text says which and what to do.
    Usage(String),
    /// No server, no answer in time, or the connection broke. The text says where and what to do.
    Unreachable(String),
    /// `fsck` or `verify` found this many differences, and left them; they are printed already.
    Differences(usize),
    /// A program this command runs is not installed.
    NoProgram(String),
    /// The output could not be written.
    Output(std::io::Error),
    /// Anything else.
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    pub(super) fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::Output(_) | Self::Other(_) => 1,
            Self::Usage(_) => USAGE,
            Self::Unreachable(_) => 3,
            Self::Differences(_) => 4,
            // What shells return for a command that is not there.
            Self::NoProgram(_) => 127,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, message, request_id, next_step } => {
                write!(f, "refused: {code}: {message}")?;
                if let Some(request_id) = request_id {
                    write!(f, " (request {request_id})")?;
                }
                next_step.as_ref().map_or(Ok(()), |step| write!(f, "\n{step}"))
            }
            Self::Usage(text) | Self::Unreachable(text) | Self::NoProgram(text) => f.write_str(text),
            Self::Differences(1) => f.write_str("1 difference found"),
            Self::Differences(count) => write!(f, "{count} differences found"),
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
            Self::Other(error) => {
                write!(f, "{error}")?;
                let mut cause = error.source();
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}

impl From<std::io::Error> for Failure {
    /// `?` on a write; other I/O is mapped where it happens.
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}
