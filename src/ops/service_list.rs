//! `GET /`: the buckets of the caller's account (OBS reference, "Listing Buckets").

use std::sync::Arc;

use hyper::Method;

use super::{BodyRule, Call, Op, Scope};
use crate::access::Action;
use crate::app::App;
use crate::clock::iso_date;
use crate::error::{Code, Result};
use crate::wire::Reply;
use crate::wire::xml::{Layout, Writer};

pub(super) static GET: Op = Op {
    name: "ListBuckets",
    verb: Method::GET,
    scope: Scope::Service,
    picks: &[],
    action: Action::ListAllMyBuckets,
    body: BodyRule::Empty,
    growth: &[],
    parameters: &[],
    document: "obs_04_0020",
    run: |app, call| Box::pin(get(app, call)),
};

async fn get(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let account = call.account()?;
    let wanted = match call.head.own("bucket-type") {
        None | Some("OBJECT") => true,
        // Parallel file systems: there are none.
        Some("POSIX") => false,
        Some(_) => return Err(Code::InvalidArgument.because("x-obs-bucket-type is OBJECT or POSIX.")),
    };
    let buckets = if wanted { app.store.read(|tx| tx.buckets_of(account.id)).await? } else { Vec::new() };
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
        xml.element("Location", &bucket.region).element("BucketType", "OBJECT").close();
    }
    xml.close();
    Ok(Reply::xml(xml.finish()))
}
