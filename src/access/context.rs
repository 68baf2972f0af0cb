//! The circumstances of a request that a policy's conditions ask about. Nothing is worked out before it is asked.

use std::net::IpAddr;

use super::Action;
use crate::clock::UnixMillis;
use crate::name::BucketName;
use crate::tag::Tag;
use crate::wire::attributes::parse_tagging;
use crate::wire::copy_source::CopySource;
use crate::wire::form::Fields;
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
    /// Whether the request's own parameters and headers are about what is asked for.
    is_direct: bool,
}

impl<'h> Context<'h> {
    /// Of a request that arrived at `now` from `peer`. A form's fields come as a head whose headers they are.
    #[must_use]
    pub fn new(head: &'h Head, peer: Peer, now: UnixMillis) -> Self {
        let version = if head.target.key.is_some() { head.query.get("versionId") } else { None };
        Self { head, peer, now, version, form: None, prefix: None, is_direct: true }
    }

    /// The same with the fields of the form that was sent, where one was.
    #[must_use]
    pub fn with_form(self, form: Option<&'h Fields>) -> Self {
        Self { form, ..self }
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
