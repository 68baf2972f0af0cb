//! What conditions ask about, by the names both vocabularies have for it. Some keys belong to certain actions: a request
//! for anything else does not have them, whatever parameters and headers it carries. What is known only once the object
//! or a document has been read is [`Late`].

use std::borrow::Cow;

use super::{Late, Question};
use crate::access::{Action, Caller};
use crate::clock::{DAY_MILLIS, UnixMillis, iso_date};
use crate::limits;
use crate::object_lock::Lock;
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
    /// The account that the bucket belongs to.
    ResourceAccount,
    /// Where the signature stands.
    AuthType,
    /// How it is made.
    SignatureVersion,
    /// How long ago it was made, in milliseconds.
    SignatureAge,
    ContentSha256,
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
    RedirectLocation,
    IfMatch,
    IfNoneMatch,
    /// Whether the request makes an object, and not just a part of one.
    CreatesObject,
    LockMode,
    /// Until when, in seconds since 1970.
    LockUntil,
    /// For how many days from now, rounded up: what is asked for takes its time to arrive.
    LockDays,
    LegalHold,
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
            "resourceaccount" => Self::ResourceAccount,
            "authtype" => Self::AuthType,
            "signatureversion" => Self::SignatureVersion,
            "signatureage" => Self::SignatureAge,
            "if-match" => Self::IfMatch,
            "if-none-match" => Self::IfNoneMatch,
            "objectcreationoperation" => Self::CreatesObject,
            "object-lock-mode" => Self::LockMode,
            "object-lock-retain-until-date" => Self::LockUntil,
            "object-lock-remaining-retention-days" => Self::LockDays,
            "object-lock-legal-hold" => Self::LegalHold,
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
        let fits = match vocabulary {
            "" => true,
            "aws" | "g" => is_general || key == Self::ResourceAccount,
            "s3" | "obs" => !is_general,
            _ => false,
        };
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
            "content-sha256" => Self::ContentSha256,
            "website-redirect-location" => Self::RedirectLocation,
            _ => return None,
        })
    }

    pub(super) fn kind(&self) -> Type {
        match self {
            Self::CurrentTime | Self::LockUntil => Type::Date,
            Self::EpochTime | Self::MaxKeys | Self::SignatureAge | Self::LockDays => Type::Number,
            Self::SecureTransport | Self::CreatesObject => Type::Bool,
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

    /// Whether it is known only when the object, or the document of the request, has been read.
    pub(super) fn is_late(&self, action: Action) -> bool {
        match self {
            Self::ExistingTag(_) => action.knows_tags(),
            Self::RequestTag(_) | Self::RequestTagKeys => action.sets_tags(),
            Self::LockMode | Self::LockUntil | Self::LockDays => action == Action::PutObjectRetention,
            Self::LegalHold => action == Action::PutObjectLegalHold,
            _ => false,
        }
    }

    /// Whether a variable may stand for it: it has one value, and that is known from the start.
    pub(super) fn is_single_valued(&self) -> bool {
        !matches!(
            self,
            Self::ExistingTag(_)
                | Self::RequestTag(_)
                | Self::RequestTagKeys
                | Self::LockMode
                | Self::LockUntil
                | Self::LockDays
                | Self::LegalHold
        )
    }

    pub(super) fn is_missing(&self, question: &Question<'_>) -> bool {
        match self.kind() {
            Type::Text | Type::Arn => self.found(question).values().is_empty(),
            Type::Number | Type::Date => self.number(question).is_none(),
            Type::Bool => self.flag(question).is_none(),
            Type::Address => false,
        }
    }

    /// Its value as text, for a variable.
    pub(super) fn one_value<'q>(&self, question: &Question<'q>) -> Option<Cow<'q, str>> {
        match (self, self.kind()) {
            (Self::CurrentTime, _) => Some(iso_date(question.context.now()).into()),
            (_, Type::Text | Type::Arn) => match self.found(question) {
                Found::One([value]) => Some(value),
                Found::Missing | Found::Many(_) => None,
            },
            (_, Type::Number | Type::Date) => self.number(question).map(|number| number.to_string().into()),
            (_, Type::Bool) => self.flag(question).map(|flag| if flag { "true".into() } else { "false".into() }),
            (_, Type::Address) => Some(question.context.source_ip().to_string().into()),
        }
    }

    pub(super) fn flag(&self, question: &Question<'_>) -> Option<bool> {
        match self {
            Self::SecureTransport => Some(question.context.is_secure()),
            Self::CreatesObject => question.context.creates_object(question.action),
            _ => None,
        }
    }

    /// Dates are in seconds since 1970.
    pub(super) fn number(&self, question: &Question<'_>) -> Option<i64> {
        let Question { context, action, .. } = *question;
        match self {
            Self::CurrentTime | Self::EpochTime => i64::try_from(context.now() / 1000).ok(),
            Self::MaxKeys => {
                let text = context.parameter("max-keys", is_listing(action))?;
                page_length(text, context.head().dialect)
            }
            Self::SignatureAge => i64::try_from(context.now().saturating_sub(context.signed_at()?)).ok(),
            Self::LockUntil | Self::LockDays => self.number_of(context.lock(action), context.now()),
            _ => None,
        }
    }

    /// What the protection that is asked for has of it.
    fn number_of(&self, lock: Lock, now: UnixMillis) -> Option<i64> {
        let until = lock.retention?.until_millis;
        let number = match self {
            Self::LockUntil => until / 1000,
            Self::LockDays => until.saturating_sub(now).div_ceil(DAY_MILLIS),
            _ => return None,
        };
        i64::try_from(number).ok()
    }

    fn name_of(&self, lock: Lock) -> Option<&'static str> {
        match self {
            Self::LockMode => lock.retention.map(|retention| retention.mode.name()),
            Self::LegalHold => lock.legal_hold.name(),
            _ => None,
        }
    }

    /// What has been read has of it.
    pub(super) fn found_in<'q>(&self, late: &Late<'q>) -> Found<'q> {
        let find = |tags: &'q [(String, String)], name: &str| {
            tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| value.as_str())
        };
        match self {
            Self::ExistingTag(name) => find(late.existing, name).into(),
            Self::RequestTag(name) => find(late.requested, name).into(),
            Self::RequestTagKeys => {
                Found::Many(late.requested.iter().map(|(tag, _)| Cow::Borrowed(tag.as_str())).collect())
            }
            Self::LockMode | Self::LegalHold => self.name_of(late.lock).into(),
            _ => Found::Missing,
        }
    }

    /// The same of numbers.
    pub(super) fn number_in(&self, late: &Late<'_>) -> Option<i64> {
        self.number_of(late.lock, late.now)
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
            Self::ResourceAccount => question.owner.map(|owner| owner.to_string()).into(),
            Self::AuthType => account().map(|_| context.auth_type()).into(),
            Self::SignatureVersion => account().map(|_| signature_version(context.head().dialect)).into(),
            Self::ContentSha256 => context.content_sha256(caller).into(),
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
            Self::RedirectLocation => of_put("website-redirect-location"),
            Self::IfMatch => context.condition("if-match", is_put || deletes(action)).into(),
            Self::IfNoneMatch => context.condition("if-none-match", is_put).into(),
            Self::LockMode | Self::LegalHold => self.name_of(context.lock(action)).into(),
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
            | Self::SignatureAge
            | Self::CreatesObject
            | Self::LockUntil
            | Self::LockDays
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

/// By S3's names; OBS's own signature has none there, and goes by the word in its header.
fn signature_version(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Obs => "OBS",
        Dialect::AwsV2 => "AWS",
        Dialect::S3 => "AWS4-HMAC-SHA256",
    }
}

fn deletes(action: Action) -> bool {
    matches!(action, Action::DeleteObject | Action::DeleteObjectVersion)
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
