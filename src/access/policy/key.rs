//! What conditions ask about, by the names both vocabularies have for it. Some keys belong to certain actions: a request
//! for anything else does not have them, whatever parameters and headers it carries.

use std::borrow::Cow;

use super::{Question, Tagged};
use crate::access::{Action, Caller};
use crate::limits;
use crate::storage_class::StorageClass;
use crate::tag::{Tag, TagLimits};
use crate::wire::dialect::Dialect;

/// What a key's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Date,
    Bool,
    Address,
    /// Text that operators for names of resources compare too.
    Arn,
}

/// What a request has of a key.
#[derive(Debug)]
pub(super) enum Found<'q> {
    Missing,
    One([Cow<'q, str>; 1]),
    Many(Vec<Cow<'q, str>>),
}

impl<'q> Found<'q> {
    pub(super) fn values(&self) -> &[Cow<'q, str>] {
        match self {
            Self::Missing => &[],
            Self::One(value) => value,
            Self::Many(values) => values,
        }
    }
}

impl<'q, T: Into<Cow<'q, str>>> From<Option<T>> for Found<'q> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, |value| Self::One([value.into()]))
    }
}

/// A condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    CurrentTime,
    EpochTime,
    SecureTransport,
    SourceIp,
    UserAgent,
    Referer,
    PrincipalArn,
    PrincipalAccount,
    PrincipalType,
    UserId,
    Username,
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
    CustomerAlgorithm,
    StorageClass,
    ObjectOwnership,
    VersionId,
    /// What the object's tag of this name says.
    ExistingTag(Box<str>),
    /// What the tag of this name says that the request brings.
    RequestTag(Box<str>),
    /// The names of the tags that the request brings.
    RequestTagKeys,
}

impl Key {
    /// Letter case does not matter. Keys about every request have no prefix or `aws:` (`g:` in policies of keys); keys
    /// about certain ones none or `s3:` (`obs:`), and headers among them may have theirs.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let (vocabulary, bare) = lower.split_once(':').map_or(("", lower.as_str()), |(before, bare)| (before, bare));
        let key = match bare {
            "requestobjecttagkeys" => Self::RequestTagKeys,
            other if other.contains('/') => Self::of_tag(name)?,
            "principalarn" => Self::PrincipalArn,
            "principalaccount" => Self::PrincipalAccount,
            "principaltype" => Self::PrincipalType,
            "userid" => Self::UserId,
            "username" => Self::Username,
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
                | Self::PrincipalArn
                | Self::PrincipalAccount
                | Self::PrincipalType
                | Self::UserId
                | Self::Username
        );
        let fits =
            if is_general { matches!(vocabulary, "" | "aws" | "g") } else { matches!(vocabulary, "" | "s3" | "obs") };
        fits.then_some(key)
    }

    /// The name of a tag is in its own letter case.
    fn of_tag(name: &str) -> Option<Self> {
        let (before, tag) = name.split_once('/')?;
        let bare = before.split_once(':').map_or(before, |(_, bare)| bare);
        if !(1..=TagLimits::S3_OBJECT.key_characters_max).contains(&tag.chars().count()) {
            return None;
        }
        match bare.to_ascii_lowercase().as_str() {
            "existingobjecttag" => Some(Self::ExistingTag(tag.into())),
            "requestobjecttag" => Some(Self::RequestTag(tag.into())),
            _ => None,
        }
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
            "server-side-encryption-customer-algorithm" => Self::CustomerAlgorithm,
            "storage-class" => Self::StorageClass,
            "object-ownership" => Self::ObjectOwnership,
            _ => return None,
        })
    }

    pub(super) fn kind(&self) -> Type {
        match self {
            Self::CurrentTime => Type::Date,
            Self::EpochTime | Self::MaxKeys => Type::Number,
            Self::SecureTransport => Type::Bool,
            Self::SourceIp => Type::Address,
            Self::PrincipalArn => Type::Arn,
            _ => Type::Text,
        }
    }

    /// A value of a condition in the form in which [`Key::found`] gives what it is compared with.
    pub(super) fn normal<'v>(&self, value: &'v str) -> &'v str {
        match self {
            Self::CopySource => value.strip_prefix('/').unwrap_or(value),
            _ => value,
        }
    }

    /// What the two vocabularies call the same thing: a condition about one name is about the other, too.
    pub(super) fn synonyms(&self) -> Vec<[&'static str; 2]> {
        match self {
            Self::StorageClass => StorageClass::ALL.iter().map(|class| [class.obs_name(), class.s3_name()]).collect(),
            Self::ServerSideEncryption => vec![["kms", "aws:kms"]],
            _ => Vec::new(),
        }
    }

    /// Whether it says who asks in a way that is always one account's.
    pub(super) fn tells_accounts_apart(&self) -> bool {
        matches!(self, Self::PrincipalArn | Self::PrincipalAccount | Self::UserId)
    }

    /// Whether it is known only when the object, or the document with its tags, has been read.
    pub(super) fn is_of_tags(&self, action: Action) -> bool {
        match self {
            Self::ExistingTag(_) => action.knows_tags(),
            Self::RequestTag(_) | Self::RequestTagKeys => action.sets_tags(),
            _ => false,
        }
    }

    pub(super) fn is_missing(&self, question: &Question<'_>) -> bool {
        match self.kind() {
            Type::Text | Type::Arn => self.found(question).values().is_empty(),
            Type::Number => self.number(question).is_none(),
            Type::Date | Type::Bool | Type::Address => false,
        }
    }

    pub(super) fn number(&self, question: &Question<'_>) -> Option<i64> {
        let now_seconds = || i64::try_from(question.context.now() / 1000).ok();
        match self {
            Self::CurrentTime | Self::EpochTime => now_seconds(),
            Self::MaxKeys => {
                let text = question.context.parameter("max-keys", is_listing(question.action))?;
                page_length(text, question.context.head().dialect)
            }
            _ => None,
        }
    }

    /// What the object's tags, and those of the request, have of it.
    pub(super) fn found_in<'q>(&self, tagged: &Tagged<'q>) -> Found<'q> {
        let find = |tags: &'q [(String, String)], name: &str| {
            tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| value.as_str())
        };
        match self {
            Self::ExistingTag(name) => find(tagged.existing, name).into(),
            Self::RequestTag(name) => find(tagged.requested, name).into(),
            Self::RequestTagKeys => {
                Found::Many(tagged.requested.iter().map(|(tag, _)| Cow::Borrowed(tag.as_str())).collect())
            }
            _ => Found::Missing,
        }
    }

    pub(super) fn found<'q>(&self, question: &Question<'q>) -> Found<'q> {
        let Question { caller, context, action, .. } = *question;
        // As the operation reads them.
        let sets_list = |tail| context.own(tail, takes_acl(action)).map(str::trim).into();
        let is_put = action == Action::PutObject;
        let of_put = |tail| context.own(tail, is_put).into();
        let account = || caller.account().ok();
        match self {
            Self::UserAgent => context.header("user-agent").into(),
            Self::Referer => context.header("referer").into(),
            Self::PrincipalArn => account().map(|account| format!("arn:aws:iam::{}:root", account.id)).into(),
            Self::PrincipalAccount | Self::UserId => account().map(|account| account.id.to_string()).into(),
            Self::PrincipalType => Some(principal_type(caller)).into(),
            Self::Username => account().map(|account| account.name.as_str()).into(),
            Self::Prefix => context.prefix(is_listing(action)).into(),
            Self::Delimiter => context.parameter("delimiter", is_listing(action)).into(),
            Self::Acl => sets_list("acl"),
            Self::GrantRead => sets_list("grant-read"),
            Self::GrantWrite => sets_list("grant-write"),
            Self::GrantReadAcp => sets_list("grant-read-acp"),
            Self::GrantWriteAcp => sets_list("grant-write-acp"),
            Self::GrantFullControl => sets_list("grant-full-control"),
            Self::CopySource => context.copy_source(action).into(),
            Self::MetadataDirective => of_put("metadata-directive"),
            Self::ServerSideEncryption => of_put("server-side-encryption"),
            Self::KmsKeyId => {
                let named = |tail| context.own(tail, is_put);
                let obs = named("server-side-encryption-kms-key-id");
                obs.or_else(|| named("server-side-encryption-aws-kms-key-id")).into()
            }
            Self::CustomerAlgorithm => of_put("server-side-encryption-customer-algorithm"),
            Self::StorageClass => of_put("storage-class"),
            Self::ObjectOwnership => {
                context.own("object-ownership", action == Action::CreateBucket).map(str::trim).into()
            }
            Self::VersionId => context.version().filter(|_| action.is_of_version()).into(),
            Self::RequestTag(_) | Self::RequestTagKeys => self.found_among(context.tags(action)),
            Self::ExistingTag(_)
            | Self::CurrentTime
            | Self::EpochTime
            | Self::SecureTransport
            | Self::SourceIp
            | Self::MaxKeys => Found::Missing,
        }
    }

    fn found_among(&self, tags: Vec<Tag>) -> Found<'static> {
        match self {
            Self::RequestTag(name) => {
                tags.into_iter().find(|tag| tag.key.as_str() == &**name).map(|tag| tag.value).into()
            }
            _ => Found::Many(tags.into_iter().map(|tag| Cow::Owned(tag.key)).collect()),
        }
    }
}

/// An account is its own root user; there are no others.
fn principal_type(caller: &Caller) -> &'static str {
    match caller {
        Caller::Anonymous => "Anonymous",
        Caller::Account { .. } => "Account",
    }
}

/// How many entries the page of a listing has that was asked for, in the words of that request: what is no number the
/// operation refuses, what is more than fits is the most there is, and in OBS's words less than one is a whole page.
fn page_length(text: &str, dialect: Dialect) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let asked = text.parse().unwrap_or(if digits == text { i64::MAX } else { i64::MIN });
    if dialect != Dialect::S3 && asked < 1 { i64::try_from(limits::LIST_PAGE_COUNT_MAX).ok() } else { Some(asked) }
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
