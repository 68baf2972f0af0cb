//! What a request costs before and after the stores: parsing, signatures, documents, ids.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to report")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use hyper::Request;
use hyper::http::request::Parts;
use obs_gateway::auth::{Claim, claim, sign_header};
use obs_gateway::error::Code;
use obs_gateway::wire::Head;
use obs_gateway::wire::address::Endpoints;
use obs_gateway::wire::dialect::Dialect;
use obs_gateway::wire::request_id::RequestIds;
use obs_gateway::wire::xml::{Element, Layout, Writer};

const HOST: &str = "photos.obs.example.com";
const DATE: &str = "Wed, 01 Jul 2015 03:27:45 GMT";
const NOW_MS: u64 = 1_435_721_265_000;
const SECRET: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCD";
const NAMESPACE: &str = "http://obs.example.com/doc/2015-06-30/";

fn endpoints() -> Endpoints {
    Endpoints::new(vec!["obs.example.com".to_owned()])
}

fn sign(endpoints: &Endpoints) -> String {
    let headers = [("Date".to_owned(), DATE.to_owned())];
    sign_header(Dialect::Obs, "GET", HOST, "/?quota", &headers, endpoints, "AK", SECRET).unwrap()
}

fn signed_request(endpoints: &Endpoints) -> Parts {
    let request = Request::get("/?quota").header("host", HOST).header("user-agent", "bench").header("accept", "*/*");
    request.header("date", DATE).header("authorization", sign(endpoints)).body(()).unwrap().into_parts().0
}

fn heads(criterion: &mut Criterion) {
    let endpoints = endpoints();
    let parts = signed_request(&endpoints);
    // Cloning the parts is not parsing: its own figure is to be taken off.
    criterion.bench_function("head: clone of the input", |bencher| bencher.iter(|| black_box(parts.clone())));
    criterion.bench_function("head: clone and parse", |bencher| {
        bencher.iter(|| Head::parse(black_box(parts.clone()), &endpoints).unwrap());
    });
    let head = Head::parse(parts, &endpoints).unwrap();
    criterion.bench_function("signature: claim", |bencher| bencher.iter(|| claim(black_box(&head)).unwrap()));
    let Claim::Signed(signed) = claim(&head).unwrap() else { panic!("the request is signed") };
    criterion.bench_function("signature: check", |bencher| {
        bencher.iter(|| signed.check(black_box(&head), SECRET, NOW_MS).unwrap());
    });
    criterion
        .bench_function("signature: sign, parsing included", |bencher| bencher.iter(|| sign(black_box(&endpoints))));
    let ids = RequestIds::new(1);
    criterion.bench_function("request id and second id", |bencher| bencher.iter(|| ids.mint(black_box(NOW_MS)).id_2()));
}

fn quota(bytes: u64) -> Bytes {
    let mut xml = Writer::document("Quota", Some(NAMESPACE), Layout::Indented);
    xml.number("StorageQuota", bytes);
    xml.finish()
}

fn listing(keys: &[String]) -> Bytes {
    let mut xml = Writer::document("ListBucketResult", Some(NAMESPACE), Layout::Compact);
    for key in keys {
        xml.open("Contents").element("Key", key).element("LastModified", "2015-07-01T03:27:45.000Z");
        xml.element("ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"").number("Size", 1024);
        xml.open("Owner").element("ID", "0123456789abcdef0123456789abcdef").close();
        xml.element("StorageClass", "STANDARD").close();
    }
    xml.finish()
}

fn documents(criterion: &mut Criterion) {
    let keys: Vec<String> = (0..1000).map(|serial| format!("photos/2015/07/{serial:08}.jpg")).collect();
    let document = quota(1 << 40);
    criterion.bench_function("XML: write a quota", |bencher| bencher.iter(|| quota(black_box(1 << 40))));
    criterion.bench_function("XML: write 1,000 rows", |bencher| bencher.iter(|| listing(black_box(&keys))));
    criterion.bench_function("XML: read a quota", |bencher| {
        bencher.iter(|| Element::parse(black_box(&document), Code::MalformedQuotaError).unwrap());
    });
}

criterion_group!(benches, heads, documents);
criterion_main!(benches);
