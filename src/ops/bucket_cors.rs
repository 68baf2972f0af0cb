//! `?cors`: which pages of other origins may let a browser at a bucket (OBS reference, "Configuring", "Obtaining" and
//! "Deleting the CORS Configuration of a Bucket"). What follows from it for requests is in `preflight.rs`.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::bucket_setting::delete_setting;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::cors::{self, Cors, Rule};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::Setting;
use crate::wire::Reply;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketCors",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("cors")],
    action: Action::GetBucketCors,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0075",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketCors",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("cors")],
    action: Action::PutBucketCors,
    body: BodyRule::DigestedDocument,
    growth: &[],
    parameters: &[],
    document: "obs_04_0074",
    run: |app, call| Box::pin(put(app, call)),
};

pub(super) static DELETE: Op = Op {
    name: "DeleteBucketCors",
    verb: Method::DELETE,
    scope: Scope::Bucket,
    picks: &[Pick::Query("cors")],
    action: Action::PutBucketCors,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0076",
    run: |app, call| Box::pin(delete_setting(app, call, Setting::Cors)),
};

const ROOT: &str = "CORSConfiguration";

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let cors = app
        .store
        .read(|tx| {
            let bucket = call.bucket_in(tx)?;
            Ok::<_, Error>(tx.cors(&bucket)?)
        })
        .await?;
    let cors = cors.ok_or_else(|| Code::NoSuchCorsConfiguration.on(call.head.target.resource()))?;
    let mut xml = Writer::document(ROOT, Some(app.namespace(call.head.dialect)), Layout::Compact);
    for rule in &cors.rules {
        write_rule(rule, &mut xml);
    }
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document_up_to(limits::CORS_DOCUMENT_BYTES_MAX, &[ROOT], Code::MalformedXml).await?;
    let cors = parse(&document.ok_or(Code::MissingRequestBody)?)?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            Ok::<_, Error>(tx.put_cors(&mut bucket, &cors)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}

/// A document without its elements is 400 `MalformedXML`; one that says what no rule can, 400 `InvalidArgument`.
fn parse(document: &Element) -> Result<Cors> {
    check_children(document, &["CORSRule"])?;
    let rules = document.children_named("CORSRule").map(parse_rule).collect::<Result<Vec<_>>>()?;
    match rules.len() {
        0 => Err(Code::MalformedXml.into()),
        1..=limits::CORS_RULE_COUNT_MAX => Ok(Cors { rules }),
        _ => Err(Code::InvalidArgument.because(format!("There can be {} rules at most.", limits::CORS_RULE_COUNT_MAX))),
    }
}

/// Refuses what no rule has: passed over, it would leave a rule that says something else.
fn check_children(parent: &Element, known: &[&str]) -> Result<()> {
    match parent.children.iter().find(|child| !known.contains(&child.name.as_str())) {
        Some(unknown) => Err(Code::MalformedXml.because(format!("{} has no {}.", parent.name, unknown.name))),
        None => Ok(()),
    }
}

fn parse_rule(element: &Element) -> Result<Rule> {
    check_children(
        element,
        &["ID", "AllowedMethod", "AllowedOrigin", "AllowedHeader", "MaxAgeSeconds", "ExposeHeader"],
    )?;
    let rule = Rule {
        id: only_text(element, "ID")?,
        methods: texts(element, "AllowedMethod")?.iter().map(|name| parse_method(name)).collect::<Result<_>>()?,
        origins: texts(element, "AllowedOrigin")?,
        headers: texts(element, "AllowedHeader")?,
        max_age_seconds: only_text(element, "MaxAgeSeconds")?.as_deref().map(parse_seconds).transpose()?,
        exposed: texts(element, "ExposeHeader")?,
    };
    let refuse = |why: String| Err(Code::InvalidArgument.because(why));
    if rule.methods.is_empty() || rule.origins.is_empty() {
        return Err(Code::MalformedXml.because("A rule has an AllowedMethod and an AllowedOrigin."));
    }
    if rule.id.as_ref().is_some_and(|id| id.chars().count() > limits::CORS_ID_CHARACTERS_MAX) {
        return refuse(format!("The ID of a rule has {} characters at most.", limits::CORS_ID_CHARACTERS_MAX));
    }
    let is_long = |origin: &&String| origin.chars().count() > limits::CORS_ORIGIN_CHARACTERS_MAX;
    if rule.origins.iter().find(is_long).is_some() {
        return refuse(format!("An AllowedOrigin has {} characters at most.", limits::CORS_ORIGIN_CHARACTERS_MAX));
    }
    let star_count = |text: &str| text.bytes().filter(|byte| *byte == b'*').count();
    if let Some(text) = rule.origins.iter().chain(&rule.headers).find(|text| star_count(text) > 1) {
        return refuse(format!("{text} has more than one *."));
    }
    if let Some(name) = rule.headers.iter().find(|name| !is_header_name(name)) {
        return refuse(format!("The AllowedHeader {name} is not valid."));
    }
    if let Some(name) = rule.exposed.iter().find(|name| !is_header_name(name) || name.contains('*')) {
        return refuse(format!("The ExposeHeader {name} is not valid."));
    }
    Ok(rule)
}

fn parse_method(name: &str) -> Result<cors::Method> {
    cors::Method::parse(name)
        .ok_or_else(|| Code::InvalidArgument.because(format!("{name} cannot be an AllowedMethod.")))
}

/// 0 to 2^31 − 1.
fn parse_seconds(text: &str) -> Result<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| is_number && *seconds <= i32::MAX.unsigned_abs());
    seconds.ok_or_else(|| Code::InvalidArgument.because("MaxAgeSeconds is a number from 0 to 2147483647."))
}

/// Visible ASCII without the characters that the reference forbids; it goes into answers as it is.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"&:<".contains(&byte))
}

/// The texts of the children called `name`, without blanks around them.
fn texts(element: &Element, name: &str) -> Result<Vec<String>> {
    let text = |child: &Element| {
        if child.children.is_empty() { Ok(child.text_trimmed().to_owned()) } else { Err(Code::MalformedXml.into()) }
    };
    element.children_named(name).map(text).collect()
}

/// The text of the child called `name`, of which there is one at most.
fn only_text(element: &Element, name: &str) -> Result<Option<String>> {
    let mut texts = texts(element, name)?;
    let text = texts.pop();
    if texts.is_empty() { Ok(text) } else { Err(Code::MalformedXml.into()) }
}

fn write_rule(rule: &Rule, xml: &mut Writer) {
    xml.open("CORSRule");
    if let Some(id) = &rule.id {
        xml.element("ID", id);
    }
    for method in &rule.methods {
        xml.element("AllowedMethod", method.name());
    }
    for origin in &rule.origins {
        xml.element("AllowedOrigin", origin);
    }
    for header in &rule.headers {
        xml.element("AllowedHeader", header);
    }
    if let Some(seconds) = rule.max_age_seconds {
        xml.number("MaxAgeSeconds", u64::from(seconds));
    }
    for header in &rule.exposed {
        xml.element("ExposeHeader", header);
    }
    xml.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>";

    fn parsed(rules: &str) -> std::result::Result<Cors, Code> {
        let document = format!("<CORSConfiguration>{rules}</CORSConfiguration>");
        let document = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
        parse(&document).map_err(|error| error.code())
    }

    /// One rule with the least there must be and `content`.
    fn check(content: &str, expected: Option<Code>) {
        assert_eq!(parsed(&format!("<CORSRule>{LEAST}{content}</CORSRule>")).err(), expected, "{content}");
    }

    #[test]
    fn what_is_read_is_what_is_written() {
        let rules = concat!(
            "<CORSRule><ID>one &amp; only</ID><AllowedMethod>GET</AllowedMethod><AllowedMethod>DELETE</AllowedMethod>",
            "<AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedOrigin></AllowedOrigin>",
            "<AllowedHeader>*</AllowedHeader><MaxAgeSeconds>0</MaxAgeSeconds><ExposeHeader>ETag</ExposeHeader></CORSRule>",
            "<CORSRule><AllowedMethod>HEAD</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"
        );
        let cors = parsed(rules).unwrap();
        let mut xml = Writer::document(ROOT, None, Layout::Compact);
        cors.rules.iter().for_each(|rule| write_rule(rule, &mut xml));
        let written = String::from_utf8(xml.finish().to_vec()).unwrap();
        assert!(written.contains(rules), "{written}");
        assert_eq!(cors.rules[0].max_age_seconds, Some(0));
        assert_eq!(cors.rules[1].max_age_seconds, None);
    }

    #[test]
    fn a_rule_says_what_it_can() {
        let element = |name: &str, text: &str| format!("<{name}>{text}</{name}>");
        // Passed over, a misspelt AllowedHeader would leave another rule.
        check("<Future/>", Some(Code::MalformedXml));
        check(&element("ID", &"é".repeat(255)), None);
        check(&element("ID", &"é".repeat(256)), Some(Code::InvalidArgument));
        check("<ID>a</ID><ID>b</ID>", Some(Code::MalformedXml));
        check(&element("MaxAgeSeconds", "2147483647"), None);
        for bad in ["", "-1", "+1", "2147483648", "99999999999", "1.5", "x"] {
            check(&element("MaxAgeSeconds", bad), Some(Code::InvalidArgument));
        }
        check("<MaxAgeSeconds>1</MaxAgeSeconds><MaxAgeSeconds>1</MaxAgeSeconds>", Some(Code::MalformedXml));
        for bad in ["", "get", "OPTIONS", "PATCH", "*"] {
            check(&element("AllowedMethod", bad), Some(Code::InvalidArgument));
        }
        check(&element("AllowedOrigin", "https://a b"), None);
        check(&element("AllowedOrigin", "*.*"), Some(Code::InvalidArgument));
        check(&element("AllowedOrigin", "<a/>"), Some(Code::MalformedXml));
        check(&element("AllowedHeader", "x-amz-*"), None);
        for bad in ["", "*-*", "a b", "a:b", "a&amp;b", "a&lt;b", "ａ", "é"] {
            check(&element("AllowedHeader", bad), Some(Code::InvalidArgument));
        }
        for bad in ["", "*", "x-*", "a b", "a:b", "a&amp;b", "a&lt;b", "ａ"] {
            check(&element("ExposeHeader", bad), Some(Code::InvalidArgument));
        }
        let long = "o".repeat(limits::CORS_ORIGIN_CHARACTERS_MAX);
        check(&element("AllowedOrigin", &long), None);
        check(&element("AllowedOrigin", &(long + "o")), Some(Code::InvalidArgument));
    }

    #[test]
    fn there_are_rules_and_not_too_many() {
        let rule = format!("<CORSRule>{LEAST}</CORSRule>");
        assert_eq!(parsed(""), Err(Code::MalformedXml));
        assert_eq!(parsed("<CORSRule/>"), Err(Code::MalformedXml));
        assert_eq!(parsed("<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>"), Err(Code::MalformedXml));
        assert_eq!(parsed("<CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>"), Err(Code::MalformedXml));
        assert_eq!(parsed(&rule.repeat(limits::CORS_RULE_COUNT_MAX)).map(|cors| cors.rules.len()), Ok(100));
        assert_eq!(parsed(&rule.repeat(limits::CORS_RULE_COUNT_MAX + 1)), Err(Code::InvalidArgument));
    }
}
