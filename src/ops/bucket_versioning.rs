//! `?versioning`: whether a bucket keeps old versions (OBS reference, "Configuring" and "Obtaining Bucket Versioning
//! Status"). Once on, it can only be suspended.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::meta::Versioning;
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketVersioning",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("versioning")],
    action: Action::GetBucketVersioning,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0038",
    run: |app, call| Box::pin(get(app, call)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketVersioning",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("versioning")],
    action: Action::PutBucketVersioning,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "obs_04_0037",
    run: |app, call| Box::pin(put(app, call)),
};

const ROOT: &str = "VersioningConfiguration";

#[expect(clippy::unused_async, reason = "the shape of every handler")]
async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let mut xml = Writer::document(ROOT, Some(app.namespace(call.head.dialect)), Layout::Compact);
    match call.bucket()?.versioning {
        // One that was never set has no status.
        Versioning::Off => {}
        Versioning::Enabled => drop(xml.element("Status", "Enabled")),
        Versioning::Suspended => drop(xml.element("Status", "Suspended")),
    }
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document(&[ROOT], Code::MalformedXml).await?.ok_or(Code::MissingRequestBody)?;
    let versioning = parse(&document, call.head.dialect)?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            if bucket.has_object_lock && versioning == Versioning::Suspended {
                return Err(Code::InvalidBucketState.because("The versions of this bucket may be protected."));
            }
            bucket.versioning = versioning;
            Ok::<_, Error>(tx.put_bucket(&bucket)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}

/// `MfaDelete` is not looked at in OBS words, as the reference has it. In S3's, where it would make deletions depend on a second
/// factor, it can only be `Disabled`: 501 `ServiceNotImplemented` for `Enabled`.
fn parse(document: &Element, dialect: Dialect) -> Result<Versioning> {
    if dialect == Dialect::S3 {
        for element in document.children_named("MfaDelete") {
            match element.text_trimmed() {
                "Disabled" => {}
                "Enabled" => return Err(Code::ServiceNotImplemented.because("MFA delete is not implemented.")),
                _ => return Err(Code::IllegalVersioningConfiguration.into()),
            }
        }
    }
    let mut statuses = document.children_named("Status");
    let status = statuses.next().filter(|status| status.children.is_empty() && statuses.next().is_none());
    match status.map(Element::text_trimmed) {
        Some("Enabled") => Ok(Versioning::Enabled),
        Some("Suspended") => Ok(Versioning::Suspended),
        _ if dialect == Dialect::S3 => Err(Code::IllegalVersioningConfiguration.into()),
        _ => Err(Code::MalformedXml.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: Option<Versioning>) {
        let document = format!("<VersioningConfiguration>{content}</VersioningConfiguration>");
        let document = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
        assert_eq!(parse(&document, Dialect::Obs).ok(), expected, "{content}");
        let of_s3 = parse(&document, Dialect::S3).map_err(|error| error.code());
        assert_eq!(of_s3, expected.ok_or(Code::IllegalVersioningConfiguration), "{content}");
    }

    #[test]
    fn a_second_factor_is_refused_in_the_words_that_have_one() {
        let check = |word: &str, of_s3: Code| {
            let document = format!("<VersioningConfiguration><Status>Enabled</Status><MfaDelete>{word}</MfaDelete>");
            let document = document + "</VersioningConfiguration>";
            let document = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
            for dialect in [Dialect::Obs, Dialect::AwsV2] {
                assert_eq!(parse(&document, dialect).ok(), Some(Versioning::Enabled), "{word}");
            }
            assert_eq!(parse(&document, Dialect::S3).map_err(|error| error.code()), Err(of_s3), "{word}");
        };
        check("Enabled", Code::ServiceNotImplemented);
        check("", Code::IllegalVersioningConfiguration);
        check("yes", Code::IllegalVersioningConfiguration);
    }

    #[test]
    fn a_status_is_one_of_two_words() {
        check("<Status>Enabled</Status>", Some(Versioning::Enabled));
        check("<Status> Suspended\n</Status>", Some(Versioning::Suspended));
        check("<MfaDelete>Disabled</MfaDelete><Status>Enabled</Status>", Some(Versioning::Enabled));
        for bad in ["", "Enabled", "<Status/>", "<Status>enabled</Status>", "<Status>Off</Status>"] {
            check(bad, None);
        }
        check("<Status>Enabled<a/></Status>", None);
        check("<Status>Enabled</Status><Status>Enabled</Status>", None);
    }
}
