//! `GET /`: the buckets of the caller's account (OBS reference, "Listing Buckets"). All of them, or by pages: with
//! `marker` and `max-keys` as the OBS SDKs ask for them, or with `continuation-token` and `max-buckets` as S3 does.

use std::sync::Arc;

use hyper::Method;

use super::listing::max_keys;
use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Code, Result};
use crate::limits;
use crate::meta::Bucket;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

pub(super) static GET: Op = Op {
    name: "ListBuckets",
    verb: Method::GET,
    scope: Scope::Service,
    picks: &[],
    action: Action::ListAllMyBuckets,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &["marker", "max-keys", "prefix", "max-buckets", "continuation-token", "bucket-region"],
    document: "obs_04_0020",
    run: |app, call| Box::pin(get(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let account = call.account()?;
    let asked = Asked::parse(call.head)?;
    // From one state: a bucket that takes another's place is there, or the other is.
    let mut buckets = app.store.read_frozen(|tx| tx.buckets_of(account.id)).await?;
    buckets.retain(|bucket| asked.takes(bucket));
    let truncated = asked.count_max > 0 && buckets.len() > asked.count_max;
    buckets.truncate(asked.count_max);
    let dialect = call.head.dialect;
    let mut xml = Writer::document("ListAllMyBucketsResult", Some(app.namespace(dialect)), Layout::Compact);
    xml.open("Owner").element("ID", &account.id.to_string());
    if !dialect.is_obs() {
        xml.element("DisplayName", &account.name);
    }
    xml.close().open("Buckets");
    for bucket in &buckets {
        xml.open("Bucket").element("Name", bucket.name.as_str());
        xml.element("CreationDate", &iso_date(bucket.created_millis));
        if dialect == Dialect::S3 {
            xml.element("BucketRegion", &bucket.region);
        } else {
            // The location is there whether or not `x-obs-location` asks for it.
            xml.element("Location", &bucket.region);
            xml.element("BucketType", if bucket.is_file_system { "POSIX" } else { "OBJECT" });
        }
        xml.close();
    }
    xml.close();
    let last = buckets.last().filter(|_| truncated).map(|bucket| bucket.name.as_str());
    asked.write_page(last, &mut xml);
    Ok(Reply::xml(xml.finish()))
}

/// Which buckets are asked for.
#[derive(Debug)]
struct Asked<'h> {
    prefix: Option<&'h str>,
    region: Option<&'h str>,
    is_file_system: Option<bool>,
    /// Names after this one.
    after: &'h str,
    count_max: usize,
    /// Whether the answer has the elements of a page as the OBS SDKs read them.
    is_marked: bool,
}

impl<'h> Asked<'h> {
    fn parse(head: &'h Head) -> Result<Self> {
        let query = &head.query;
        let invalid = |why: String| Code::InvalidArgument.because(why);
        let is_file_system = match head.own("bucket-type") {
            None => None,
            Some("OBJECT") => Some(false),
            Some("POSIX") => Some(true),
            Some(_) => return Err(invalid("x-obs-bucket-type is OBJECT or POSIX.".into())),
        };
        let is_marked = query.has("marker") || query.has("max-keys");
        let mut count_max = if is_marked { max_keys(query, head.dialect)? } else { usize::MAX };
        if let Some(text) = query.get("max-buckets") {
            let limit = limits::BUCKET_PAGE_COUNT_MAX;
            let count = text.parse().ok().filter(|count| (1..=limit).contains(count));
            count_max =
                count_max.min(count.ok_or_else(|| invalid(format!("max-buckets is a number from 1 to {limit}.")))?);
        }
        Ok(Self {
            prefix: query.get("prefix"),
            region: query.get("bucket-region"),
            is_file_system,
            after: query.get("continuation-token").or_else(|| query.get("marker")).unwrap_or_default(),
            count_max,
            is_marked,
        })
    }

    fn takes(&self, bucket: &Bucket) -> bool {
        let name = bucket.name.as_str();
        name > self.after
            && self.prefix.is_none_or(|prefix| name.starts_with(prefix))
            && self.region.is_none_or(|region| bucket.region == region)
            && self.is_file_system.is_none_or(|is_file_system| bucket.is_file_system == is_file_system)
    }

    /// What the answer says of the page: `last` is the name the next one comes after, if there is a next one.
    fn write_page(&self, last: Option<&str>, xml: &mut Writer) {
        if self.is_marked {
            xml.element("Marker", self.after);
            if let Some(last) = last {
                xml.element("NextMarker", last);
            }
            xml.number("MaxKeys", self.count_max as u64);
            xml.element("IsTruncated", if last.is_some() { "true" } else { "false" });
        } else if let Some(last) = last {
            xml.element("ContinuationToken", last);
        }
        if let Some(prefix) = self.prefix {
            xml.element("Prefix", prefix);
        }
    }
}
