//! `POST /bucket?delete` (OBS reference, "Deleting Objects in Batches"): up to 1000 keys or versions, each deleted or
//! refused by itself, and told so in the order they were asked for.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;

use super::object_delete::{Doom, Which, delete_in};
use super::protection::{asks_to_bypass, bypass};
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::{Action, Judge};
use crate::app::App;
use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Deleted, Kept};
use crate::name::ObjectKey;
use crate::quota::Rule;
use crate::wire::Reply;
use crate::wire::delete_conditions::{DeleteConditions, Member};
use crate::wire::dialect::Dialect;
use crate::wire::percent::{self, Plus};
use crate::wire::xml::{Element, Layout, Writer};

pub(super) static POST: Op = Op {
    name: "DeleteObjects",
    verb: Method::POST,
    scope: Scope::Bucket,
    picks: &[Pick::Query("delete")],
    action: Action::DeleteObjects,
    body: BodyRule::DigestedDocument,
    growth: &[Rule::Delete, Rule::DeleteMarker],
    parameters: &[],
    document: "obs_04_0086",
    run: |app, call| Box::pin(post(app, call)),
};

/// A document of the operation.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    items: Vec<Item>,
    /// Tell of refusals only.
    is_quiet: bool,
    /// Keys are percent-encoded, here and in the answer.
    is_encoded: bool,
}

/// One key, or one version of it.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    key: ObjectKey,
    /// As sent.
    version: Option<String>,
    /// On what of it the deletion depends.
    conditions: DeleteConditions,
}

async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let document = call.document_up_to(limits::DELETE_DOCUMENT_BYTES_MAX, &["Delete"], Code::MalformedXml).await?;
    let asked = parse(&document.ok_or(Code::MissingRequestBody)?)?;
    let asks_to_bypass = asks_to_bypass(call.head)?;
    if call.head.dialect.is_obs() && asked.items.iter().any(|item| !item.conditions.is_empty()) {
        return Err(Code::ServiceNotImplemented.because("Conditions on a deletion are not implemented."));
    }
    let now = app.clock.now_millis();
    let mut outcomes = Vec::with_capacity(asked.items.len());
    // Whether a directory is empty depends on the deletions before.
    let count_max = if call.bucket()?.is_file_system { 1 } else { limits::DELETE_BATCH_COUNT_MAX };
    let mut rest = asked.items.as_slice();
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(first_batch(rest, count_max));
        match delete_batch(app, call, batch, asks_to_bypass, now).await {
            Ok(done) => outcomes.extend(done),
            Err(error) if error.code() == Code::NoSuchBucket => return Err(error),
            Err(error) => {
                // Told with each of its keys.
                if error.code().status().is_server_error() {
                    tracing::error!(?error, keys = batch.len(), "a batch of keys could not be deleted");
                }
                outcomes.extend(batch.iter().map(|_| Err(Error::from(error.code()))));
            }
        }
        rest = later;
    }
    let dialect = call.head.dialect;
    Ok(Reply::xml(render(app.namespace(dialect), dialect, &asked, &outcomes)))
}

/// How many of `items` go into one transaction. It does not see its own writes, so no key comes twice.
fn first_batch(items: &[Item], count_max: usize) -> usize {
    let mut keys = HashSet::new();
    items.iter().take(count_max).take_while(|item| keys.insert(&item.key)).count()
}

async fn delete_batch(
    app: &App,
    call: &Call<'_>,
    batch: &[Item],
    asks_to_bypass: bool,
    now: UnixMillis,
) -> Result<Vec<Result<Deleted>>> {
    let deleted = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        let judge = Judge::read(tx, &app.policies, &call.caller, call.context, &bucket)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for Item { key, version, conditions } in batch {
            let judge = judge.aside(version.as_deref());
            if let Err(refusal) = judge.check(Action::DeleteObject, key) {
                outcomes.push(Err(refusal));
                continue;
            }
            // Told with its key, the others go.
            let Ok(which) = Which::named(version.as_deref(), call.head.dialect) else {
                outcomes.push(Err(Code::NoSuchVersion.into()));
                continue;
            };
            let doom = Doom { which, conditions, bypass: bypass(asks_to_bypass, &judge, key) };
            match delete_in(tx, &bucket, key, doom, call.caller.owner(), now) {
                // Decided before anything of the key is written: what is protected, or is another, stays; the others go.
                Err(refusal) if !matches!(refusal.code(), Code::AccessDenied | Code::PreconditionFailed) => {
                    return Err(refusal);
                }
                outcome => outcomes.push(outcome),
            }
        }
        Ok::<_, Error>(outcomes)
    });
    deleted.await
}

fn parse(document: &Element) -> Result<Asked> {
    let mut asked = Asked { items: Vec::new(), is_quiet: false, is_encoded: false };
    for child in &document.children {
        match child.name.as_str() {
            "Quiet" => asked.is_quiet = parse_flag(child.text_trimmed())?,
            "EncodingType" if child.text_trimmed().eq_ignore_ascii_case("url") => asked.is_encoded = true,
            "EncodingType" if child.text_trimmed().is_empty() => {}
            "EncodingType" => return Err(Code::InvalidArgument.because("EncodingType can only be url.")),
            "Object" => {}
            _ => return Err(malformed()),
        }
    }
    for object in document.children_named("Object") {
        if asked.items.len() == limits::DELETE_COUNT_MAX {
            return Err(Code::MalformedXml.because("More than 1000 objects are asked to be deleted."));
        }
        asked.items.push(parse_item(object, asked.is_encoded)?);
    }
    if asked.items.is_empty() { Err(malformed()) } else { Ok(asked) }
}

fn parse_item(object: &Element, is_encoded: bool) -> Result<Item> {
    let (mut key, mut version, mut conditions) = (None, None, DeleteConditions::default());
    for child in &object.children {
        match child.name.as_str() {
            // Blanks belong to it.
            "Key" => key = Some(child.text.as_str()),
            "VersionId" => version = Some(child.text_trimmed()).filter(|text| !text.is_empty()),
            name => conditions.add(Member::named(name).ok_or_else(malformed)?, child.text_trimmed())?,
        }
    }
    let key = key.ok_or_else(malformed)?;
    let key = if is_encoded { percent::decode(key, Plus::Space).map_err(|_| malformed())? } else { key.into() };
    let key = ObjectKey::parse(&key).map_err(|_| malformed())?;
    Ok(Item { key, version: version.map(str::to_owned), conditions })
}

fn parse_flag(text: &str) -> Result<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.is_empty() || text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(malformed()),
    }
}

fn malformed() -> Error {
    Code::MalformedXml.into()
}

fn render(namespace: &str, dialect: Dialect, asked: &Asked, outcomes: &[Result<Deleted>]) -> Bytes {
    let mut xml = Writer::document("DeleteResult", Some(namespace), Layout::Compact);
    if asked.is_encoded {
        xml.element("EncodingType", "url");
    }
    for (item, outcome) in asked.items.iter().zip(outcomes) {
        if outcome.is_ok() && asked.is_quiet {
            continue;
        }
        xml.open(if outcome.is_ok() { "Deleted" } else { "Error" });
        if asked.is_encoded {
            let mut encoded = String::new();
            percent::encode_query(item.key.as_str().as_bytes(), &mut encoded);
            xml.element("Key", &encoded);
        } else {
            xml.element("Key", item.key.as_str());
        }
        if let Some(version) = &item.version {
            xml.element("VersionId", version);
        }
        match outcome {
            Ok(deleted) => write_marker(&mut xml, item, deleted),
            Err(error) => {
                xml.element("Code", dialect.code_name(error.code())).element("Message", error.code().message());
            }
        }
        xml.close();
    }
    xml.finish()
}

/// The delete marker that a deletion made, or that it removed.
fn write_marker(xml: &mut Writer, item: &Item, deleted: &Deleted) {
    let marker = match deleted {
        Deleted::Marked(version) => Some(*version),
        Deleted::Gone(kept) if item.version.is_some() && matches!(**kept, Kept::Marker(_)) => Some(kept.version()),
        Deleted::Gone(_) | Deleted::Nothing => None,
    };
    if let Some(version) = marker {
        xml.element("DeleteMarker", "true").element("DeleteMarkerVersionId", &version.id().to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(document: &str) -> std::result::Result<Asked, Code> {
        let element = Element::parse(document.as_bytes(), Code::MalformedXml).map_err(|error| error.code())?;
        parse(&element).map_err(|error| error.code())
    }

    /// Keys and versions (`key@version`), quiet, encoded.
    fn check(inner: &str, expected: std::result::Result<(&[&str], bool, bool), Code>) {
        let asked = parsed(&format!("<Delete>{inner}</Delete>"));
        let name = |item: &Item| match &item.version {
            Some(version) => format!("{}@{version}", item.key),
            None => item.key.to_string(),
        };
        let found =
            asked.map(|asked| (asked.items.iter().map(name).collect::<Vec<_>>(), asked.is_quiet, asked.is_encoded));
        let expected = expected
            .map(|(names, quiet, encoded)| (names.iter().map(|name| (*name).to_owned()).collect(), quiet, encoded));
        assert_eq!(found, expected, "{inner}");
    }

    #[test]
    fn a_document_has_keys_and_versions() {
        let k = "<Object><Key>k</Key></Object>";
        check(k, Ok((&["k"], false, false)));
        check(&format!("{k}{k}<Quiet>true</Quiet>"), Ok((&["k", "k"], true, false)));
        check(&format!("<Quiet> TRUE\n</Quiet>\n{k}"), Ok((&["k"], true, false)));
        check(&format!("<Quiet>false</Quiet>{k}"), Ok((&["k"], false, false)));
        check(&format!("<Quiet/>{k}"), Ok((&["k"], false, false)));
        check("<Object><VersionId> v </VersionId><Key>k</Key></Object>", Ok((&["k@v"], false, false)));
        check("<Object><Key>k</Key><VersionId/></Object>", Ok((&["k"], false, false)));
        check("<Object><Key> a\n&amp;&#13; </Key></Object>", Ok((&[" a\n&\r "], false, false)));
        check("<Object><Key>a%2Bb+c</Key></Object>", Ok((&["a%2Bb+c"], false, false)));
        // The encoding may be told after the keys.
        let encoded = "<Object><Key>a%2Bb+c</Key></Object><EncodingType>url</EncodingType>";
        check(encoded, Ok((&["a+b c"], false, true)));
        check(&format!("<EncodingType/>{k}"), Ok((&["k"], false, false)));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let k = "<Object><Key>k</Key></Object>";
        for bad in [
            "",
            "<Object/>",
            "<Object><Key/></Object>",
            "<Object><VersionId>v</VersionId></Object>",
            "<Object><Key>k</Key><Typo/></Object>",
            &format!("<Quiet>maybe</Quiet>{k}"),
            &format!("<Typo/>{k}"),
            "<EncodingType>url</EncodingType><Object><Key>%zz</Key></Object>",
            "<EncodingType>url</EncodingType><Object><Key>%FF</Key></Object>",
            &format!("<Object><Key>{}</Key></Object>", "k".repeat(limits::KEY_BYTES_MAX + 1)),
            &k.repeat(limits::DELETE_COUNT_MAX + 1),
        ] {
            check(bad, Err(Code::MalformedXml));
        }
        check(&format!("<EncodingType>base64</EncodingType>{k}"), Err(Code::InvalidArgument));
        for condition in ["LastModifiedTime", "Size"] {
            let item = format!("<Object><Key>k</Key><{condition}>some</{condition}></Object>");
            check(&item, Err(Code::InvalidArgument));
        }
        let most = parsed(&format!("<Delete>{}</Delete>", k.repeat(limits::DELETE_COUNT_MAX)));
        assert_eq!(most.unwrap().items.len(), limits::DELETE_COUNT_MAX);
    }

    #[test]
    fn no_key_comes_twice_in_a_transaction() {
        let items = |keys: &[&str]| -> Vec<Item> {
            keys.iter()
                .map(|key| Item {
                    key: ObjectKey::parse(key).unwrap(),
                    version: None,
                    conditions: DeleteConditions::default(),
                })
                .collect()
        };
        assert_eq!(first_batch(&items(&["a"]), 9), 1);
        assert_eq!(first_batch(&items(&["a", "b", "a", "c"]), 9), 2);
        assert_eq!(first_batch(&items(&["a", "b", "a", "c"]), 1), 1);
        assert_eq!(first_batch(&items(&["a", "a"]), 9), 1);
    }
}
