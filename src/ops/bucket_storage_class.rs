//! `?storageClass`, and `?storagePolicy` as the S3-compatible reference calls it: the class of objects that name none
//! (OBS reference, "Configuring" and "Obtaining Default Storage Class for a Bucket"). One class, two documents.

use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::storage_class::StorageClass;
use crate::wire::Reply;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static GET: Op = Op {
    name: "GetBucketStorageClass",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("storageClass")],
    action: Action::GetBucketStoragePolicy,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0045",
    run: |app, call| Box::pin(get(app, call, Form::Class)),
};

pub(super) static PUT: Op = Op {
    name: "PutBucketStorageClass",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("storageClass")],
    action: Action::PutBucketStoragePolicy,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "obs_04_0044",
    run: |app, call| Box::pin(put(app, call, Form::Class)),
};

pub(super) static GET_POLICY: Op = Op {
    name: "GetBucketStoragePolicy",
    verb: Method::GET,
    scope: Scope::Bucket,
    picks: &[Pick::Query("storagePolicy")],
    action: Action::GetBucketStoragePolicy,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "S3-compatible reference",
    run: |app, call| Box::pin(get(app, call, Form::Policy)),
};

pub(super) static PUT_POLICY: Op = Op {
    name: "PutBucketStoragePolicy",
    verb: Method::PUT,
    scope: Scope::Bucket,
    picks: &[Pick::Query("storagePolicy")],
    action: Action::PutBucketStoragePolicy,
    body: BodyRule::Document,
    growth: &[],
    parameters: &[],
    document: "S3-compatible reference",
    run: |app, call| Box::pin(put(app, call, Form::Policy)),
};

/// Which of the two documents.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// `<StorageClass>WARM</StorageClass>`
    Class,
    /// `<StoragePolicy><DefaultStorageClass>STANDARD_IA</DefaultStorageClass></StoragePolicy>`
    Policy,
}

impl Form {
    fn root(self) -> &'static str {
        match self {
            Self::Class => "StorageClass",
            Self::Policy => "StoragePolicy",
        }
    }
}

/// The name of `class` in the words of whoever asks.
pub(super) fn class_name(class: StorageClass, dialect: Dialect) -> &'static str {
    if dialect.is_obs() { class.obs_name() } else { class.s3_name() }
}

#[expect(clippy::unused_async, reason = "the shape of every handler")]
async fn get(app: &Arc<App>, call: &mut Call<'_>, form: Form) -> Result<Reply> {
    let dialect = call.head.dialect;
    let name = class_name(call.bucket()?.storage_class, dialect);
    let mut xml = Writer::document(form.root(), Some(app.namespace(dialect)), Layout::Compact);
    match form {
        Form::Class => xml.text(name),
        Form::Policy => xml.element("DefaultStorageClass", name),
    };
    Ok(Reply::xml(xml.finish()))
}

async fn put(app: &Arc<App>, call: &mut Call<'_>, form: Form) -> Result<Reply> {
    let document = call.document(&[form.root()], Code::MalformedXml).await?.ok_or(Code::MissingRequestBody)?;
    let class = parse(&document, form)?;
    app.store
        .write(|tx| {
            let mut bucket = call.bucket_in(tx)?;
            bucket.storage_class = class;
            Ok::<_, Error>(tx.put_bucket(&bucket)?)
        })
        .await?;
    Ok(Reply::empty(StatusCode::OK))
}

/// A class by either of its names, whoever asks.
fn parse(document: &Element, form: Form) -> Result<StorageClass> {
    let (element, unknown) = match form {
        Form::Class => (document, Code::InvalidDefaultStorageClass),
        Form::Policy => {
            let mut classes = document.children_named("DefaultStorageClass");
            let class = classes.next().filter(|_| classes.next().is_none());
            (class.ok_or(Code::MalformedXml)?, Code::InvalidBucketStoragePolicy)
        }
    };
    if !element.children.is_empty() {
        return Err(Code::MalformedXml.into());
    }
    StorageClass::parse(element.text_trimmed()).ok_or_else(|| unknown.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: Form, document: &str, expected: std::result::Result<StorageClass, Code>) {
        let element = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
        assert_eq!(parse(&element, form).map_err(|error| error.code()), expected, "{document}");
    }

    #[test]
    fn either_document_takes_either_name() {
        check(Form::Class, "<StorageClass>WARM</StorageClass>", Ok(StorageClass::Warm));
        check(Form::Class, "<StorageClass> GLACIER\n</StorageClass>", Ok(StorageClass::Cold));
        check(Form::Class, "<StorageClass/>", Err(Code::InvalidDefaultStorageClass));
        check(Form::Class, "<StorageClass>warm</StorageClass>", Err(Code::InvalidDefaultStorageClass));
        check(Form::Class, "<StorageClass>WARM<a/></StorageClass>", Err(Code::MalformedXml));
        let policy = |content: &str| format!("<StoragePolicy>{content}</StoragePolicy>");
        let class = |name: &str| format!("<DefaultStorageClass>{name}</DefaultStorageClass>");
        check(Form::Policy, &policy(&class("STANDARD_IA")), Ok(StorageClass::Warm));
        check(Form::Policy, &policy(&class("COLD")), Ok(StorageClass::Cold));
        check(Form::Policy, &policy(&class("HOT")), Err(Code::InvalidBucketStoragePolicy));
        check(Form::Policy, &policy(&class("COLD").repeat(2)), Err(Code::MalformedXml));
        check(Form::Policy, &policy("COLD"), Err(Code::MalformedXml));
    }
}
