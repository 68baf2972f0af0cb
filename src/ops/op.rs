//! What a row says of an operation, and how a request finds its row.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::Method;

use super::{Call, RESERVED, TABLE, checksum, token_service};
use crate::access::{Action, acl};
use crate::app::App;
use crate::auth;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::quota::Rule;
use crate::wire::dialect::Dialect;
use crate::wire::token_call::{self, TokenCall};
use crate::wire::{Head, Reply, form};

/// An operation: its facts, and the function that performs it.
#[derive(Debug)]
pub struct Op {
    /// The documented name: metric label, log field, row of the docs.
    pub name: &'static str,
    /// Method.
    pub verb: Method,
    /// What the address names.
    pub scope: Scope,
    /// What else must hold of the request. The row with the most picks wins, parameters before headers.
    pub picks: &'static [Pick],
    /// What `access::admit` is asked.
    pub action: Action,
    /// What body it takes.
    pub body: BodyRule,
    /// The rules of the ledger by which it moves the bytes a bucket holds; none for an operation that cannot.
    pub growth: &'static [Rule],
    /// Query parameters it reads, beside those it is picked by. A changing request with any other is refused.
    pub parameters: &'static [&'static str],
    /// The document that defines it.
    pub document: &'static str,
    /// Performs it.
    pub run: for<'a> fn(&'a Arc<App>, &'a mut Call<'_>) -> BoxFuture<'a, Result<Reply>>,
}

/// What an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The endpoint itself.
    Service,
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

/// A condition on a request beyond method and scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The query has this parameter, with or without a value.
    Query(&'static str),
    /// There is a header `x-obs-` or `x-amz-` with this tail, by the request's dialect. It weighs less than a
    /// parameter: `PUT /bucket/key?acl` is about the list, whatever its headers.
    Header(&'static str),
    /// It is a call of the token service for this action. A form's action stands in its body: of the head [`find`] asks
    /// only whether it is a call, and [`find_call`] then finds the row. Such a row answers `GET` too, as the query
    /// protocol has it.
    Call(&'static str),
}

impl Op {
    /// The query parameters it is picked by.
    pub fn picked_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.picks.iter().filter_map(|pick| match pick {
            Pick::Query(name) => Some(*name),
            Pick::Header(_) | Pick::Call(_) => None,
        })
    }

    /// Whether it answers requests of this method.
    fn answers(&self, method: &Method) -> bool {
        self.verb == method || (self.body == BodyRule::Call && method == Method::GET)
    }

    /// Whether one of those is `name`, in any letter case.
    fn is_picked_by(&self, name: &str) -> bool {
        self.picked_parameters().any(|picked| picked.eq_ignore_ascii_case(name))
    }

    /// Whether `name`, in any letter case, is one of its further parameters.
    fn reads(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| name.eq_ignore_ascii_case(parameter))
    }

    /// How particular it is: the row for which this is largest answers.
    fn weight(&self) -> (usize, usize) {
        let parameters = self.picked_parameters().count();
        (parameters, self.picks.len() - parameters)
    }
}

/// What body an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// None; a body is 400 `UnexpectedContent`.
    Empty,
    /// None, for the bytes are another object's; a body is 400 `MaxMessageLengthExceeded` (OBS reference, "Copying
    /// Objects").
    Copied,
    /// A document of at most `limits::DOCUMENT_BYTES_MAX` bytes, unless the operation says otherwise.
    Document,
    /// A document that comes with its digest: `Content-MD5`, or in its place `Content-SHA256` or one of S3's
    /// `x-amz-checksum-*`. One without is 400 `MissingRequiredHeader` (OBS reference, "Common Request Headers"); in S3
    /// that holds for `DeleteObjects` alone.
    DigestedDocument,
    /// A document in JSON; how long it may be says the operation.
    Json,
    /// Object bytes.
    Stream,
    /// A form with object bytes in it. It is signed in its fields: the spine reads them and asks who they are from, and
    /// the operation sees the request the form stands for.
    Form,
    /// The parameters of a call of the token service, unless they stand in the address. The spine reads them first: they
    /// name the operation, and the signature covers their digest.
    Call,
}

/// Query parameters that belong to signatures, to the SDKs' own book-keeping, or to request headers passed in the
/// query; never an operation's own.
fn is_common_parameter(name: &str) -> bool {
    const COMMON: [&str; 5] = ["AccessKeyId", "AWSAccessKeyId", "Expires", "Signature", "x-id"];
    COMMON.iter().any(|common| name.eq_ignore_ascii_case(common)) || has_own_prefix(name)
}

fn has_own_prefix(name: &str) -> bool {
    let prefix = name.as_bytes().get(..6);
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"x-obs-") || prefix.eq_ignore_ascii_case(b"x-amz-"))
}

/// The row that answers a request.
///
/// A documented sub-resource without a row is 501 `ServiceNotImplemented`; one whose rows have other methods, and a
/// method nothing answers, 405 `MethodNotAllowed`. A preflight (`OPTIONS`) asks about a request to come, whose
/// parameters it carries: they pick nothing. Nor do those of a call, which are the token service's.
pub fn find(head: &Head) -> Result<&'static Op> {
    let scope = match (&head.target.bucket, &head.target.key) {
        (None, _) => Scope::Service,
        (Some(_), None) => Scope::Bucket,
        (Some(_), Some(_)) => Scope::Object,
    };
    auth::refuse_policy_url(&head.query)?;
    if !head.query.is_empty() && head.method != Method::OPTIONS && !token_call::is_call(head) {
        refuse_reserved(head, scope)?;
    }
    let matching = TABLE.iter().filter(|op| op.scope == scope && op.answers(&head.method) && holds(op, head));
    let found = matching.max_by_key(|op| op.weight()).copied();
    match found {
        Some(op) => Ok(op),
        None if head.method == Method::POST || head.method == Method::OPTIONS => {
            Err(Error::from(Code::ServiceNotImplemented))
        }
        None => Err(Error::from(Code::MethodNotAllowed)),
    }
}

fn holds(op: &Op, head: &Head) -> bool {
    op.picks.iter().all(|pick| match pick {
        Pick::Query(name) => head.query.has(name),
        Pick::Header(tail) => head.has_own(tail),
        Pick::Call(_) => token_call::is_call(head),
    })
}

/// The row that answers a call, once that has been read. An action the token service documents and no row answers is
/// 501 `ServiceNotImplemented`, any other 400 `InvalidAction`.
pub fn find_call(call: &TokenCall) -> Result<&'static Op> {
    let action = call.action();
    let is_it = |op: &&&Op| op.name == action && op.picks.contains(&Pick::Call(op.name));
    match TABLE.iter().find(is_it) {
        Some(op) => Ok(op),
        None if token_service::UNBUILT_ACTIONS.contains(&action) => {
            Err(Code::ServiceNotImplemented.because(format!("The action {action} is not implemented.")))
        }
        None => Err(Code::InvalidAction.because(format!("The token service has no action {action}."))),
    }
}

/// A name is answered where its own rows are: `PUT /bucket/key?tagging` is not implemented although buckets have tags,
/// `DELETE /bucket/key?quota` is a method of nothing.
fn refuse_reserved(head: &Head, scope: Scope) -> Result<()> {
    for (name, _) in head.query.iter() {
        let mut rows = TABLE.iter().filter(|op| op.is_picked_by(name));
        let mut here = rows.clone().filter(|op| op.scope == scope).peekable();
        if here.peek().is_some() {
            // What picks one row may be another's parameter: a part is stored, and read.
            let is_read = || TABLE.iter().any(|op| op.scope == scope && op.verb == head.method && op.reads(name));
            if !here.any(|op| op.answers(&head.method)) && !is_read() {
                return Err(Error::from(Code::MethodNotAllowed));
            }
        } else if is_reserved(name) {
            return Err(refusal(name, scope, head));
        } else if rows.next().is_some() {
            return Err(Error::from(Code::MethodNotAllowed));
        }
    }
    Ok(())
}

/// 501 but for what S3 has an answer for where it is not there (S3 reference, `GetObjectTorrent`).
fn refusal(name: &str, scope: Scope, head: &Head) -> Error {
    let is_get = scope == Scope::Object && head.method == Method::GET && head.dialect == Dialect::S3;
    if is_get && name.eq_ignore_ascii_case("torrent") {
        return Code::NoSuchKey.because("Objects have no torrents here.");
    }
    Code::ServiceNotImplemented.because(format!("The sub-resource {name} is not implemented."))
}

/// The list is in order, and this is asked of every parameter of every request.
fn is_reserved(name: &str) -> bool {
    let lower = || name.bytes().map(|byte| byte.to_ascii_lowercase());
    RESERVED.binary_search_by(|reserved| reserved.bytes().cmp(lower())).is_ok()
}

/// Headers that bring a document's digest; [`Call::document`] checks what they say.
const DIGEST_HEADERS: [&str; 2] = ["content-md5", "content-sha256"];

/// Whether a document comes with its digest, or need not: S3 asks for one with deletions alone.
fn is_digested(op: &Op, head: &Head) -> bool {
    let is_asked = head.dialect != Dialect::S3 || op.action == Action::DeleteObjects;
    !is_asked || DIGEST_HEADERS.iter().any(|name| head.headers.contains_key(*name)) || checksum::is_sent(head)
}

/// Refuses with 400 `InvalidArgument` a header of the protocol's own that is not UTF-8: whoever looks for it would not find
/// it, and pass over what it asks for. Metadata has a check of its own.
fn refuse_unreadable(head: &Head) -> Result<()> {
    let prefix = head.dialect.header_prefix();
    let is_own = |name: &str| name.strip_prefix(prefix).is_some_and(|tail| !tail.starts_with("meta-"));
    let mut own = head.headers.iter().filter(|(name, _)| is_own(name.as_str()));
    match own.find(|(_, value)| str::from_utf8(value.as_bytes()).is_err()) {
        Some((name, _)) => Err(Code::InvalidArgument.because(format!("The header {name} is not UTF-8."))),
        None => Ok(()),
    }
}

/// Whether a request, once allowed, has the shape its row asks for.
pub fn check_shape(op: &Op, head: &Head) -> Result<()> {
    refuse_unreadable(head)?;
    let length = head.content_length()?;
    let chunked = head.headers.contains_key(hyper::header::TRANSFER_ENCODING);
    let has_body = chunked || length.is_some_and(|length| length > 0);
    match op.body {
        BodyRule::Call if has_body && head.method == Method::GET => return Err(Error::from(Code::UnexpectedContent)),
        BodyRule::Empty if has_body => return Err(Error::from(Code::UnexpectedContent)),
        BodyRule::Copied if has_body => return Err(Error::from(Code::MaxMessageLengthExceeded)),
        BodyRule::Stream | BodyRule::Form if length.is_none() && !chunked && !head.is_framed => {
            return Err(Error::from(Code::MissingContentLength));
        }
        // What stands in the address is covered by no signature of a form.
        BodyRule::Form if head.query.iter().any(|(name, _)| has_own_prefix(name)) => {
            return Err(Code::InvalidArgument.because("What a form says of its object stands in its fields."));
        }
        BodyRule::Form if length.is_some_and(|length| length > limits::FORM_BYTES_MAX) => {
            return Err(Error::from(Code::EntityTooLarge));
        }
        BodyRule::DigestedDocument if !is_digested(op, head) => {
            return Err(Error::from(Code::MissingRequiredHeader));
        }
        BodyRule::Form => form::check_type(&head.headers)?,
        _ => {}
    }
    if matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    acl::check_once(head)?;
    for (name, _) in head.query.iter() {
        let known = op.is_picked_by(name)
            // Those of a form stand in it.
            || (op.body != BodyRule::Call && op.reads(name))
            || is_common_parameter(name)
            || head.is_header_parameter(name);
        if !known {
            return Err(Code::InvalidArgument.because(format!("{} has no parameter {name}.", op.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    #[test]
    fn no_two_rows_answer_the_same_request() {
        for (index, a) in TABLE.iter().enumerate() {
            for b in &TABLE[index + 1..] {
                let same = a.verb == b.verb && a.scope == b.scope && a.picks == b.picks;
                assert!(!same, "{} and {}", a.name, b.name);
            }
        }
    }

    /// What an operation does not find in such a header it would take for unsaid.
    #[test]
    fn headers_of_the_protocol_are_text() {
        let check = |name: &str, value: &[u8], expected: std::result::Result<(), Code>| {
            let request = hyper::Request::put("/photos/k").header("host", "localhost").header("content-length", "0");
            let request = request.header("x-amz-date", "d").header(name, value).body(()).unwrap();
            let head = Head::parse(request.into_parts().0, &Endpoints::default()).unwrap();
            let checked = check_shape(find(&head).unwrap(), &head);
            assert_eq!(checked.map_err(|error| error.code()), expected, "{name}");
        };
        for name in ["x-amz-acl", "x-amz-tagging", "x-amz-expected-bucket-owner", "x-amz-server-side-encryption"] {
            check(name, b"\xFF", Err(Code::InvalidArgument));
            check(name, "\u{E9}".as_bytes(), Ok(()));
        }
        // These have their own check, or are none of the dialect's.
        check("x-amz-meta-a", b"\xFF", Ok(()));
        check("user-agent", b"\xFF", Ok(()));
    }

    /// An operation that may store or delete has a growth rule; nothing else names one.
    #[test]
    fn what_can_change_bytes_has_a_growth_rule() {
        for op in TABLE {
            let can_change = matches!(op.body, BodyRule::Stream | BodyRule::Form)
                || matches!(op.action, Action::PutObject | Action::DeleteObject | Action::DeleteObjects)
                || matches!(op.action, Action::AbortMultipartUpload | Action::DeleteBucket);
            assert_eq!(can_change, !op.growth.is_empty(), "{}", op.name);
        }
    }

    /// Objects and buckets have some sub-resources both; one stays reserved until either has its row.
    #[test]
    fn reserved_names_lack_a_row_and_are_in_lower_case_and_order() {
        for name in RESERVED {
            let is_picked = |scope| {
                let rows = TABLE.iter().filter(|op| op.scope == scope);
                rows.flat_map(|op| op.picked_parameters()).any(|picked| name.eq_ignore_ascii_case(picked))
            };
            assert!(!is_picked(Scope::Object) || !is_picked(Scope::Bucket), "{name}");
            assert_eq!(*name, name.to_ascii_lowercase());
            assert!(is_reserved(name) && is_reserved(&name.to_ascii_uppercase()));
        }
        assert!(RESERVED.is_sorted());
    }
}
