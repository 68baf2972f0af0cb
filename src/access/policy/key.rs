//! What conditions ask about, by the names both vocabularies have for it. Some keys belong to certain actions: a request
//! for anything else does not have them, whatever parameters and headers it carries.

use std::borrow::Cow;

use super::Question;
use crate::access::{Action, Context};

/// What a key's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Date,
    Bool,
    Address,
}

/// A condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    CurrentTime,
    EpochTime,
    SecureTransport,
    SourceIp,
    UserAgent,
    Referer,
    Prefix,
    Delimiter,
    MaxKeys,
    Acl,
    GrantRead,
    GrantWrite,
    GrantReadAcp,
    GrantWriteAcp,
    GrantFullControl,
    CopySource,
    MetadataDirective,
    ServerSideEncryption,
    KmsKeyId,
    VersionId,
}

impl Key {
    /// Letter case does not matter. Keys about every request have no prefix or `aws:` (`g:` in policies of keys); keys
    /// about certain ones none or `s3:` (`obs:`), and headers among them may have theirs.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let (vocabulary, bare) = lower.split_once(':').map_or(("", lower.as_str()), |(before, bare)| (before, bare));
        let key = match bare {
            "currenttime" => Self::CurrentTime,
            "epochtime" => Self::EpochTime,
            "securetransport" => Self::SecureTransport,
            "sourceip" => Self::SourceIp,
            "useragent" => Self::UserAgent,
            "referer" => Self::Referer,
            "prefix" => Self::Prefix,
            "delimiter" => Self::Delimiter,
            "max-keys" => Self::MaxKeys,
            "versionid" => Self::VersionId,
            other => Self::of_header(other)?,
        };
        let is_general = matches!(
            key,
            Self::CurrentTime
                | Self::EpochTime
                | Self::SecureTransport
                | Self::SourceIp
                | Self::UserAgent
                | Self::Referer
        );
        let fits =
            if is_general { matches!(vocabulary, "" | "aws" | "g") } else { matches!(vocabulary, "" | "s3" | "obs") };
        fits.then_some(key)
    }

    fn of_header(name: &str) -> Option<Self> {
        let tail = name.strip_prefix("x-amz-").or_else(|| name.strip_prefix("x-obs-")).unwrap_or(name);
        Some(match tail {
            "acl" => Self::Acl,
            "grant-read" => Self::GrantRead,
            "grant-write" => Self::GrantWrite,
            "grant-read-acp" => Self::GrantReadAcp,
            "grant-write-acp" => Self::GrantWriteAcp,
            "grant-full-control" => Self::GrantFullControl,
            "copy-source" => Self::CopySource,
            "metadata-directive" => Self::MetadataDirective,
            "server-side-encryption" => Self::ServerSideEncryption,
            "server-side-encryption-aws-kms-key-id" | "server-side-encryption-kms-key-id" => Self::KmsKeyId,
            _ => return None,
        })
    }

    pub(super) fn kind(self) -> Type {
        match self {
            Self::CurrentTime => Type::Date,
            Self::EpochTime | Self::MaxKeys => Type::Number,
            Self::SecureTransport => Type::Bool,
            Self::SourceIp => Type::Address,
            _ => Type::Text,
        }
    }

    /// A value of a condition in the form in which [`Key::text`] gives what it is compared with.
    pub(super) fn normal(self, value: &str) -> String {
        match self {
            Self::CopySource => value.strip_prefix('/').unwrap_or(value).to_owned(),
            Self::ServerSideEncryption => without_vendor(value).to_owned(),
            _ => value.to_owned(),
        }
    }

    pub(super) fn is_missing(self, question: &Question<'_>) -> bool {
        match self.kind() {
            Type::Text => self.text(question).is_none(),
            Type::Number => self.number(question).is_none(),
            Type::Date | Type::Bool | Type::Address => false,
        }
    }

    pub(super) fn number(self, question: &Question<'_>) -> Option<i64> {
        let now_seconds = || i64::try_from(question.context.now() / 1000).ok();
        match self {
            Self::CurrentTime | Self::EpochTime => now_seconds(),
            Self::MaxKeys => question.context.parameter("max-keys", is_listing(question.action))?.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn text<'q>(self, question: &Question<'q>) -> Option<Cow<'q, str>> {
        let Question { context, action, .. } = *question;
        let header = |tail| own(context, tail, takes_acl(action));
        let written = |tail| own(context, tail, action == Action::PutObject);
        match self {
            Self::UserAgent => context.header("user-agent").map(Cow::Borrowed),
            Self::Referer => context.header("referer").map(Cow::Borrowed),
            Self::Prefix => context.prefix(is_listing(action)).map(Cow::Borrowed),
            Self::Delimiter => context.parameter("delimiter", is_listing(action)).map(Cow::Borrowed),
            Self::Acl => header("acl"),
            Self::GrantRead => header("grant-read"),
            Self::GrantWrite => header("grant-write"),
            Self::GrantReadAcp => header("grant-read-acp"),
            Self::GrantWriteAcp => header("grant-write-acp"),
            Self::GrantFullControl => header("grant-full-control"),
            Self::CopySource => context.copy_source(action).map(Cow::Owned),
            Self::MetadataDirective => written("metadata-directive"),
            Self::ServerSideEncryption => context
                .own("server-side-encryption", action == Action::PutObject)
                .map(without_vendor)
                .map(Cow::Borrowed),
            Self::KmsKeyId => written("server-side-encryption-kms-key-id")
                .or_else(|| written("server-side-encryption-aws-kms-key-id")),
            Self::VersionId => context.version().filter(|_| action.is_of_version()).map(Cow::Borrowed),
            Self::CurrentTime | Self::EpochTime | Self::SecureTransport | Self::SourceIp | Self::MaxKeys => None,
        }
    }
}

fn own<'q>(context: &Context<'q>, tail: &str, is_its_own: bool) -> Option<Cow<'q, str>> {
    context.own(tail, is_its_own).map(Cow::Borrowed)
}

/// `kms` in both dialects.
fn without_vendor(algorithm: &str) -> &str {
    algorithm.strip_prefix("aws:").unwrap_or(algorithm)
}

fn is_listing(action: Action) -> bool {
    matches!(action, Action::ListBucket | Action::ListBucketVersions)
}

fn takes_acl(action: Action) -> bool {
    matches!(
        action,
        Action::CreateBucket
            | Action::PutBucketAcl
            | Action::PutObject
            | Action::PutObjectAcl
            | Action::PutObjectVersionAcl
    )
}
