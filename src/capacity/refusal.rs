//! Why a request is refused: the closed table of codes with their texts, and their envelope.

use bytes::Bytes;
use hyper::StatusCode;
use uuid::Uuid;

use crate::error::Error;
use crate::meta;

/// A refusal.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No token, or none that is good now.
    LoginRequired,
    /// No account has the e-mail address that sign-in was to be prepared for.
    UserNotFound,
    /// Nothing has this path.
    NoRoute,
    /// Something has this path, for another verb.
    WrongVerb,
    /// Too many attempts failed; this one was not looked at.
    TooManyAttempts,
    /// The request does not have its shape; the text says what is wrong.
    Malformed(&'static str),
    /// The account is frozen.
    Blocked,
    /// A refresh token where an access token belongs, or the other way round.
    InvalidTokenType,
    /// The refresh token is not good, or no more.
    NotRefreshed,
    /// The token to be signed out is none.
    NotSignedOut,
    /// Wrong password, or no such account: nobody is told which.
    WrongPassword,
    /// The token is good, but its account is gone or may not act.
    NoUser,
    /// Our own fault; the cause is for the log.
    Fault(Error),
}

impl Refusal {
    /// The code in the envelope.
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::LoginRequired => 401,
            Self::UserNotFound | Self::NoRoute => 404,
            Self::WrongVerb => 405,
            Self::TooManyAttempts => 429,
            Self::Malformed(_) => 40001,
            Self::Blocked => 40017,
            Self::InvalidTokenType | Self::NotRefreshed | Self::NotSignedOut => 40020,
            Self::WrongPassword => 40080,
            Self::NoUser | Self::Fault(_) => 50001,
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::LoginRequired => "Login required",
            Self::UserNotFound => "User not found",
            Self::NoRoute => "There is no such path",
            Self::WrongVerb => "The path does not take this method",
            Self::TooManyAttempts => "Too many failed attempts, try again later",
            Self::Malformed(text) => text,
            Self::Blocked => "The account is blocked",
            Self::InvalidTokenType => "Invalid token type",
            Self::NotRefreshed => "Failed to issue token pair",
            Self::NotSignedOut => "Failed to parse token",
            Self::WrongPassword => "Incorrect password or email address",
            Self::NoUser => "failed to get login user",
            Self::Fault(_) => "The request failed, try again",
        }
    }

    /// The HTTP status: clients read the body first and expect 200 from whatever answers on its path.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::WrongVerb => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::OK,
        }
    }

    pub(super) fn envelope(&self, correlation_id: Uuid) -> Bytes {
        let correlation_id = correlation_id.to_string();
        let envelope =
            serde_json::json!({ "code": self.code(), "msg": self.message(), "correlation_id": correlation_id });
        envelope.to_string().into()
    }
}

impl From<meta::Error> for Refusal {
    fn from(fault: meta::Error) -> Self {
        Self::Fault(fault.into())
    }
}

impl From<Error> for Refusal {
    fn from(fault: Error) -> Self {
        Self::Fault(fault)
    }
}
