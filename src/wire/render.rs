//! Errors to bytes: XML on the data listener, JSON on the admin API. The one place that does it.

use hyper::StatusCode;
use hyper::header::{self, HeaderName, HeaderValue};

use crate::error::{Code, Error};
use crate::wire::Reply;
use crate::wire::body::ReplyBody;
use crate::wire::dialect::Dialect;
use crate::wire::request_id::RequestId;
use crate::wire::token_call;
use crate::wire::xml::{Layout, Writer};

/// The answer to a refused request of the data listener: the error document, or on `HEAD` its code and message as
/// headers. `resource` is shown unless the error names a resource itself.
pub fn error_reply(error: &Error, dialect: Dialect, request_id: &RequestId, resource: &str, is_head: bool) -> Reply {
    let code_name = dialect.code_name(error.code());
    let mut reply = Reply::empty(dialect.status(error.code()));
    if is_head {
        let message =
            HeaderValue::from_str(dialect_message(error, dialect)).unwrap_or_else(|_| HeaderValue::from_static(""));
        reply = reply.with(dialect.error_code_header(), HeaderValue::from_static(code_name));
        reply = reply.with(dialect.error_message_header(), message);
    } else {
        let mut writer = Writer::document("Error", None, Layout::Compact);
        writer.element("Code", code_name).element("Message", dialect_message(error, dialect));
        writer.element("Resource", error.resource().unwrap_or(resource));
        writer.element("RequestId", request_id.as_str()).element("HostId", request_id.id_2().as_str());
        if !is_own_fault(error) {
            for (name, value) in error.details() {
                writer.element(name, value);
            }
        }
        reply.body = ReplyBody::Full(writer.finish());
        reply = reply.with(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    }
    with_headers(error, reply)
}

/// The answer to a refused call of the token service, in the words of AWS's query protocol.
pub fn call_error_reply(error: &Error, request_id: &RequestId) -> Reply {
    let (code_name, status) = call_code(error.code());
    let mut writer = Writer::document("ErrorResponse", Some(token_call::NAMESPACE), Layout::Compact);
    writer.open("Error").element("Type", if status.is_server_error() { "Receiver" } else { "Sender" });
    writer.element("Code", code_name).element("Message", shown_message(error));
    if !is_own_fault(error) {
        for (name, value) in error.details() {
            writer.element(name, value);
        }
    }
    writer.close().element("RequestId", request_id.as_str());
    let mut reply = Reply::xml(writer.finish());
    reply.status = status;
    with_headers(error, reply)
}

/// What the token service calls `code`, and its status there. Clients of AWS branch on these names.
fn call_code(code: Code) -> (&'static str, StatusCode) {
    let name = match code {
        Code::InvalidAccessKeyId | Code::InvalidSecurity => "InvalidClientTokenId",
        Code::InvalidArgument => "ValidationError",
        Code::AuthorizationHeaderMalformed | Code::AuthorizationQueryParametersError => "IncompleteSignature",
        Code::InvalidUri => "MalformedQueryString",
        Code::MalformedPolicy => "MalformedPolicyDocument",
        Code::InternalError => "InternalFailure",
        _ => Dialect::S3.code_name(code),
    };
    (name, code.status())
}

/// The answer to a refused request of the admin API: `code`, `message` and `request_id`.
pub fn error_json(error: &Error, request_id: &RequestId) -> Reply {
    let document = serde_json::json!({
        "code": error.code().name(),
        "message": shown_message(error),
        "request_id": request_id.as_str(),
    });
    let mut reply = Reply::empty(error.code().status());
    reply.body = ReplyBody::Full(document.to_string().into());
    with_headers(error, reply.with(header::CONTENT_TYPE, HeaderValue::from_static("application/json")))
}

/// Whether the status says the fault is ours: then nothing but the table's sentence goes out. 501 is a fact about
/// the request and may have words of its own.
fn is_own_fault(error: &Error) -> bool {
    let status = error.code().status();
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
}

fn shown_message(error: &Error) -> &str {
    if is_own_fault(error) { error.code().message() } else { error.message() }
}

/// The OBS reference has its own sentence where S3 has none, and so the owner's can be told.
fn dialect_message(error: &Error, dialect: Dialect) -> &str {
    let told = error.message_for_owner().filter(|_| dialect == Dialect::S3);
    told.unwrap_or_else(|| shown_message(error))
}

fn with_headers(error: &Error, mut reply: Reply) -> Reply {
    for (name, value) in error.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            reply.headers.insert(HeaderName::from_static(name), value);
        }
    }
    reply
}

/// The error reference as Markdown; `docs/errors.md` is this text.
pub fn reference() -> String {
    let mut page = String::from(REFERENCE_HEAD);
    for &code in Code::ALL {
        let name = |dialect: Dialect| format!("{} `{}`", dialect.status(code).as_u16(), dialect.code_name(code));
        let (obs, v2, s3) = (name(Dialect::Obs), name(Dialect::AwsV2), name(Dialect::S3));
        // Most codes look the same to everybody.
        let cell = |other: String| if other == obs { String::new() } else { other };
        let (v2, s3) = (cell(v2), cell(s3));
        page.push_str(&["| ", &obs, " | ", &v2, " | ", &s3, " | ", code.message(), " |\n"].concat());
    }
    page
}

const REFERENCE_HEAD: &str = "\
# Error codes

Printed from the table in the code; a test keeps this page the same.

On the data listener an error is an XML document `<Error>` with `Code`, `Message`, `Resource`, `RequestId` and `HostId`,
and on some refusals more elements after these: `StringToSign` shows what a signature should have covered, `Limit` which
limit was hit. On `HEAD`, which has no body, code and message are the headers `x-obs-error-code` and
`x-obs-error-message`. The admin API answers with JSON: `code`, `message`, `request_id`. The codes about accounts and
access keys, and `NoSuchResource`, are its alone.

The message is what a client gets unless the place of refusal has a better one. A 5xx never says more than this table,
but for 501, which says what is not implemented; the cause is in the log, under the request id.

The token service answers with AWS's `<ErrorResponse>`, and calls some codes otherwise: `InvalidAccessKeyId` and
`InvalidSecurity` are its `InvalidClientTokenId`, `InvalidArgument` is `ValidationError`, `InvalidURI` is
`MalformedQueryString`, `MalformedPolicy` is `MalformedPolicyDocument`, `InternalError` is `InternalFailure`, and a signature
that is not one is `IncompleteSignature`.

The second and third column stand where clients that sign with AWS V2, or speak S3 otherwise, see something else.

| OBS | AWS V2 | S3 | message |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::wire::request_id::RequestIds;

    fn body(reply: &Reply) -> &str {
        match &reply.body {
            ReplyBody::Full(bytes) => str::from_utf8(bytes).unwrap(),
            _ => "",
        }
    }

    #[test]
    fn an_error_document_has_the_documented_order() {
        let id = RequestIds::new(1).mint(2);
        let error = Code::NoSuchKey.on("/b/k<").detail("Key", "k<");
        let reply = error_reply(&error, Dialect::Obs, &id, "/other", false);
        let expected = format!(
            concat!(
                r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Error><Code>NoSuchKey</Code>"#,
                "<Message>The resource you requested does not exist</Message><Resource>/b/k&lt;</Resource>",
                "<RequestId>{}</RequestId><HostId>{}</HostId><Key>k&lt;</Key></Error>"
            ),
            id,
            id.id_2()
        );
        assert_eq!(body(&reply), expected);
        assert_eq!((reply.status.as_u16(), &reply.headers["content-type"]), (404, &"application/xml".parse().unwrap()));
    }

    #[test]
    fn dialects_and_headers_show() {
        let id = RequestIds::new(1).mint(2);
        let full = Error::from(Code::InsufficientStorageSpace);
        assert!(body(&error_reply(&full, Dialect::S3, &id, "/b", false)).contains("<Code>QuotaExceeded</Code>"));
        assert!(body(&error_reply(&full, Dialect::AwsV2, &id, "/b", false)).contains("<Resource>/b</Resource>"));
        let range = Error::from(Code::InvalidRange).header("content-range", "bytes */3");
        assert_eq!(error_reply(&range, Dialect::Obs, &id, "/", false).headers["content-range"], "bytes */3");
        let timeout = Error::from(Code::RequestTimeout);
        assert_eq!(error_reply(&timeout, Dialect::S3, &id, "/", false).status, 400);
    }

    #[test]
    fn a_head_has_headers_only() {
        let id = RequestIds::new(1).mint(2);
        let reply = error_reply(&Error::from(Code::NoSuchBucket), Dialect::AwsV2, &id, "/", true);
        assert_eq!(body(&reply), "");
        assert_eq!(reply.headers["x-amz-error-code"], "NoSuchBucket");
        assert_eq!(reply.headers["x-amz-error-message"], "The specified bucket does not exist");
    }

    #[test]
    fn the_token_service_speaks_the_query_protocol() {
        let id = RequestIds::new(1).mint(2);
        let check = |error: Error, status: u16, expected: &str| {
            let reply = call_error_reply(&error, &id);
            let document = format!(
                concat!(
                    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
                    r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>{}</Error>"#,
                    "<RequestId>{}</RequestId></ErrorResponse>"
                ),
                expected, id
            );
            assert_eq!((reply.status.as_u16(), body(&reply)), (status, document.as_str()));
        };
        check(
            Code::InvalidArgument.because("No <x>."),
            400,
            "<Type>Sender</Type><Code>ValidationError</Code><Message>No &lt;x&gt;.</Message>",
        );
        check(
            Code::InvalidAccessKeyId.because("No.").detail("AccessKeyId", "AK"),
            403,
            "<Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>No.</Message><AccessKeyId>AK</AccessKeyId>",
        );
        check(
            Code::ExpiredToken.because("Late."),
            403,
            "<Type>Sender</Type><Code>ExpiredToken</Code><Message>Late.</Message>",
        );
        check(
            Code::ServiceNotImplemented.because("No SAML."),
            501,
            "<Type>Receiver</Type><Code>NotImplemented</Code><Message>No SAML.</Message>",
        );
        check(
            Error::internal("disk sda1").detail("Path", "/var/secret"),
            500,
            "<Type>Receiver</Type><Code>InternalFailure</Code>\
             <Message>We encountered an internal error. Please try again.</Message>",
        );
    }

    #[test]
    fn a_fault_of_ours_stays_ours() {
        let id = RequestIds::new(1).mint(2);
        let error = Code::InternalError.because("disk sda1").detail("Path", "/var/secret");
        let shown = [error_reply(&error, Dialect::Obs, &id, "/", false), error_json(&error, &id)];
        assert!(shown.iter().all(|reply| !body(reply).contains("sda1") && !body(reply).contains("secret")));
        let missing = Code::ServiceNotImplemented.because("No V4 yet.");
        assert!(body(&error_json(&missing, &id)).contains("No V4 yet."));
    }

    #[test]
    fn the_admin_api_speaks_json() {
        let id = RequestIds::new(1).mint(2);
        let reply = error_json(&Code::NoSuchAccount.because("No \"x\"."), &id);
        let expected = serde_json::json!({"code": "NoSuchAccount", "message": "No \"x\".", "request_id": id.as_str()});
        assert_eq!(serde_json::from_str::<serde_json::Value>(body(&reply)).unwrap(), expected);
        assert_eq!(reply.headers["content-type"], "application/json");
    }
}
