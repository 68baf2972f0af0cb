//! The spine: the way of one request, from its head to its reply. Read this first.
//!
//! No operation is named here. What a request means stands in `ops`, who asks in `auth`, whether they may in `access`.

use std::ops::RangeInclusive;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, ORIGIN, SERVER};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, Version};

use crate::access::{self, Caller, Context};
use crate::app::App;
use crate::auth::form_policy::FormPolicy;
use crate::auth::{self, Claim, Moment, Seed, Signed, temporary};
use crate::blob::digest;
use crate::clock::{UnixMillis, http_date};
use crate::config::SignatureRegion;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::Credential;
use crate::metrics::RequestLabels;
use crate::name::{BucketName, ObjectKey};
use crate::ops::{self, BodyRule, Call, Op};
use crate::wire::aws_chunked::{Chain, ChunkedBody, Decoder, Framing, Plan};
use crate::wire::body::{ReplyBody, RequestBody};
use crate::wire::dialect::Dialect;
use crate::wire::form::Fields;
use crate::wire::render;
use crate::wire::request_id::RequestId;
use crate::wire::token_call::TokenCall;
use crate::wire::{Head, Peer, Reply, hex};

/// Says what of the body a signature covers.
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// What the spine learns of a request on its way, for the reply, the metrics and the log.
struct Trail {
    request_id: RequestId,
    now: UnixMillis,
    dialect: Dialect,
    resource: String,
    refusal: Refusal,
    /// Whether what a client sends only when told to continue is under way.
    is_body_begun: bool,
    /// Whether the client waited to be told to continue and is not.
    is_never_continued: bool,
    operation: &'static str,
    code: &'static str,
    /// What a page of another origin may know of the answer, if one asks.
    cross_origin: HeaderMap,
}

/// How a refusal is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// As the error document.
    Document,
    /// As headers: a `HEAD` has no body.
    Headers,
    /// As the document of the token service.
    OfCall,
}

/// Answers one request. Never fails: whatever goes wrong becomes a reply.
pub async fn handle(app: &Arc<App>, request: Request<RequestBody>, peer: Peer) -> Response<ReplyBody> {
    let started = std::time::Instant::now();
    let now = app.clock.now_millis();
    let (parts, body) = request.into_parts();
    let version = parts.version;
    let mut trail = Trail {
        request_id: app.request_ids.mint(now),
        now,
        dialect: Dialect::Obs,
        resource: String::new(),
        refusal: if parts.method == Method::HEAD { Refusal::Headers } else { Refusal::Document },
        is_body_begun: false,
        is_never_continued: false,
        operation: "none",
        code: "OK",
        cross_origin: HeaderMap::new(),
    };
    let answered = {
        // Pinned where it is made: wrapping would move the largest future there is twice more.
        let answering = pin!(answer(app, parts, body, peer, &mut trail));
        AssertUnwindSafe(answering).catch_unwind().await
    };
    let answered = answered.unwrap_or_else(|_| {
        app.metrics.panics.inc();
        Err(Error::internal("a handler panicked"))
    });
    let mut reply = answered.unwrap_or_else(|error| refuse(&mut trail, &error));
    reply.headers.extend(std::mem::take(&mut trail.cross_origin));
    let labels = RequestLabels { operation: trail.operation, code: trail.code };
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    app.metrics.count_request(&labels, micros);
    tracing::debug!(
        target: "obs_gateway::access",
        request_id = trail.request_id.as_str(),
        operation = trail.operation,
        code = trail.code,
        status = reply.status.as_u16(),
        micros,
    );
    finish(app, &trail, reply, version)
}

async fn answer(app: &Arc<App>, parts: Parts, body: RequestBody, peer: Peer, trail: &mut Trail) -> Result<Reply> {
    let mut head = match Head::parse(parts, &app.endpoints) {
        Ok(head) => head,
        Err((error, dialect, _)) => {
            trail.dialect = dialect;
            drain(body);
            return Err(error);
        }
    };
    trail.dialect = head.dialect;
    let mut body = body;
    let waits = expects_continue(&head);
    let is_empty = body.is_end();
    head.has_framed_body = head.is_framed && !is_empty;
    let answered = route(app, &head, &mut body, peer, trail).await;
    if answered.is_err() {
        trail.resource = head.target.resource();
        let is_begun = trail.is_body_begun || body.is_begun();
        trail.is_never_continued = waits && !is_begun && !body.is_end();
        if is_begun || !waits {
            drain(body);
        }
    }
    // Nobody is told to send nothing.
    trail.is_never_continued |= waits && is_empty;
    answered
}

/// The order of the checks: what was asked, who asks, may they, has this kind of bucket got it, is the shape right,
/// then the operation itself. The body is taken only by the operation, so a client that waits for `100 Continue` has sent
/// nothing before that.
async fn route(app: &Arc<App>, head: &Head, body: &mut RequestBody, peer: Peer, trail: &mut Trail) -> Result<Reply> {
    // Before anything changes or refuses: pages may read refusals too. Boxed: few requests come from one.
    if head.headers.contains_key(ORIGIN) {
        trail.cross_origin = Box::pin(ops::cross_origin(app, head)).await?;
    }
    let op = ops::find(head)?;
    if op.body == BodyRule::Call {
        // Boxed: few requests are one.
        return Box::pin(route_call(app, head, body, peer, trail)).await;
    }
    trail.operation = op.name;
    if op.body == BodyRule::Form {
        // Boxed: few requests are one.
        return Box::pin(route_form(app, op, head, body, peer, trail)).await;
    }
    let sender = if op.action.is_unsigned() { Sender::nobody() } else { authenticate(app, head, trail.now).await? };
    let Sender { caller, seed, signed_at } = sender;
    let asked = Asked { caller, seed, signed_at, ..Asked::of(head, peer, trail) };
    perform(app, op, asked, body).await.map_err(|error| named(error, head))
}

/// The same order for a form, which is signed in its fields: they are read before it is known who asks, and nothing of
/// its file is.
async fn route_form(
    app: &Arc<App>,
    op: &'static Op,
    head: &Head,
    body: &mut RequestBody,
    peer: Peer,
    trail: &mut Trail,
) -> Result<Reply> {
    ops::check_shape(op, head)?;
    if let Claim::Signed(_) = auth::claim(head)? {
        return Err(Code::InvalidArgument.because("A form is signed in its fields, and nowhere else."));
    }
    trail.is_body_begun = true;
    let fields = Fields::read(&head.headers, body).await?;
    trail.dialect = fields.dialect(head.dialect);
    let (caller, bytes) = authenticate_form(app, head, &fields, trail).await?;
    let RequestBody::Form(file) = &mut *body else { return Err(Error::internal("a form without its file")) };
    file.limit(bytes);
    let request = fields.request(head)?;
    let asked = Asked { caller, form: Some(&fields), ..Asked::of(&request, peer, trail) };
    perform(app, op, asked, body).await.map_err(|error| named(error, &request))
}

/// The same order for a call of the token service: its form says what is asked, and is signed, so it is read first.
async fn route_call(
    app: &Arc<App>,
    head: &Head,
    body: &mut RequestBody,
    peer: Peer,
    trail: &mut Trail,
) -> Result<Reply> {
    trail.refusal = Refusal::OfCall;
    trail.is_body_begun = true;
    let bytes = std::mem::replace(body, RequestBody::empty()).collect(limits::CALL_BYTES_MAX).await?;
    let call = TokenCall::parse(head, &bytes)?;
    let op = ops::find_call(&call)?;
    trail.operation = op.name;
    let caller = authenticate_call(app, head, &bytes, trail.now).await?;
    perform(app, op, Asked { caller, call: Some(&call), ..Asked::of(head, peer, trail) }, body).await
}

/// A request whose sender is known.
struct Asked<'h> {
    head: &'h Head,
    form: Option<&'h Fields>,
    call: Option<&'h TokenCall>,
    caller: Caller,
    /// What the chunks of the body are signed with, if they are.
    seed: Option<Box<Seed>>,
    /// When it was signed, where the signature says so.
    signed_at: Option<UnixMillis>,
    peer: Peer,
    request_id: RequestId,
    now: UnixMillis,
}

impl<'h> Asked<'h> {
    /// An ordinary request of nobody's.
    fn of(head: &'h Head, peer: Peer, trail: &Trail) -> Self {
        let Sender { caller, seed, signed_at } = Sender::nobody();
        let (request_id, now) = (trail.request_id, trail.now);
        Self { head, form: None, call: None, caller, seed, signed_at, peer, request_id, now }
    }
}

/// Who sent a request.
struct Sender {
    caller: Caller,
    /// What the chunks of the body are signed with, if they are.
    seed: Option<Box<Seed>>,
    /// When it was signed, where the signature says so.
    signed_at: Option<UnixMillis>,
}

impl Sender {
    fn nobody() -> Self {
        Self { caller: Caller::Anonymous, seed: None, signed_at: None }
    }
}

async fn perform(app: &Arc<App>, op: &'static Op, asked: Asked<'_>, body: &mut RequestBody) -> Result<Reply> {
    let Asked { head, form, call: token_call, caller, seed, signed_at, peer, request_id, now } = asked;
    let context = Context::new(head, peer, now).with_form(form).signed_at_moment(signed_at);
    let (bucket, permit) = access::admit(&app.store, &app.policies, &caller, op.action, context).await?;
    if let Some(bucket) = &bucket {
        ops::check_bucket_kind(op, head, bucket)?;
    }
    if form.is_none() {
        ops::check_shape(op, head)?;
        unframe(op, head, seed, body)?;
    } else if Plan::of(head)?.is_some() {
        // Its shape was seen to before it was read.
        return Err(Code::InvalidArgument.because("The file of a form has no framing of its own."));
    }
    let mut call = Call { head, caller, bucket, permit, body, context, form, token_call, request_id, now };
    let answered = (op.run)(app, &mut call).await;
    let mut answered = call.permit.settle(answered);
    if let (true, Ok(reply)) = (call.permit.is_charged(), &mut answered) {
        reply.headers.insert(head.dialect.request_charged_header(), HeaderValue::from_static("requester"));
    }
    if call.permit.is_bucket_owner() { answered } else { answered.map_err(Error::for_stranger) }
}

/// Names what is not there, in the elements that S3's error documents have for it, unless the place of refusal has.
fn named(error: Error, head: &Head) -> Error {
    let (bucket, key) = (&head.target.bucket, &head.target.key);
    let missing = match (head.dialect, error.code()) {
        (Dialect::S3, Code::NoSuchBucket) => ("BucketName", bucket.as_ref().map(BucketName::as_str)),
        (Dialect::S3, Code::NoSuchKey) => ("Key", key.as_ref().map(ObjectKey::as_str)),
        _ => return error,
    };
    match missing {
        (element, Some(name)) if error.details().all(|(known, _)| *known != element) => error.detail(element, name),
        _ => error,
    }
}

/// Puts what takes off the framing that the head announces between the body and whoever reads it.
fn unframe(op: &Op, head: &Head, seed: Option<Box<Seed>>, body: &mut RequestBody) -> Result<()> {
    if matches!(op.body, BodyRule::Empty | BodyRule::Copied | BodyRule::Call) {
        // There is no body, or it was read; what is said of it has to make sense all the same.
        return Framing::of(head).map(|_| ());
    }
    let Some(plan) = Plan::of(head)? else { return Ok(()) };
    let chain = seed.map(|seed| Chain::new(&seed.signing_key, &seed.date, &seed.scope, &seed.signature));
    let decoder = Decoder::new(plan, chain)?;
    let framed = std::mem::replace(body, RequestBody::empty());
    *body = RequestBody::AwsChunked(Box::new(ChunkedBody::new(framed, decoder)));
    Ok(())
}

/// Who asks, and how it is signed.
async fn authenticate(app: &App, head: &Head, now: UnixMillis) -> Result<Sender> {
    let Claim::Signed(signed) = auth::claim(head)? else { return Ok(Sender::nobody()) };
    check_signed(app, head, &signed, now).await
}

async fn check_signed(app: &App, head: &Head, signed: &Signed, now: UnixMillis) -> Result<Sender> {
    if app.config.signature_region == SignatureRegion::Own {
        signed.check_region(&app.config.region)?;
    }
    let credential = find_credential(app, &signed.access_key).await?;
    signed.check(head, &credential.secret_key, now)?;
    let caller = identify(&credential, head.own("security-token"), head.dialect, now)?;
    let is_framed = matches!(Framing::of(head)?, Framing::Signed { .. });
    let seed = if is_framed { signed.seed(&credential.secret_key).map(Box::new) } else { None };
    let signed_at = match signed.moment() {
        Moment::Sent(sent) | Moment::Window { sent, .. } => Some(sent),
        Moment::Expires(_) => None,
    };
    Ok(Sender { caller, seed, signed_at })
}

/// Who sent a form, and how many bytes its policy lets its file have.
async fn authenticate_form(
    app: &App,
    head: &Head,
    fields: &Fields,
    trail: &Trail,
) -> Result<(Caller, RangeInclusive<u64>)> {
    let Some(signed) = auth::form::claim(fields)? else { return Ok((Caller::Anonymous, 0..=u64::MAX)) };
    if app.config.signature_region == SignatureRegion::Own {
        signed.check_region(&app.config.region)?;
    }
    let credential = find_credential(app, &signed.access_key).await?;
    signed.check(&credential.secret_key)?;
    let token = [trail.dialect.header_prefix(), "security-token"].concat();
    let caller = identify(&credential, fields.get(&token), trail.dialect, trail.now)?;
    let bucket = head.target.bucket.as_ref().ok_or(Code::InvalidRequest)?;
    let bytes = FormPolicy::parse(&signed.policy)?.check(fields, bucket, trail.now)?;
    Ok((caller, bytes))
}

/// Who makes a call. Nobody may, and the signature has to cover the body: clients of the token service need not send the
/// digest that they have signed.
async fn authenticate_call(app: &App, head: &Head, body: &[u8], now: UnixMillis) -> Result<Caller> {
    let Claim::Signed(signed) = auth::claim(head)? else { return Err(Code::MissingAuthenticationToken.into()) };
    if !signed.covers_body() {
        return Err(Code::IncompleteSignature.because("Calls of the token service are signed with AWS4-HMAC-SHA256."));
    }
    let digest = hex(&digest::sha256(body));
    if head.header(CONTENT_SHA256).is_some_and(|sent| sent != digest) {
        return Err(Code::WrongSha256.into());
    }
    let mut head = head.clone();
    // Digits are a legal header value.
    let value = HeaderValue::try_from(digest).map_err(Error::internal)?;
    head.headers.insert(CONTENT_SHA256, value);
    Ok(check_signed(app, &head, &signed, now).await?.caller)
}

async fn find_credential(app: &App, access_key: &str) -> Result<Arc<Credential>> {
    let credential = app.store.credential(access_key).await?;
    credential.ok_or_else(|| Code::InvalidAccessKeyId.into())
}

/// Who holds the secret of `credential`, if that still opens anything.
fn identify(credential: &Credential, token: Option<&str>, dialect: Dialect, now: UnixMillis) -> Result<Caller> {
    temporary::check_token(credential, token, dialect, now)?;
    Ok(Caller::Account { account: Arc::clone(&credential.account), narrowing: credential.narrowing.clone() })
}

fn refuse(trail: &mut Trail, error: &Error) -> Reply {
    trail.code = error.code().name();
    let request_id = trail.request_id.as_str();
    if error.code().status().is_server_error() && error.code() != Code::ServiceNotImplemented {
        tracing::error!(request_id, operation = trail.operation, ?error, "request failed");
    } else {
        tracing::debug!(request_id, operation = trail.operation, ?error, "request refused");
    }
    if trail.refusal == Refusal::OfCall {
        return render::call_error_reply(error, &trail.request_id);
    }
    let is_head = trail.refusal == Refusal::Headers;
    render::error_reply(error, trail.dialect, &trail.request_id, &trail.resource, is_head)
}

fn expects_continue(head: &Head) -> bool {
    head.header(hyper::header::EXPECT).is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
}

/// Reads on what a refused client is still sending, within bounds: many clients read the answer only when they are
/// done, and a connection closed under them hides it.
fn drain(body: RequestBody) {
    let mut body = body.into_unframed();
    if body.is_end() {
        return;
    }
    tokio::spawn(async move {
        let reading = async {
            let mut left = limits::REFUSED_BODY_DRAIN_BYTES_MAX;
            while let Ok(Some(piece)) = body.next().await {
                left = left.saturating_sub(piece.len() as u64);
                if left == 0 {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(limits::REFUSED_BODY_DRAIN_TIMEOUT, reading).await;
    });
}

/// Headers that [`finish`] adds to every answer.
const COMMON_HEADER_COUNT: usize = 6;

/// Adds what every response carries, in the order of the documented samples.
fn finish(app: &App, trail: &Trail, reply: Reply, version: Version) -> Response<ReplyBody> {
    let Reply { status, headers: own, body } = reply;
    let mut headers = HeaderMap::with_capacity(COMMON_HEADER_COUNT + own.len());
    headers.insert(SERVER, HeaderValue::from_static("OBS"));
    headers.insert(trail.dialect.request_id_header(), HeaderValue::from(&trail.request_id));
    headers.insert(trail.dialect.id_2_header(), HeaderValue::from(&trail.request_id.id_2()));
    let mut content_length = None;
    let mut rest = Vec::new();
    let mut name = None;
    for (next, value) in own {
        name = next.or(name);
        match &name {
            Some(CONTENT_TYPE) => {
                headers.insert(CONTENT_TYPE, value);
            }
            Some(CONTENT_LENGTH) => content_length = Some(value),
            Some(name) => rest.push((name.clone(), value)),
            None => {}
        }
    }
    headers.insert(DATE, date(trail.now));
    // A 204 and a 304 have no length of their own (RFC 9110, 8.6).
    if !matches!(status.as_u16(), 204 | 304) {
        headers.insert(CONTENT_LENGTH, content_length.unwrap_or_else(|| length_value(body.length())));
    }
    // A body that was not asked for is not waited for (RFC 9110, 10.1.1). And botocore before 1.44, also the one in the AWS
    // command line, takes its next answer on such a connection for a body without a length, and waits for its end.
    if trail.is_never_continued && version == Version::HTTP_11 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let letter_case = app.letter_case.pick(rest.iter().map(|(name, _)| name));
    for (name, value) in rest {
        headers.append(name, value);
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if version <= Version::HTTP_11 {
        *response.extensions_mut() = letter_case.clone();
    }
    response
}

/// A length in digits; `HeaderValue::from` of a number allocates twice.
fn length_value(length: u64) -> HeaderValue {
    // Digits are a legal header value.
    HeaderValue::try_from(length.to_string()).unwrap_or_else(|_| HeaderValue::from(length))
}

/// The `Date` header, formatted once a second and thread.
fn date(now: UnixMillis) -> HeaderValue {
    thread_local! {
        static LAST: std::cell::RefCell<Option<(u64, HeaderValue)>> = const { std::cell::RefCell::new(None) };
    }
    let second = now / 1000;
    LAST.with_borrow_mut(|last| match last {
        Some((at, value)) if *at == second => value.clone(),
        _ => {
            // A formatted date is always a legal header value.
            let value = HeaderValue::try_from(http_date(now)).unwrap_or(HeaderValue::from_static(""));
            *last = Some((second, value.clone()));
            value
        }
    })
}
