//! `PUT /bucket/key?metadata` (OBS reference, "Modifying Object Metadata"): the headers an object keeps, its class, its
//! tags, without its bytes. The time it was stored stays, and with it the day on which it goes.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::company::check_may_bring;
use super::draft::{self, check_size};
use super::object_record::change_record;
use super::object_reply::describe;
use super::{BodyRule, Call, Op, Pick, Scope, protection};
use crate::access::Action;
use crate::access::acl::{self, Given, Kind, Owners};
use crate::app::App;
use crate::attributes::Attributes;
use crate::clock::UnixMillis;
use crate::error::{Code, Result};
use crate::headers::ObjectHeaders;
use crate::meta::{self, Object, ObjectState};
use crate::object_lock::Bypass;
use crate::storage_class::StorageClass;
use crate::wire::{Head, Reply};

pub(super) static PUT: Op = Op {
    name: "SetObjectMetadata",
    verb: Method::PUT,
    scope: Scope::Object,
    picks: &[Pick::Query("metadata")],
    action: Action::ModifyObjectMetaData,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["versionId"],
    document: "obs_04_0091",
    run: |app, call| Box::pin(put(app, call)),
};

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let amendment = Amendment::parse(call)?;
    check_may_bring(app, call, amendment.tags.as_deref().unwrap_or_default()).await?;
    let now = app.clock.now_millis();
    let object = change_record(app, call, |_, object| amendment.apply(object, now)).await?;
    let dialect = call.head.dialect;
    let mut reply = Reply::empty(StatusCode::OK);
    describe(&object, call.bucket()?, (dialect, now), &mut reply.headers)?;
    let directive = if dialect.is_obs() { "x-obs-metadata-directive" } else { "x-amz-metadata-directive" };
    Ok(reply.with(HeaderName::from_static(directive), HeaderValue::from_static(amendment.directive.name())))
}

/// What becomes of what is not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    /// `REPLACE_NEW`: it stays.
    ReplaceNew,
    /// `REPLACE`: it goes.
    Replace,
}

impl Directive {
    fn parse(head: &Head) -> Result<Self> {
        let invalid = |why| Err(Code::InvalidArgument.because(why));
        match head.own("metadata-directive") {
            Some("REPLACE_NEW") => Ok(Self::ReplaceNew),
            Some("REPLACE") => Ok(Self::Replace),
            Some(_) => invalid("The metadata directive is REPLACE_NEW or REPLACE."),
            None => invalid("The metadata directive is missing: REPLACE_NEW or REPLACE."),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ReplaceNew => "REPLACE_NEW",
            Self::Replace => "REPLACE",
        }
    }
}

/// What a request changes.
#[derive(Debug)]
struct Amendment {
    directive: Directive,
    headers: ObjectHeaders,
    storage_class: Option<StorageClass>,
    tags: Option<Vec<(String, String)>>,
    redirect: Option<String>,
    expires_days: Option<u32>,
    persistent_headers: Option<Vec<(String, String)>>,
}

impl Amendment {
    /// Refusals as those of a new object's headers; an access control list is 400, it has a request of its own.
    fn parse(call: &Call<'_>) -> Result<Self> {
        let head = call.head;
        draft::refuse_unsupported(head)?;
        if protection::HEADERS.iter().any(|tail| head.has_own(tail)) {
            return Err(
                Code::InvalidArgument.because("What protects an object is set with ?retention and ?legal-hold.")
            );
        }
        let (bucket, owner) = (call.bucket()?, call.caller.owner());
        let owners = Owners { owner, bucket_owner: bucket.owner };
        if acl::from_headers(|tail| head.own(tail), Kind::Object, owners)? != Given::Nothing {
            return Err(Code::InvalidArgument.because("An access control list is set with ?acl."));
        }
        let amendment = Self {
            directive: Directive::parse(head)?,
            headers: ObjectHeaders::parse(head)?,
            storage_class: draft::storage_class(head)?,
            tags: draft::tags(head)?,
            redirect: draft::redirect(head)?,
            expires_days: draft::expires_days(head)?,
            persistent_headers: draft::persistent_headers(head)?,
        };
        let has_more = amendment.tags.is_some() || amendment.redirect.is_some() || amendment.expires_days.is_some();
        if bucket.is_file_system && has_more {
            return Err(Code::FsNotSupport.because("Files have no tags, redirect or expiry."));
        }
        Ok(amendment)
    }

    fn apply(&self, mut object: Object, now: UnixMillis) -> Result<Object> {
        if object.lock().protects(Bypass::Nothing, now) {
            return Err(meta::Error::Locked.into());
        }
        self.change_class(&mut object, now)?;
        let mut attributes = object.attributes.take().map_or_else(Attributes::default, |attributes| *attributes);
        match self.directive {
            Directive::ReplaceNew => {
                object.headers = merged(object.headers, self.headers.clone());
                attributes.redirect = self.redirect.clone().or(attributes.redirect);
                attributes.expires_days = self.expires_days.or(attributes.expires_days);
                if let Some(given) = &self.persistent_headers {
                    attributes.persistent_headers = upserted(attributes.persistent_headers, given);
                }
            }
            Directive::Replace => {
                object.headers = self.headers.clone();
                attributes.redirect.clone_from(&self.redirect);
                attributes.expires_days = self.expires_days;
                attributes.persistent_headers = self.persistent_headers.clone().unwrap_or_default();
            }
        }
        if let Some(tags) = &self.tags {
            attributes.tags.clone_from(tags);
        }
        check_size(&object.headers, &attributes)?;
        object.attributes = attributes.boxed();
        Ok(object)
    }

    /// What is archived is restored before it leaves its class; what has left it has no restore.
    fn change_class(&self, object: &mut Object, now: UnixMillis) -> Result<()> {
        let Some(class) = self.storage_class.filter(|class| *class != object.storage_class) else { return Ok(()) };
        if self.directive != Directive::ReplaceNew {
            return Err(Code::InvalidRequest.because("The storage class changes with REPLACE_NEW only."));
        }
        if object.is_archived(now) {
            return Err(Code::InvalidObjectState.into());
        }
        object.storage_class = class;
        let state = object.state.take().map_or_else(ObjectState::default, |state| *state);
        object.state = ObjectState { restore: None, ..state }.boxed();
        Ok(())
    }
}

/// The old headers with the new ones in their places.
fn merged(old: ObjectHeaders, new: ObjectHeaders) -> ObjectHeaders {
    ObjectHeaders {
        content_type: new.content_type.or(old.content_type),
        content_encoding: new.content_encoding.or(old.content_encoding),
        content_disposition: new.content_disposition.or(old.content_disposition),
        content_language: new.content_language.or(old.content_language),
        cache_control: new.cache_control.or(old.cache_control),
        expires: new.expires.or(old.expires),
        metadata: upserted(old.metadata, &new.metadata),
    }
}

/// The old pairs with the new ones in the places of those of the same name, or after them.
fn upserted(mut old: Vec<(String, String)>, new: &[(String, String)]) -> Vec<(String, String)> {
    for (name, value) in new {
        match old.iter_mut().find(|(known, _)| known == name) {
            Some((_, kept)) => kept.clone_from(value),
            None => old.push((name.clone(), value.clone())),
        }
    }
    old
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_names_are_set_and_others_stay() {
        let check = |old: &[(&str, &str)], new: &[(&str, &str)], expected: &[(&str, &str)]| {
            let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
                pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
            };
            assert_eq!(upserted(pairs(old), &pairs(new)), pairs(expected));
        };
        check(&[], &[], &[]);
        check(&[("a", "1"), ("b", "2")], &[("b", "3"), ("c", "")], &[("a", "1"), ("b", "3"), ("c", "")]);
    }

    #[test]
    fn every_standard_header_has_its_place() {
        let all = |text: &str| ObjectHeaders {
            content_type: Some(text.to_owned()),
            content_encoding: Some(text.to_owned()),
            content_disposition: Some(text.to_owned()),
            content_language: Some(text.to_owned()),
            cache_control: Some(text.to_owned()),
            expires: Some(text.to_owned()),
            metadata: vec![("a".to_owned(), text.to_owned())],
        };
        assert_eq!(merged(all("old"), all("new")), all("new"));
        assert_eq!(merged(all("old"), ObjectHeaders::default()), all("old"));
        assert_eq!(merged(ObjectHeaders::default(), all("new")), all("new"));
    }
}
