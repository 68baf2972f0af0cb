// What buckets and objects have beside bytes. The SDK sends CRC32 with documents, where older clients sent Content-MD5.
'use strict';

const assert = require('node:assert/strict');
const { it } = require('node:test');

const {
  CreateBucketCommand,
  DeleteBucketCorsCommand,
  DeleteBucketPolicyCommand,
  DeleteBucketTaggingCommand,
  DeleteObjectCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetBucketRequestPaymentCommand,
  GetBucketTaggingCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketPolicyCommand,
  PutBucketRequestPaymentCommand,
  PutBucketTaggingCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  UploadPartCopyCommand,
  CreateMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  S3Client,
} = require('@aws-sdk/client-s3');

const { bucket, pattern, refused, send } = require('./support.js');

it('tags of a bucket', async () => {
  const Bucket = await bucket(__filename);
  await refused(send(new GetBucketTaggingCommand({ Bucket })), 404, 'NoSuchTagSet');
  const TagSet = [{ Key: 'a', Value: '1' }];
  await send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
  assert.deepEqual((await send(new GetBucketTaggingCommand({ Bucket }))).TagSet, TagSet);
  await send(new DeleteBucketTaggingCommand({ Bucket }));
  await refused(send(new GetBucketTaggingCommand({ Bucket })), 404, 'NoSuchTagSet');
});

it('rules for pages of other origins', async () => {
  const Bucket = await bucket(__filename);
  const CORSRules = [{ AllowedMethods: ['GET', 'PUT'], AllowedOrigins: ['http://a', 'http://b'], MaxAgeSeconds: 60 }];
  await send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  assert.deepEqual((await send(new GetBucketCorsCommand({ Bucket }))).CORSRules, CORSRules);
  const answer = await fetch(`${process.env.AWS_ENDPOINT_URL}/${Bucket}/k`, { headers: { Origin: 'http://b' } });
  assert.equal(answer.headers.get('access-control-allow-origin'), 'http://b');
  await answer.text();
  await send(new DeleteBucketCorsCommand({ Bucket }));
  await refused(send(new GetBucketCorsCommand({ Bucket })), 404, 'NoSuchCORSConfiguration');
});

it('a policy lets everybody read', async () => {
  const Bucket = await bucket(__filename);
  await send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'hello' }));
  const read = async () => (await fetch(`${process.env.AWS_ENDPOINT_URL}/${Bucket}/k`)).status;
  assert.equal(await read(), 403);
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` }],
  });
  await send(new PutBucketPolicyCommand({ Bucket, Policy }));
  assert.deepEqual(JSON.parse((await send(new GetBucketPolicyCommand({ Bucket }))).Policy), JSON.parse(Policy));
  assert.equal((await send(new GetBucketPolicyStatusCommand({ Bucket }))).PolicyStatus.IsPublic, true);
  assert.equal(await read(), 200);
  await send(new DeleteBucketPolicyCommand({ Bucket }));
  assert.equal(await read(), 403);
  await refused(send(new GetBucketPolicyCommand({ Bucket })), 404, 'NoSuchBucketPolicy');
});

it('access control lists', async () => {
  const Bucket = await bucket(__filename);
  await send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'hello' }));
  const own = await send(new GetBucketAclCommand({ Bucket }));
  assert.deepEqual(own.Grants.map(({ Permission }) => Permission), ['FULL_CONTROL']);
  assert.equal(own.Grants[0].Grantee.ID, own.Owner.ID);
  await send(new PutBucketAclCommand({ Bucket, ACL: 'public-read' }));
  assert.equal((await send(new GetBucketAclCommand({ Bucket }))).Grants.length, 2);
  const everyone = { Type: 'Group', URI: 'http://acs.amazonaws.com/groups/global/AllUsers' };
  const AccessControlPolicy = { Owner: own.Owner, Grants: [{ Grantee: everyone, Permission: 'READ' }] };
  await send(new PutObjectAclCommand({ Bucket, Key: 'k', AccessControlPolicy }));
  const { Grants } = await send(new GetObjectAclCommand({ Bucket, Key: 'k' }));
  assert.deepEqual(Grants, AccessControlPolicy.Grants);
  assert.equal((await fetch(`${process.env.AWS_ENDPOINT_URL}/${Bucket}/k`)).status, 200);
});

it('who pays', async () => {
  const Bucket = await bucket(__filename);
  const payer = async () => (await send(new GetBucketRequestPaymentCommand({ Bucket }))).Payer;
  assert.equal(await payer(), 'BucketOwner');
  const RequestPaymentConfiguration = { Payer: 'Requester' };
  await send(new PutBucketRequestPaymentCommand({ Bucket, RequestPaymentConfiguration }));
  assert.equal(await payer(), 'Requester');
});

it('what is locked stays', async () => {
  const Bucket = `${await bucket(__filename)}-locked`;
  await send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  const Rule = { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } };
  const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule };
  await send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  const found = await send(new GetObjectLockConfigurationCommand({ Bucket }));
  assert.deepEqual(found.ObjectLockConfiguration, ObjectLockConfiguration);
  const Key = 'k';
  const { VersionId } = await send(new PutObjectCommand({ Bucket, Key, Body: 'hello' }));
  const head = await send(new HeadObjectCommand({ Bucket, Key }));
  assert.equal(head.ObjectLockMode, 'GOVERNANCE');
  await send(new PutObjectLegalHoldCommand({ Bucket, Key, LegalHold: { Status: 'ON' } }));
  assert.equal((await send(new GetObjectLegalHoldCommand({ Bucket, Key }))).LegalHold.Status, 'ON');
  const gone = (more) => send(new DeleteObjectCommand({ Bucket, Key, VersionId, ...more }));
  await refused(gone({ BypassGovernanceRetention: true }), 403, 'AccessDenied');
  await send(new PutObjectLegalHoldCommand({ Bucket, Key, LegalHold: { Status: 'OFF' } }));
  const RetainUntilDate = new Date(Date.now() + 2 * 24 * 60 * 60 * 1000);
  RetainUntilDate.setMilliseconds(0);
  await send(new PutObjectRetentionCommand({ Bucket, Key, Retention: { Mode: 'GOVERNANCE', RetainUntilDate } }));
  const { Retention } = await send(new GetObjectRetentionCommand({ Bucket, Key }));
  assert.deepEqual(Retention, { Mode: 'GOVERNANCE', RetainUntilDate });
  await refused(gone(), 403, 'AccessDenied');
  await gone({ BypassGovernanceRetention: true });
});

it('a part is copied of another object', async () => {
  const Bucket = await bucket(__filename);
  const Key = 'k';
  const Body = pattern(5 * 1024 * 1024);
  await send(new PutObjectCommand({ Bucket, Key: 'source', Body }));
  const { UploadId } = await send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const copy = { Bucket, Key, UploadId, CopySource: `${Bucket}/source` };
  const first = await send(new UploadPartCopyCommand({ ...copy, PartNumber: 1 }));
  const second = await send(new UploadPartCopyCommand({ ...copy, PartNumber: 2, CopySourceRange: 'bytes=0-9' }));
  const Parts = [first, second].map(({ CopyPartResult }, index) => ({ PartNumber: index + 1, ETag: CopyPartResult.ETag }));
  await send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  const got = await (await send(new GetObjectCommand({ Bucket, Key }))).Body.transformToByteArray();
  assert.ok(Buffer.from(got).equals(Buffer.concat([Body, Body.subarray(0, 10)])));
});

it('a wrong secret is told so', async () => {
  const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: 'another' };
  const stranger = new S3Client({ forcePathStyle: true, credentials });
  const Bucket = await bucket(__filename);
  await refused(stranger.send(new GetObjectCommand({ Bucket, Key: 'k' })), 403, 'SignatureDoesNotMatch');
  stranger.destroy();
});
