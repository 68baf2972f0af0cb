//! `DELETE /bucket/key?uploadId`.

use crate::support::{As, Gateway, both};
use crate::upload::{SMALLEST, part_bytes};

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    for who in both("alice") {
        let gateway = Gateway::with_bucket().await;
        let id = gateway.begin_upload(who, "/photos/k").await;
        let other = gateway.begin_upload(who, "/photos/k").await;
        let parts = gateway.put_parts(who, "/photos/k", &id, &[SMALLEST, 3_000_000, 5]).await;
        gateway.put_parts(who, "/photos/k", &other, &[7]).await;
        let abort = format!("DELETE /photos/k?uploadId={id}");
        gateway.check(who, &abort, "204").await;
        assert_eq!(gateway.used("photos").await, (7, 0));
        for (request, verdict) in [
            (abort.clone(), "404 NoSuchUpload"),
            (format!("GET /photos/k?uploadId={id}"), "404 NoSuchUpload"),
            (format!("PUT /photos/k?partNumber=1&uploadId={id}\n\nlate"), "404 NoSuchUpload"),
        ] {
            gateway.check(who, &request, verdict).await;
        }
        assert_eq!(gateway.complete(who, "/photos/k", &id, &parts).await.verdict(), "404 NoSuchUpload");
        let left = gateway.check(who, "GET /photos?uploads", "200").await;
        assert_eq!(left.elements("UploadId"), [&*other]);
        gateway.check(who, "DELETE /photos", "409 BucketNotEmpty").await;
        gateway.check(who, &format!("DELETE /photos/k?uploadId={other}"), "204").await;
        gateway.check(who, "DELETE /photos", "204").await;
    }
}

#[tokio::test]
async fn refusals() {
    let gateway = Gateway::with_bucket().await;
    for who in both("alice") {
        let id = gateway.begin_upload(who, "/photos/k").await;
        gateway.put_part(who, "/photos/k", &id, 1, part_bytes(1, 5)).await;
        let before = gateway.usage("photos").await;
        for (target, verdict) in [
            ("/photos/k?uploadId=", "404 NoSuchUpload"),
            ("/photos/k?uploadId=x", "404 NoSuchUpload"),
            ("/photos/other?uploadId=ID", "404 NoSuchUpload"),
            ("/nowhere/k?uploadId=ID", "404 NoSuchBucket"),
            ("/photos/k?uploadId=ID&versionId=null", "400 InvalidArgument"),
        ] {
            gateway
                .check(who, &format!("DELETE {}", target.replace("ID", &id).replace("versionid", "")), verdict)
                .await;
        }
        for stranger in [As::Obs("bob"), As::Aws("bob"), As::Nobody] {
            gateway.check(stranger, &format!("DELETE /photos/k?uploadId={id}"), "403 AccessDenied").await;
        }
        assert_eq!(gateway.usage("photos").await, before);
        gateway.check(who, &format!("DELETE /photos/k?uploadId={id}"), "204").await;
    }
}
