//! The circumstances of a request that a policy's conditions ask about. Nothing is worked out before it is asked.

use std::net::IpAddr;

use hyper::header::AUTHORIZATION;

use super::{Action, Caller};
use crate::clock::UnixMillis;
use crate::name::BucketName;
use crate::object_lock::{Lock, Retention};
use crate::tag::Tag;
use crate::wire::attributes::parse_tagging;
use crate::wire::copy_source::CopySource;
use crate::wire::dialect::Dialect;
use crate::wire::form::Fields;
use crate::wire::object_lock::{parse_hold, parse_mode, parse_until};
use crate::wire::tag_set::parse_form_tags;
use crate::wire::{Head, Peer};

/// The circumstances of one request.
#[derive(Clone, Copy, Debug)]
pub struct Context<'h> {
    head: &'h Head,
    peer: Peer,
    now: UnixMillis,
    version: Option<&'h str>,
    /// The fields of the form that the request is.
    form: Option<&'h Fields>,
    /// The prefix of a listing that was not asked for.
    prefix: Option<&'h str>,
    /// When the signature was made, where it says so.
    signed_at: Option<UnixMillis>,
    /// Whether the request's own parameters and headers are about what is asked for.
    is_direct: bool,
}

impl<'h> Context<'h> {
    /// Of a request that arrived at `now` from `peer`. A form's fields come as a head whose headers they are.
    #[must_use]
    pub fn new(head: &'h Head, peer: Peer, now: UnixMillis) -> Self {
        let version = if head.target.key.is_some() { head.query.get("versionId") } else { None };
        Self { head, peer, now, version, form: None, prefix: None, signed_at: None, is_direct: true }
    }

    /// The same with the fields of the form that was sent, where one was.
    #[must_use]
    pub fn with_form(self, form: Option<&'h Fields>) -> Self {
        Self { form, ..self }
    }

    /// The same with the moment in which the signature was made, where it tells.
    #[must_use]
    pub fn signed_at_moment(self, signed_at: Option<UnixMillis>) -> Self {
        Self { signed_at, ..self }
    }

    /// The same circumstances for something else the request names: the source of a copy, one key of many. `version`
    /// is the version it names there. Conditions about the request's own parameters and headers (`prefix`, `acl`,
    /// `copy-source`, …) do not find them.
    #[must_use]
    pub fn aside(self, version: Option<&'h str>) -> Self {
        Self { version, prefix: None, is_direct: false, ..self }
    }

    /// The same circumstances for a listing of what begins with `prefix`, whatever was asked for.
    #[must_use]
    pub fn listing(self, prefix: &'h str) -> Self {
        Self { prefix: Some(prefix), ..self.aside(None) }
    }

    /// The version asked for.
    #[must_use]
    pub fn version(&self) -> Option<&'h str> {
        self.version
    }

    /// The request's head.
    #[must_use]
    pub fn head(&self) -> &'h Head {
        self.head
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.now
    }

    /// An IPv4 address that came mapped into IPv6 is the IPv4 address.
    pub(super) fn source_ip(&self) -> IpAddr {
        self.peer.address.to_canonical()
    }

    /// Whether it came encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.peer.is_secure
    }

    pub(super) fn signed_at(&self) -> Option<UnixMillis> {
        self.signed_at
    }

    /// Where the signature of a signed request stands, in S3's words.
    pub(super) fn auth_type(&self) -> &'static str {
        match self.form {
            Some(_) => "POST",
            None if self.head.headers.contains_key(AUTHORIZATION) => "REST-HEADER",
            None => "REST-QUERY-STRING",
        }
    }

    /// What a signature of version 4 says of the body; in a URL that says nothing it covers none.
    pub(super) fn content_sha256(&self, caller: &Caller) -> Option<&'h str> {
        if self.head.dialect != Dialect::S3 {
            return None;
        }
        let is_url = caller.id().is_some() && self.auth_type() == "REST-QUERY-STRING";
        self.head.own("content-sha256").or(is_url.then_some("UNSIGNED-PAYLOAD"))
    }

    /// A condition on what is to be changed, where the action takes it.
    pub(super) fn condition(&self, name: &'static str, is_its_own: bool) -> Option<&'h str> {
        if self.is_direct && is_its_own { self.header(name) } else { None }
    }

    /// Of what is put, whether that makes an object, and not just a part of one.
    pub(super) fn creates_object(&self, action: Action) -> Option<bool> {
        let query = &self.head.query;
        let is_part = query.has("uploads") || (query.has("uploadId") && query.has("partNumber"));
        (self.is_direct && action == Action::PutObject).then_some(!is_part)
    }

    /// How a new object is to be protected, as far as it can be read; the operation refuses what cannot.
    pub(super) fn lock(&self, action: Action) -> Lock {
        let own = |tail| self.own(tail, action == Action::PutObject);
        let dialect = self.head.dialect;
        let mode = own("object-lock-mode").and_then(|mode| parse_mode(mode, dialect));
        let until = own("object-lock-retain-until-date").and_then(|until| parse_until(until, dialect));
        let retention = mode.zip(until).map(|(mode, until_millis)| Retention { mode, until_millis });
        Lock { retention, legal_hold: own("object-lock-legal-hold").and_then(parse_hold).unwrap_or_default() }
    }

    pub(super) fn header(&self, name: &'static str) -> Option<&'h str> {
        self.head.header(name)
    }

    /// A parameter of the query, where it is one of the action's own.
    pub(super) fn parameter(&self, name: &str, is_its_own: bool) -> Option<&'h str> {
        if self.is_direct && is_its_own { self.head.query.get(name) } else { None }
    }

    /// The prefix of a listing.
    pub(super) fn prefix(&self, is_its_own: bool) -> Option<&'h str> {
        self.prefix.filter(|_| is_its_own).or_else(|| self.parameter("prefix", is_its_own))
    }

    /// A header with the dialect's prefix, where it is one of the action's own.
    pub(super) fn own(&self, tail: &str, is_its_own: bool) -> Option<&'h str> {
        if self.is_direct && is_its_own { self.head.own(tail) } else { None }
    }

    /// The tags that a new object is to have, as far as they can be read; the operation refuses what cannot.
    pub(super) fn tags(&self, action: Action) -> Vec<Tag> {
        let is_put = action == Action::PutObject;
        let header = self.own("tagging", is_put).and_then(|header| parse_tagging(header).ok());
        let field = self.form.filter(|_| self.is_direct && is_put).and_then(|form| form.get("tagging"));
        let sets = header.into_iter().chain(field.and_then(|field| parse_form_tags(field).ok()));
        sets.flat_map(|tags| tags.0).collect()
    }

    /// The source of a copy as `bucket/key`, decoded, without its version.
    pub(super) fn copy_source(&self, action: Action) -> Option<String> {
        let sent = self.own("copy-source", action == Action::PutObject)?;
        let source = CopySource::parse(sent).ok()?;
        Some(format!("{}/{}", source.bucket, source.key))
    }

    /// `/bucket/key` of what is asked for, where error documents have to be told.
    pub(super) fn resource(&self, bucket: &BucketName, key: Option<&str>) -> Option<String> {
        (!self.is_direct).then(|| format!("/{bucket}/{}", key.unwrap_or_default()))
    }
}
