//! Calls of the token service, which speaks AWS's query protocol: an action and its parameters, in a form body or in the
//! address of a `GET`. What the actions mean is the operations' business, how errors look `render`'s.

use hyper::Method;
use hyper::header::CONTENT_TYPE;

use crate::error::{Code, Result};
use crate::limits;
use crate::wire::query::Query;
use crate::wire::request_id::RequestId;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

/// The namespace of every answer.
pub const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The one version of the protocol there is.
const VERSION: &str = "2011-06-15";
/// The type of a form that is no multipart one.
const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Whether a request of the service is a call: a form sent to it, or an address with an action.
#[must_use]
pub fn is_call(head: &Head) -> bool {
    if head.target.bucket.is_some() {
        return false;
    }
    match head.method {
        Method::POST => head.header(CONTENT_TYPE).is_some_and(is_form_type),
        Method::GET => head.query.iter().any(|(name, _)| name == "Action"),
        _ => false,
    }
}

fn is_form_type(value: &str) -> bool {
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM_TYPE)
}

/// A call taken apart.
#[derive(Clone, Debug)]
pub struct TokenCall {
    parameters: Query,
}

impl TokenCall {
    /// Reads the call `head` with its whole body.
    ///
    /// Errors are 400: `MissingAction`; `InvalidAction` for another version, or none; `InvalidURI` for text that is not
    /// encoded as it should be; `InvalidArgument` for a parameter that is there twice, or with too many others.
    pub fn parse(head: &Head, body: &[u8]) -> Result<Self> {
        let is_post = head.method == Method::POST;
        let text = str::from_utf8(body).map_err(|_| Code::InvalidUri)?;
        let text = if is_post { text } else { head.uri.query().unwrap_or_default() };
        if text.len() > limits::CALL_BYTES_MAX {
            return Err(Code::EntityTooLarge.into());
        }
        let parameters = Query::parse(Some(text))?;
        if text.split('&').filter(|part| !part.is_empty()).count() != parameters.iter().count() {
            return Err(Code::InvalidArgument.because("A parameter is there twice."));
        }
        let call = Self { parameters };
        let action = call.get("Action").ok_or(Code::MissingAction)?;
        match call.get("Version") {
            Some(VERSION) => Ok(call),
            version => {
                let version = version.unwrap_or("NO_VERSION_SPECIFIED");
                Err(Code::InvalidAction.because(format!("Could not find operation {action} for version {version}.")))
            }
        }
    }

    /// The action's name; never missing.
    #[must_use]
    pub fn action(&self) -> &str {
        self.get("Action").unwrap_or_default()
    }

    /// The value of a parameter; names are compared exactly. An empty one is as good as none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Whether a parameter was sent without a value.
    #[must_use]
    pub fn is_empty(&self, name: &str) -> bool {
        self.parameters.iter().any(|(own, value)| own == name && value.is_none_or(str::is_empty))
    }

    /// Every parameter that has a value, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let parameters = self.parameters.iter().map(|(name, value)| (name, value.unwrap_or_default()));
        parameters.filter(|(_, value)| !value.is_empty())
    }
}

/// An answer: `response` with `result` in it, which `write` fills, and the id of the request.
pub fn reply(
    response: &'static str,
    result: &'static str,
    request_id: &RequestId,
    write: impl FnOnce(&mut Writer),
) -> Reply {
    let mut xml = Writer::document(response, Some(NAMESPACE), Layout::Compact);
    xml.open(result);
    write(&mut xml);
    xml.close().open("ResponseMetadata").element("RequestId", request_id.as_str()).close();
    Reply::xml(xml.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    fn head(method: &str, uri: &str, content_type: &str) -> Head {
        let request = hyper::Request::builder().method(method).uri(uri).header("host", "localhost");
        let (parts, ()) = request.header("content-type", content_type).body(()).unwrap().into_parts();
        Head::parse(parts, &Endpoints::new(vec!["obs.example.com".into()])).unwrap()
    }

    #[test]
    fn a_form_is_a_call_and_so_is_an_action_in_an_address() {
        let check = |method, uri, content_type, expected| {
            assert_eq!(is_call(&head(method, uri, content_type)), expected, "{method} {uri} {content_type}");
        };
        check("POST", "/", "application/x-www-form-urlencoded", true);
        check("POST", "/", "Application/X-WWW-Form-URLEncoded; charset=utf-8", true);
        check("POST", "/", "multipart/form-data; boundary=x", false);
        check("POST", "/?Action=AssumeRole", "text/plain", false);
        check("GET", "/?Action=AssumeRole", "text/plain", true);
        check("GET", "/?Action", "text/plain", true);
        check("GET", "/?action=AssumeRole", "text/plain", false);
        check("GET", "/", "application/x-www-form-urlencoded", false);
        check("POST", "/photos", FORM_TYPE, false);
        check("GET", "/photos?Action=AssumeRole", "text/plain", false);
        check("PUT", "/?Action=AssumeRole", "application/x-www-form-urlencoded", false);
    }

    #[test]
    fn a_call_has_an_action_and_the_one_version() {
        let post = head("POST", "/", FORM_TYPE);
        let check = |body: &[u8], expected: std::result::Result<&str, Code>| {
            let found = TokenCall::parse(&post, body).map(|call| call.action().to_owned());
            assert_eq!(found.map_err(|error| error.code()), expected.map(str::to_owned), "{body:?}");
        };
        check(b"Action=AssumeRole&Version=2011-06-15", Ok("AssumeRole"));
        check(b"&Version=2011%2d06-15&&Action=a+b&", Ok("a b"));
        check(b"", Err(Code::MissingAction));
        check(b"Version=2011-06-15", Err(Code::MissingAction));
        check(b"Action=&Version=2011-06-15", Err(Code::MissingAction));
        check(b"action=AssumeRole&Version=2011-06-15", Err(Code::MissingAction));
        check(b"Action=AssumeRole", Err(Code::InvalidAction));
        check(b"Action=CreateUser&Version=2010-05-08", Err(Code::InvalidAction));
        check(b"Action=A&Version=2011-06-15&Action=B", Err(Code::InvalidArgument));
        check(b"Action=A&Version=2011-06-15&Tags&Tags", Err(Code::InvalidArgument));
        check(b"Action=%zz&Version=2011-06-15", Err(Code::InvalidUri));
        check(b"Action=%ff&Version=2011-06-15", Err(Code::InvalidUri));
        check(b"Action=\xff&Version=2011-06-15", Err(Code::InvalidUri));
        check("a=1&".repeat(5000).as_bytes(), Err(Code::EntityTooLarge));
        let many: Vec<_> = (0..=limits::QUERY_PARAMETER_COUNT_MAX).map(|number| format!("p{number}=1")).collect();
        check(many.join("&").as_bytes(), Err(Code::InvalidArgument));
    }

    #[test]
    fn parameters_stand_in_the_body_of_a_post_and_in_the_address_of_a_get() {
        let body = b"Action=AssumeRole&Version=2011-06-15&Policy=%7B%7D&Tags=&ExternalId";
        let call = TokenCall::parse(&head("POST", "/?DurationSeconds=900", FORM_TYPE), body).unwrap();
        assert_eq!((call.get("Policy"), call.get("policy"), call.get("DurationSeconds")), (Some("{}"), None, None));
        assert_eq!(call.iter().count(), 3, "empty ones are none");
        assert_eq!(
            ["Tags", "ExternalId", "Policy", "None"].map(|name| call.is_empty(name)),
            [true, true, false, false]
        );
        let get = head("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "");
        assert_eq!(TokenCall::parse(&get, b"").unwrap().action(), "GetCallerIdentity");
    }
}
