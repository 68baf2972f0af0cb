//! Every operation once, asked for by the owner: what a new row must be added to. Not here: everyone else, who stands in
//! `access_matrix`.

use std::collections::BTreeSet;

use obs_gateway::ops::TABLE;
use obs_gateway::quota::Rule;

use crate::support::{As, Gateway};

/// A request that an operation answers its owner with success. What it answers to others stands in `docs/access.md`.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    request: &'static str,
    /// The verdict of the bucket's owner.
    pub(crate) owner: &'static str,
}

const fn row(name: &'static str, request: &'static str, owner: &'static str) -> Row {
    Row { name, request, owner }
}

pub(crate) const TAGS: &str = "PUT /photos?tagging\nContent-MD5: lHulZuz2zNx4X89U7bVvMw==\n\n<Tagging><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>";
pub(crate) const POLICY: &str = "PUT /photos?policy\n\n{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"PutBucketLogging\",\"Resource\":\"photos\"}}";
pub(crate) const CORS: &str = "PUT /photos?cors\nContent-MD5: HGv5UBbjdmR736tPepqsSQ==\n\n<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";

pub(crate) const PUBLIC_ACCESS: &str = "PUT /photos?publicAccessBlock\n\n<PublicAccessBlockConfiguration><BlockPublicPolicy>false</BlockPublicPolicy></PublicAccessBlockConfiguration>";
pub(crate) const OWNERSHIP: &str = "PUT /photos?ownershipControls\n\n<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";

const COMPLETE: &str = "POST /photos/k?uploadId=UPLOAD\n\n<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>5d41402abc4b2a76b9719d911017c592</ETag></Part></CompleteMultipartUpload>";

pub(crate) const OBJECT_TAGS: &str = "PUT /photos/k?tagging\nContent-MD5: ygxpoiUw4ExsUsHRCTjifw==\n\n<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
const TO_COLD: &str = "PUT /photos/k?metadata\nx-obs-metadata-directive: REPLACE_NEW\nx-obs-storage-class: COLD\n\
                       x-amz-metadata-directive: REPLACE_NEW\nx-amz-storage-class: GLACIER";
const ATTRIBUTES: &str =
    "GET /photos/k?attributes\nx-obs-object-attributes: ETag,ObjectParts\nx-amz-object-attributes: ETag,ObjectParts";
const RESTORE: &str = "POST /photos/k?restore\n\n<RestoreRequest><Days>1</Days></RestoreRequest>";

const COPY_PART: &str =
    "PUT /photos/k?partNumber=2&uploadId=UPLOAD\nx-obs-copy-source: /photos/k\nx-amz-copy-source: /photos/k";

const DELETE_MANY: &str =
    "POST /photos?delete\nContent-MD5: 5DKh5iefM5MSKvRILIuFwQ==\n\n<Delete><Object><Key>k</Key></Object></Delete>";

/// Without the source's tags, which have a permission of their own.
const COPY: &str = "PUT /photos/k2\nx-obs-copy-source: /photos/k\nx-amz-copy-source: /photos/k\n\
                    x-obs-tagging-directive: REPLACE\nx-amz-tagging-directive: REPLACE";

const CALLER_IDENTITY: &str = "POST /\nContent-Type: application/x-www-form-urlencoded\n\n\
                               Action=GetCallerIdentity&Version=2011-06-15";
const SESSION_TOKEN: &str = "POST /\nContent-Type: application/x-www-form-urlencoded\n\n\
                             Action=GetSessionToken&Version=2011-06-15";
const ASSUME_ROLE: &str = "POST /\nContent-Type: application/x-www-form-urlencoded\n\n\
                           Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::ALICE:role/r&RoleSessionName=test";

/// What the operations of object lock find in the bucket `vault`.
pub(crate) const LOCKED: &str = "PUT /vault/k\nx-obs-object-lock-mode: COMPLIANCE\n\
    x-obs-object-lock-retain-until-date: 2015-08-01T00:00:00Z\nx-obs-object-lock-legal-hold: ON\n\nhello";
const LONGER: &str = "PUT /vault/k?retention\n\n\
    <Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2015-09-01T00:00:00Z</RetainUntilDate></Retention>";

/// In an order in which each finds what it needs: `photos` with its object `k`, the file system `files` with `f`, and
/// [`LOCKED`].
pub(crate) const EXPECTED: &[Row] = &[
    row("ListBuckets", "GET /", "200"),
    row("GetApiVersion", "HEAD /?apiversion", "200"),
    row("GetBucketApiVersion", "HEAD /photos?apiversion", "200"),
    row("CreateBucket", "PUT /photos", "200"),
    row("HeadBucket", "HEAD /photos", "200"),
    row("ListObjects", "GET /photos", "200"),
    row("ListObjectsV2", "GET /photos?list-type=2", "200"),
    row("ListObjectVersions", "GET /photos?versions", "200"),
    row("GetBucketLocation", "GET /photos?location", "200"),
    row("GetBucketQuota", "GET /photos?quota", "200"),
    row("PutBucketQuota", "PUT /photos?quota\n\n<Quota><StorageQuota>90</StorageQuota></Quota>", "200"),
    row("GetBucketStorageInfo", "GET /photos?storageinfo", "200"),
    row("PutBucketAcl", "PUT /photos?acl\nx-obs-acl: private\nx-amz-acl: private", "200"),
    row("GetBucketAcl", "GET /photos?acl", "200"),
    row("PutBucketPolicy", POLICY, "204"),
    row("GetBucketPolicy", "GET /photos?policy", "200"),
    row("GetBucketPolicyStatus", "GET /photos?policyStatus", "200"),
    row("DeleteBucketPolicy", "DELETE /photos?policy", "204"),
    row("PutBucketPublicAccessBlock", PUBLIC_ACCESS, "200"),
    row("GetBucketPublicAccessBlock", "GET /photos?publicAccessBlock", "200"),
    row("DeleteBucketPublicAccessBlock", "DELETE /photos?publicAccessBlock", "204"),
    row("GetBucketPublicStatus", "GET /photos?bucketStatus", "200"),
    row("PutBucketOwnershipControls", OWNERSHIP, "200"),
    row("GetBucketOwnershipControls", "GET /photos?ownershipControls", "200"),
    row("DeleteBucketOwnershipControls", "DELETE /photos?ownershipControls", "204"),
    row("GetBucketVersioning", "GET /photos?versioning", "200"),
    row("GetBucketStorageClass", "GET /photos?storageClass", "200"),
    row("PutBucketStorageClass", "PUT /photos?storageClass\n\n<StorageClass>WARM</StorageClass>", "200"),
    row("GetBucketStoragePolicy", "GET /photos?storagePolicy", "200"),
    row(
        "PutBucketStoragePolicy",
        "PUT /photos?storagePolicy\n\n<StoragePolicy><DefaultStorageClass>STANDARD</DefaultStorageClass></StoragePolicy>",
        "200",
    ),
    row("PutBucketTagging", TAGS, "204"),
    row("GetBucketTagging", "GET /photos?tagging", "200"),
    row("DeleteBucketTagging", "DELETE /photos?tagging", "204"),
    row("PutBucketCors", CORS, "200"),
    row("GetBucketCors", "GET /photos?cors", "200"),
    row("OptionsBucket", "OPTIONS /photos\nOrigin: http://a\nAccess-Control-Request-Method: GET", "200"),
    row("OptionsObject", "OPTIONS /photos/k\nOrigin: http://a\nAccess-Control-Request-Method: GET", "200"),
    row("DeleteBucketCors", "DELETE /photos?cors", "204"),
    row("GetBucketRequestPayment", "GET /photos?requestPayment", "200"),
    row(
        "PutBucketRequestPayment",
        "PUT /photos?requestPayment\n\n<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
        "200",
    ),
    row(
        "PutObjectLockConfiguration",
        "PUT /vault?object-lock\n\n<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
        "200",
    ),
    row("GetObjectLockConfiguration", "GET /vault?object-lock", "200"),
    row("PutObjectRetention", LONGER, "200"),
    row("GetObjectRetention", "GET /vault/k?retention", "200"),
    row("PutObjectLegalHold", "PUT /vault/k?legal-hold\n\n<LegalHold><Status>OFF</Status></LegalHold>", "200"),
    row("GetObjectLegalHold", "GET /vault/k?legal-hold", "200"),
    row("AppendObject", "POST /photos/k?append&position=0\n\n!", "200"),
    row("PutObject", "PUT /photos/k\n\nhello", "200"),
    row("PostObject", "POST /photos form: k\n\nform", "204"),
    row("GetObject", "GET /photos/k", "200"),
    row("HeadObject", "HEAD /photos/k", "200"),
    row("GetObjectAttributes", ATTRIBUTES, "200"),
    row("PutObjectTagging", OBJECT_TAGS, "200"),
    row("GetObjectTagging", "GET /photos/k?tagging", "200"),
    row("DeleteObjectTagging", "DELETE /photos/k?tagging", "204"),
    row("PutObjectAcl", "PUT /photos/k?acl\nx-obs-acl: private\nx-amz-acl: private", "200"),
    row("GetObjectAcl", "GET /photos/k?acl", "200"),
    row("SetObjectMetadata", TO_COLD, "200"),
    row("RestoreObject", RESTORE, "202"),
    row("InitiateMultipartUpload", "POST /photos/k?uploads", "200"),
    row("UploadPart", "PUT /photos/k?partNumber=1&uploadId=UPLOAD\n\nhello", "200"),
    row("CopyPart", COPY_PART, "200"),
    row("ListParts", "GET /photos/k?uploadId=UPLOAD", "200"),
    row("ListMultipartUploads", "GET /photos?uploads", "200"),
    row("CompleteMultipartUpload", COMPLETE, "200"),
    row("AbortMultipartUpload", "DELETE /photos/k?uploadId=UPLOAD", "204"),
    row("CopyObject", COPY, "200"),
    row("DeleteObjects", DELETE_MANY, "200"),
    row("DeleteObject", "DELETE /photos/k2", "204"),
    row("ModifyObject", "PUT /files/f?modify&position=0\n\nhello", "200"),
    row("TruncateObject", "PUT /files/f?truncate&length=2", "204"),
    row("RenameObject", "POST /files/f?rename&name=g", "204"),
    row(
        "PutBucketVersioning",
        "PUT /photos?versioning\n\n<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        "200",
    ),
    row("GetCallerIdentity", CALLER_IDENTITY, "200"),
    row("GetSessionToken", SESSION_TOKEN, "200"),
    row("AssumeRole", ASSUME_ROLE, "200"),
    row("DeleteBucket", "DELETE /photos", "204"),
];

/// Whether a request calls the token service, which takes one kind of signature alone.
pub(crate) fn is_call(request: &str) -> bool {
    request.contains("\n\nAction=")
}

/// Alice, as she asks for `request`.
fn alice(request: &str) -> As {
    if is_call(request) { As::S3("alice") } else { As::Obs("alice") }
}

impl Row {
    /// The request, with an unfinished upload that has a part where it names one.
    pub(crate) async fn request(&self, gateway: &Gateway) -> String {
        if self.request.contains("ALICE") {
            return self.request.replace("ALICE", &gateway.account_id("alice").await);
        }
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

async fn furnished() -> Gateway {
    let gateway = Gateway::with_vault().await;
    gateway.check(As::Obs("alice"), LOCKED, "200").await;
    gateway
}

#[test]
fn every_row_of_the_table_is_expected() {
    let built: BTreeSet<_> = TABLE.iter().map(|op| op.name).collect();
    let expected: BTreeSet<_> = EXPECTED.iter().map(|row| row.name).collect();
    assert_eq!(built, expected);
    assert_eq!(TABLE.len(), EXPECTED.len());
}

/// A row that moves what a bucket holds names the rule of the ledger by which it does; the others move nothing.
#[tokio::test]
async fn only_rows_with_a_growth_rule_move_the_counters() {
    let gateway = furnished().await;
    for row in EXPECTED.iter().filter(|row| row.name != "DeleteBucket") {
        let op = TABLE.iter().find(|op| op.name == row.name).unwrap();
        let request = row.request(&gateway).await;
        let used = async || [gateway.usage("photos").await, gateway.usage("files").await, gateway.usage("vault").await];
        let before = used().await;
        gateway.check(alice(&request), &request, row.owner).await;
        let has_moved = used().await != before;
        // By the rule of renaming nothing comes and nothing goes.
        let has_rule = op.growth.iter().any(|rule| *rule != Rule::Rename);
        assert_eq!(has_moved, has_rule, "{}: from {before:?}", row.name);
    }
}

/// Each row's metric carries its documented name.
#[tokio::test]
async fn answers_are_counted_by_operation_and_code() {
    let gateway = furnished().await;
    for row in EXPECTED {
        let request = row.request(&gateway).await;
        gateway.check(alice(&request), &request, row.owner).await;
    }
    gateway.check(As::Obs("alice"), "GET /photos/k", "404 NoSuchBucket").await;
    let metrics = gateway.app.metrics.render();
    for row in EXPECTED {
        let label = format!("operation=\"{}\",code=\"OK\"", row.name);
        assert!(metrics.contains(&label), "{label} in {metrics}");
    }
    assert!(metrics.contains("operation=\"GetObject\",code=\"NoSuchBucket\""), "{metrics}");
}
