//! Every operation, asked for by everyone: a written expectation that a new row must be added to.

use std::collections::BTreeSet;

use obs_gateway::meta::AccountStatus;
use obs_gateway::ops::TABLE;
use obs_gateway::quota::Rule;

use crate::support::{As, Gateway};

/// What an operation answers to its callers.
struct Row {
    name: &'static str,
    request: &'static str,
    /// The bucket's owner, a stranger, nobody.
    owner: &'static str,
    stranger: &'static str,
    nobody: &'static str,
    /// For the rows that anyone may ask, that nobody is refused.
    while_frozen: &'static str,
    while_gone: &'static str,
}

const FROZEN: &str = "403 InArrearOrInsufficientBalance";
const GONE: &str = "403 DeregisterUserId";
const DENIED: &str = "403 AccessDenied";

const fn private(name: &'static str, request: &'static str, owner: &'static str) -> Row {
    Row { name, request, owner, stranger: DENIED, nobody: DENIED, while_frozen: FROZEN, while_gone: GONE }
}

/// A preflight: nobody's signature is looked at.
const fn anyones(name: &'static str, request: &'static str) -> Row {
    Row { name, request, owner: "200", stranger: "200", nobody: "200", while_frozen: "200", while_gone: "200" }
}

const TAGS: &str = "PUT /photos?tagging\nContent-MD5: lHulZuz2zNx4X89U7bVvMw==\n\n<Tagging><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>";
const POLICY: &str = "PUT /photos?policy\n\n{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"PutBucketLogging\",\"Resource\":\"photos\"}}";
const CORS: &str = "PUT /photos?cors\nContent-MD5: HGv5UBbjdmR736tPepqsSQ==\n\n<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";

const COMPLETE: &str = "POST /photos/k?uploadId=UPLOAD\n\n<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>5d41402abc4b2a76b9719d911017c592</ETag></Part></CompleteMultipartUpload>";

const OBJECT_TAGS: &str = "PUT /photos/k?tagging\nContent-MD5: ygxpoiUw4ExsUsHRCTjifw==\n\n<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
const TO_COLD: &str = "PUT /photos/k?metadata\nx-obs-metadata-directive: REPLACE_NEW\nx-obs-storage-class: COLD\n\
                       x-amz-metadata-directive: REPLACE_NEW\nx-amz-storage-class: GLACIER";
const RESTORE: &str = "POST /photos/k?restore\n\n<RestoreRequest><Days>1</Days></RestoreRequest>";

const COPY_PART: &str =
    "PUT /photos/k?partNumber=2&uploadId=UPLOAD\nx-obs-copy-source: /photos/k\nx-amz-copy-source: /photos/k";

const DELETE_MANY: &str =
    "POST /photos?delete\nContent-MD5: 5DKh5iefM5MSKvRILIuFwQ==\n\n<Delete><Object><Key>k</Key></Object></Delete>";

const COPY: &str = "PUT /photos/k2\nx-obs-copy-source: /photos/k\nx-amz-copy-source: /photos/k";

/// In an order in which each finds what it needs: `photos` with its object `k`, the file system `files` with `f`.
const EXPECTED: &[Row] = &[
    Row { stranger: "200", ..private("ListBuckets", "GET /", "200") },
    Row { stranger: "200", nobody: "200", ..private("GetApiVersion", "HEAD /?apiversion", "200") },
    Row { stranger: "200", nobody: "200", ..private("GetBucketApiVersion", "HEAD /photos?apiversion", "200") },
    Row { stranger: "409 BucketAlreadyExists", ..private("CreateBucket", "PUT /photos", "200") },
    private("HeadBucket", "HEAD /photos", "200"),
    private("ListObjects", "GET /photos", "200"),
    private("ListObjectsV2", "GET /photos?list-type=2", "200"),
    private("ListObjectVersions", "GET /photos?versions", "200"),
    private("GetBucketLocation", "GET /photos?location", "200"),
    private("GetBucketQuota", "GET /photos?quota", "200"),
    private("PutBucketQuota", "PUT /photos?quota\n\n<Quota><StorageQuota>90</StorageQuota></Quota>", "200"),
    private("GetBucketStorageInfo", "GET /photos?storageinfo", "200"),
    private("PutBucketAcl", "PUT /photos?acl\nx-obs-acl: private\nx-amz-acl: private", "200"),
    private("GetBucketAcl", "GET /photos?acl", "200"),
    private("PutBucketPolicy", POLICY, "204"),
    private("GetBucketPolicy", "GET /photos?policy", "200"),
    private("GetBucketPolicyStatus", "GET /photos?policyStatus", "200"),
    private("DeleteBucketPolicy", "DELETE /photos?policy", "204"),
    private("GetBucketVersioning", "GET /photos?versioning", "200"),
    private("GetBucketStorageClass", "GET /photos?storageClass", "200"),
    private("PutBucketStorageClass", "PUT /photos?storageClass\n\n<StorageClass>WARM</StorageClass>", "200"),
    private("GetBucketStoragePolicy", "GET /photos?storagePolicy", "200"),
    private(
        "PutBucketStoragePolicy",
        "PUT /photos?storagePolicy\n\n<StoragePolicy><DefaultStorageClass>STANDARD</DefaultStorageClass></StoragePolicy>",
        "200",
    ),
    private("PutBucketTagging", TAGS, "204"),
    private("GetBucketTagging", "GET /photos?tagging", "200"),
    private("DeleteBucketTagging", "DELETE /photos?tagging", "204"),
    private("PutBucketCors", CORS, "200"),
    private("GetBucketCors", "GET /photos?cors", "200"),
    anyones("OptionsBucket", "OPTIONS /photos\nOrigin: http://a\nAccess-Control-Request-Method: GET"),
    anyones("OptionsObject", "OPTIONS /photos/k\nOrigin: http://a\nAccess-Control-Request-Method: GET"),
    private("DeleteBucketCors", "DELETE /photos?cors", "204"),
    private("GetBucketRequestPayment", "GET /photos?requestPayment", "200"),
    private(
        "PutBucketRequestPayment",
        "PUT /photos?requestPayment\n\n<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
        "200",
    ),
    private("AppendObject", "POST /photos/k?append&position=0\n\n!", "200"),
    private("PutObject", "PUT /photos/k\n\nhello", "200"),
    private("PostObject", "POST /photos form: k\n\nform", "204"),
    private("GetObject", "GET /photos/k", "200"),
    private("HeadObject", "HEAD /photos/k", "200"),
    private("PutObjectTagging", OBJECT_TAGS, "200"),
    private("GetObjectTagging", "GET /photos/k?tagging", "200"),
    private("DeleteObjectTagging", "DELETE /photos/k?tagging", "204"),
    private("PutObjectAcl", "PUT /photos/k?acl\nx-obs-acl: private\nx-amz-acl: private", "200"),
    private("GetObjectAcl", "GET /photos/k?acl", "200"),
    private("SetObjectMetadata", TO_COLD, "200"),
    private("RestoreObject", RESTORE, "202"),
    private("InitiateMultipartUpload", "POST /photos/k?uploads", "200"),
    private("UploadPart", "PUT /photos/k?partNumber=1&uploadId=UPLOAD\n\nhello", "200"),
    private("CopyPart", COPY_PART, "200"),
    private("ListParts", "GET /photos/k?uploadId=UPLOAD", "200"),
    private("ListMultipartUploads", "GET /photos?uploads", "200"),
    private("CompleteMultipartUpload", COMPLETE, "200"),
    private("AbortMultipartUpload", "DELETE /photos/k?uploadId=UPLOAD", "204"),
    private("CopyObject", COPY, "200"),
    private("DeleteObjects", DELETE_MANY, "200"),
    private("DeleteObject", "DELETE /photos/k2", "204"),
    private("ModifyObject", "PUT /files/f?modify&position=0\n\nhello", "200"),
    private("TruncateObject", "PUT /files/f?truncate&length=2", "204"),
    private("RenameObject", "POST /files/f?rename&name=g", "204"),
    private(
        "PutBucketVersioning",
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        "200",
    ),
    private("DeleteBucket", "DELETE /photos", "204"),
];

impl Row {
    /// The request, with an unfinished upload that has a part where it names one.
    async fn request(&self, gateway: &Gateway) -> String {
        if !self.request.contains("UPLOAD") {
            return self.request.to_owned();
        }
        let uploads = gateway.check(As::Obs("alice"), "GET /photos?uploads", "200").await;
        let id = match uploads.element("UploadId") {
            Some(id) => id.to_owned(),
            None => {
                let id = gateway.begin_upload(As::Obs("alice"), "/photos/k").await;
                let part = format!("PUT /photos/k?partNumber=1&uploadId={id}\n\nhello");
                gateway.check(As::Obs("alice"), &part, "200").await;
                id
            }
        };
        self.request.replace("UPLOAD", &id)
    }
}

#[test]
fn every_row_of_the_table_is_expected() {
    let built: BTreeSet<_> = TABLE.iter().map(|op| op.name).collect();
    let expected: BTreeSet<_> = EXPECTED.iter().map(|row| row.name).collect();
    assert_eq!(built, expected);
    assert_eq!(TABLE.len(), EXPECTED.len());
}

#[tokio::test]
async fn everyone_gets_what_is_written() {
    let caller = [As::Obs as fn(&'static str) -> As, As::Aws];
    for as_dialect in caller {
        let gateway = Gateway::with_file_system().await;
        for row in EXPECTED {
            let request = row.request(&gateway).await;
            gateway.check(as_dialect("bob"), &request, row.stranger).await;
            gateway.check(As::Nobody, &request, row.nobody).await;
            gateway.check(as_dialect("frida"), &request, row.while_frozen).await;
            gateway.check(as_dialect("dora"), &request, row.while_gone).await;
            gateway.set_status("alice", AccountStatus::Frozen).await;
            gateway.check(as_dialect("alice"), &request, row.while_frozen).await;
            gateway.set_status("alice", AccountStatus::Active).await;
            gateway.check(as_dialect("alice"), &request, row.owner).await;
        }
        gateway.check(as_dialect("alice"), "HEAD /photos", "404 NoSuchBucket").await;
        gateway.assert_sound();
    }
}

/// A row that moves what a bucket holds names the rule of the ledger by which it does; the others move nothing.
#[tokio::test]
async fn only_rows_with_a_growth_rule_move_the_counters() {
    let gateway = Gateway::with_file_system().await;
    for row in EXPECTED.iter().filter(|row| row.name != "DeleteBucket") {
        let op = TABLE.iter().find(|op| op.name == row.name).unwrap();
        let request = row.request(&gateway).await;
        let used = async || (gateway.usage("photos").await, gateway.usage("files").await);
        let before = used().await;
        gateway.check(As::Obs("alice"), &request, row.owner).await;
        let has_moved = used().await != before;
        // By the rule of renaming nothing comes and nothing goes.
        let has_rule = op.growth.iter().any(|rule| *rule != Rule::Rename);
        assert_eq!(has_moved, has_rule, "{}: from {before:?}", row.name);
    }
}

/// Each row's metric carries its documented name.
#[tokio::test]
async fn answers_are_counted_by_operation_and_code() {
    let gateway = Gateway::with_file_system().await;
    for row in EXPECTED {
        let request = row.request(&gateway).await;
        gateway.check(As::Obs("alice"), &request, row.owner).await;
    }
    gateway.check(As::Obs("alice"), "GET /photos/k", "404 NoSuchBucket").await;
    let metrics = gateway.app.metrics.render();
    for row in EXPECTED {
        let label = format!("operation=\"{}\",code=\"OK\"", row.name);
        assert!(metrics.contains(&label), "{label} in {metrics}");
    }
    assert!(metrics.contains("operation=\"GetObject\",code=\"NoSuchBucket\""), "{metrics}");
}
