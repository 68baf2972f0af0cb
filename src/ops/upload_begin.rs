//! `POST /bucket/key?uploads` (OBS reference, "Initiating a Multipart Upload"): what the object is made of beside its
//! bytes is decided here, and kept until it is completed.

use std::sync::Arc;

use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};

use super::checksum;
use super::draft::Draft;
use super::upload::Spelling;
use super::{BodyRule, Call, Op, Pick, Scope};
use crate::access::Action;
use crate::access::acl::check_grantees;
use crate::app::App;
use crate::checksum::{ChecksumAlgorithm, kind_name};
use crate::error::{Code, Error, Result};
use crate::meta::{Upload, UploadId};
use crate::quota::Rule;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Layout, Writer};
use crate::wire::{Head, Reply};

pub(super) static POST: Op = Op {
    name: "InitiateMultipartUpload",
    verb: Method::POST,
    scope: Scope::Object,
    picks: &[Pick::Query("uploads")],
    action: Action::PutObject,
    body: BodyRule::Empty,
    growth: &[Rule::Initiate],
    parameters: &["encoding-type"],
    document: "obs_04_0098",
    run: |app, call| Box::pin(post(app, call)),
};

async fn post(app: &Arc<App>, call: &mut Call<'_>) -> Result<Reply> {
    let checksum = parse_checksum(call.head)?;
    let spelling = Spelling::parse(call.head)?;
    let key = call.key()?;
    let Draft { owner, headers, storage_class, attributes } = Draft::of_upload(app, call).await?;
    let upload = Upload {
        initiated_millis: app.clock.now_millis(),
        initiator: call.caller.owner(),
        owner,
        headers,
        storage_class,
        attributes: attributes.boxed(),
        is_s3: call.head.dialect == Dialect::S3,
        checksum,
    };
    let id = UploadId::mint(upload.initiated_millis);
    let begun = app.store.write(|tx| {
        let bucket = call.bucket_in(tx)?;
        check_grantees(tx, upload.attributes.as_ref().and_then(|attributes| attributes.acl.as_ref()))?;
        Ok::<_, Error>(tx.begin_upload(&bucket, key, id, &upload)?)
    });
    begun.await?;
    let namespace = app.namespace(call.head.dialect);
    let mut xml = Writer::document("InitiateMultipartUploadResult", Some(namespace), Layout::Compact);
    spelling.announce(&mut xml);
    xml.element("Bucket", call.bucket()?.name.as_str());
    spelling.element(&mut xml, "Key", key.as_str());
    xml.element("UploadId", &id.to_string());
    let mut reply = Reply::xml(xml.finish());
    if let Some((algorithm, is_composite)) = checksum {
        let name = HeaderName::from_static("x-amz-checksum-algorithm");
        reply.headers.insert(name, HeaderValue::from_static(algorithm.name()));
        checksum::tell_kind(is_composite, &mut reply.headers);
    }
    Ok(reply)
}

/// The checksum that the object is to have, and whether it is one of its parts'. 400 `InvalidRequest` for a type that the
/// algorithm has not, or that comes without one. Digests themselves come with the parts: 501.
fn parse_checksum(head: &Head) -> Result<Option<(ChecksumAlgorithm, bool)>> {
    const CHOICES: [&str; 2] = ["checksum-algorithm", "checksum-type"];
    let is_other = |tail: &str| {
        let tail = tail.to_ascii_lowercase();
        tail.starts_with("checksum-") && (head.dialect.is_obs() || !CHOICES.contains(&tail.as_str()))
    };
    if let Some((tail, _)) = head.own_all().find(|(tail, _)| is_other(tail)) {
        let prefix = head.dialect.header_prefix();
        return Err(Code::ServiceNotImplemented.because(format!("The header {prefix}{tail} is not implemented here.")));
    }
    match (checksum::chosen_algorithm(head)?, checksum::chosen_kind(head)?) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Code::InvalidRequest.because("x-amz-checksum-type goes with x-amz-checksum-algorithm.")),
        (Some(algorithm), kind) => {
            let is_composite = kind.unwrap_or(algorithm != ChecksumAlgorithm::Crc64Nvme);
            if is_composite && algorithm == ChecksumAlgorithm::Crc64Nvme || !is_composite && !algorithm.is_crc() {
                let (name, kind) = (algorithm.name(), kind_name(is_composite));
                return Err(Code::InvalidRequest.because(format!("{name} has no checksums of the type {kind}.")));
            }
            Ok(Some((algorithm, is_composite)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::Endpoints;

    #[test]
    fn each_algorithm_has_its_types() {
        use ChecksumAlgorithm::{Crc32, Crc32C, Crc64Nvme, Sha1, Sha256};
        type Parsed = std::result::Result<Option<(ChecksumAlgorithm, bool)>, Code>;
        fn check(algorithm: &str, kind: &str, expected: Parsed) {
            let lines = [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)];
            let request = hyper::Request::post("/photos/k?uploads").header("host", "localhost");
            let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
            let request = lines
                .fold(request.header("x-amz-acl", "private"), |request, (name, value)| request.header(name, value));
            let head = Head::parse(request.body(()).unwrap().into_parts().0, &Endpoints::default()).unwrap();
            assert_eq!(parse_checksum(&head).map_err(|error| error.code()), expected, "{algorithm} {kind}");
        }
        check("", "", Ok(None));
        for (algorithm, default, other) in [
            (Crc32, true, Some(false)),
            (Crc32C, true, Some(false)),
            (Crc64Nvme, false, None),
            (Sha1, true, None),
            (Sha256, true, None),
        ] {
            let name = algorithm.name();
            check(name, "", Ok(Some((algorithm, default))));
            check(name, kind_name(default), Ok(Some((algorithm, default))));
            let expected = other.map(|other| Some((algorithm, other))).ok_or(Code::InvalidRequest);
            check(name, kind_name(!default), expected);
        }
        check("crc32", "", Ok(Some((Crc32, true))));
        check("SHA512", "", Err(Code::ServiceNotImplemented));
        check("CRC16", "", Err(Code::InvalidRequest));
        check("CRC32", "WHOLE", Err(Code::InvalidRequest));
        check("", "COMPOSITE", Err(Code::InvalidRequest));
    }
}
