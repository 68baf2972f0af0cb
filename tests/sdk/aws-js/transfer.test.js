// Uploads of streams by the SDK's manager, uploads by hand, signed URLs, and sessions of the token service.
'use strict';

const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const { it } = require('node:test');

const {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} = require('@aws-sdk/client-s3');
const { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } = require('@aws-sdk/client-sts');
const { Upload } = require('@aws-sdk/lib-storage');
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner');

const { bucket, pattern, refused, s3, send } = require('./support.js');

const MIB = 1024 * 1024;

const bytes = async (input) => Buffer.from(await (await send(new GetObjectCommand(input))).Body.transformToByteArray());

/** The same bytes as a stream that says nothing of its length. */
function* pieces(body) {
  for (let at = 0; at < body.length; at += 100_000) yield body.subarray(at, at + 100_000);
}

it('the manager sends a stream of unknown length in parts', async () => {
  const Bucket = await bucket(__filename);
  const body = pattern(12 * MIB + 1);
  const upload = new Upload({ client: s3, params: { Bucket, Key: 'large', Body: Readable.from(pieces(body)) } });
  const done = await upload.done();
  assert.match(done.ETag, /^"[0-9a-f]{32}-3"$/);
  assert.ok((await bytes({ Bucket, Key: 'large' })).equals(body));
  const attributes = await send(
    new GetObjectAttributesCommand({ Bucket, Key: 'large', ObjectAttributes: ['ObjectParts', 'ObjectSize'] }),
  );
  assert.deepEqual([attributes.ObjectParts.TotalPartsCount, attributes.ObjectSize], [3, body.length]);
});

it('the manager sends a short stream in one request', async () => {
  const Bucket = await bucket(__filename);
  const body = pattern(100_001);
  await new Upload({ client: s3, params: { Bucket, Key: 'small', Body: Readable.from(pieces(body)) } }).done();
  assert.ok((await bytes({ Bucket, Key: 'small' })).equals(body));
});

it('a stream of known length is put with the checksum in a trailer', async () => {
  const Bucket = await bucket(__filename);
  const body = pattern(300_001);
  const put = new PutObjectCommand({
    Bucket,
    Key: 'k',
    Body: Readable.from(pieces(body), { objectMode: false }),
    ContentLength: body.length,
  });
  const { ChecksumCRC32 } = await send(put);
  assert.ok(ChecksumCRC32);
  assert.ok((await bytes({ Bucket, Key: 'k' })).equals(body));
});

it('an upload by hand', async () => {
  const Bucket = await bucket(__filename);
  const Key = 'k';
  const parts = [pattern(5 * MIB), Buffer.from('the end')];
  const { UploadId } = await send(new CreateMultipartUploadCommand({ Bucket, Key }));
  assert.equal((await send(new ListMultipartUploadsCommand({ Bucket }))).Uploads[0].UploadId, UploadId);
  const Parts = [];
  for (const [index, Body] of parts.entries()) {
    const PartNumber = index + 1;
    const { ETag, ChecksumCRC32 } = await send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag, ChecksumCRC32 });
  }
  const listed = await send(new ListPartsCommand({ Bucket, Key, UploadId }));
  assert.deepEqual(listed.Parts.map(({ Size }) => Size), parts.map((part) => part.length));
  const wrong = [{ PartNumber: 1, ETag: Parts[1].ETag }];
  const complete = (MultipartUpload) =>
    send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }));
  await refused(complete({ Parts: wrong }), 400, 'InvalidPart');
  assert.match((await complete({ Parts })).ETag, /-2"$/);
  assert.ok((await bytes({ Bucket, Key })).equals(Buffer.concat(parts)));
});

it('an upload that is given up', async () => {
  const Bucket = await bucket(__filename);
  const Key = 'k';
  const { UploadId } = await send(new CreateMultipartUploadCommand({ Bucket, Key }));
  await send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  const part = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' });
  await refused(send(part), 404, 'NoSuchUpload');
});

it('signed URLs', async () => {
  const Bucket = await bucket(__filename);
  const Key = 'a b/ü';
  const putUrl = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key }), { expiresIn: 60 });
  const put = await fetch(putUrl, { method: 'PUT', body: 'hello' });
  assert.equal(put.status, 200, await put.text());
  const getUrl = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key }), { expiresIn: 60 });
  const got = await fetch(getUrl);
  assert.deepEqual([got.status, await got.text()], [200, 'hello']);
  const other = await fetch(getUrl.replace('X-Amz-Expires=60', 'X-Amz-Expires=61'));
  assert.equal(other.status, 403);
  assert.match(await other.text(), /<Code>SignatureDoesNotMatch<\/Code>/);
});

it('a session may do what its policy allows', async () => {
  const Bucket = await bucket(__filename);
  await send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'hello' }));
  const sts = new STSClient({});
  const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
  assert.equal(Arn, `arn:aws:iam::${Account}:root`);
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` }],
  });
  const RoleArn = `arn:aws:iam::${Account}:role/reader`;
  const assumed = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test', Policy }));
  assert.ok(assumed.Credentials.Expiration > new Date());
  const as = ({ AccessKeyId, SecretAccessKey, SessionToken }) =>
    new S3Client({
      forcePathStyle: true,
      credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
    });
  const reader = as(assumed.Credentials);
  const got = await reader.send(new GetObjectCommand({ Bucket, Key: 'a' }));
  assert.equal(await got.Body.transformToString(), 'hello');
  await refused(reader.send(new PutObjectCommand({ Bucket, Key: 'b', Body: 'x' })), 403, 'AccessDenied');

  const whole = as((await sts.send(new GetSessionTokenCommand({ DurationSeconds: 900 }))).Credentials);
  await whole.send(new PutObjectCommand({ Bucket, Key: 'b', Body: 'x' }));
  const foreign = `arn:aws:iam::${'0'.repeat(32)}:role/reader`;
  const other = new AssumeRoleCommand({ RoleArn: foreign, RoleSessionName: 'test' });
  await refused(sts.send(other), 403, 'AccessDenied');
  for (const client of [sts, reader, whole]) client.destroy();
});
