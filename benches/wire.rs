//! What a request costs before and after the stores: parsing, signatures, documents, ids.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to report")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hyper::Request;
use hyper::http::request::Parts;
use obs_gateway::auth::{Claim, claim, sign_header};
use obs_gateway::blob::digest;
use obs_gateway::error::Code;
use obs_gateway::wire::address::Endpoints;
use obs_gateway::wire::aws_chunked::{Chain, Decoder, Framing, Plan};
use obs_gateway::wire::dialect::Dialect;
use obs_gateway::wire::request_id::RequestIds;
use obs_gateway::wire::xml::{Element, Layout, Writer};
use obs_gateway::wire::{Head, hex};

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

/// A GET as AWS SDKs send it.
fn v4_request(endpoints: &Endpoints) -> Parts {
    let target = "/photos/2015/07/00000001.jpg?x-id=GetObject";
    let mut headers = vec![
        ("X-Amz-Date".to_owned(), "20150701T032745Z".to_owned()),
        ("X-Amz-Content-Sha256".to_owned(), hex(&digest::sha256(&[]))),
        ("X-Amz-Checksum-Mode".to_owned(), "ENABLED".to_owned()),
    ];
    let signed = sign_header(Dialect::S3, "GET", HOST, target, &headers, endpoints, "AK", SECRET).unwrap();
    headers.push(("Authorization".to_owned(), signed));
    let request = Request::get(target).header("host", HOST).header("user-agent", "bench").header("accept", "*/*");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    request.body(()).unwrap().into_parts().0
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
    let head = Head::parse(v4_request(&endpoints), &endpoints).unwrap();
    criterion.bench_function("signature V4: claim", |bencher| bencher.iter(|| claim(black_box(&head)).unwrap()));
    let Claim::Signed(signed) = claim(&head).unwrap() else { panic!("the request is signed") };
    criterion.bench_function("signature V4: check", |bencher| {
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

/// A body in chunks of `size` bytes, signed if there is a chain.
fn chunked(data: &[u8], size: usize, mut chain: Option<Chain>) -> Bytes {
    let mut body = Vec::new();
    for chunk in data.chunks(size).chain([&[][..]]) {
        body.extend_from_slice(format!("{:x}", chunk.len()).as_bytes());
        if let Some(chain) = &mut chain {
            let signature = chain.sign_chunk(digest::sha256(chunk));
            body.extend_from_slice(format!(";chunk-signature={signature}").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.into()
}

/// Takes the framing off a body that comes in pieces as hyper gives them at most.
fn decode(body: &Bytes, plan: Plan, chain: Option<Chain>) -> usize {
    let mut decoder = Decoder::new(plan, chain).unwrap();
    let mut length = 0;
    for start in (0..body.len()).step_by(400 * 1024) {
        let mut piece = body.slice(start..body.len().min(start + 400 * 1024));
        while let Some(data) = decoder.decode(&mut piece).unwrap() {
            length += data.len();
        }
    }
    decoder.finish().unwrap();
    length
}

fn framings(criterion: &mut Criterion) {
    let data = vec![b'a'; 16 << 20];
    let chain = || Chain::new(&[7; 32], "20150701T032745Z", "20150701/us-east-1/s3/aws4_request", &"0".repeat(64));
    let mut group = criterion.benchmark_group("aws-chunked");
    group.throughput(Throughput::Bytes(data.len() as u64));
    for (name, size, chain) in [
        ("unsigned chunks of 1 MiB", 1 << 20, None),
        ("unsigned chunks of 64 KiB", 64 << 10, None),
        ("signed chunks of 1 MiB", 1 << 20, Some(chain())),
        ("signed chunks of 64 KiB", 64 << 10, Some(chain())),
    ] {
        let body = chunked(&data, size, chain.clone());
        let framing = if chain.is_some() { Framing::Signed { has_trailer: false } } else { Framing::Unsigned };
        let plan = Plan { framing, length: data.len() as u64, trailers: Vec::new() };
        group.bench_function(name, |bencher| bencher.iter(|| decode(black_box(&body), plan.clone(), chain.clone())));
    }
    // What of signed chunks is the digest.
    group.bench_function("SHA-256 alone", |bencher| bencher.iter(|| digest::sha256(black_box(&data))));
    group.finish();
}

criterion_group!(benches, heads, documents, framings);
criterion_main!(benches);
