// Objects one at a time: what is put is got, whole and in part, under conditions, with tags and checksums.
'use strict';

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { it } = require('node:test');

const {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  NoSuchBucket,
  NoSuchKey,
  NotFound,
  PutObjectCommand,
  PutObjectTaggingCommand,
} = require('@aws-sdk/client-s3');

const { bucket, cli, pattern, refused, send } = require('./support.js');

const text = async (input) => (await send(new GetObjectCommand(input))).Body.transformToString();

it('a string is put and got, with the checksum that the client adds by itself', async () => {
  const Bucket = await bucket(__filename);
  const put = await send(
    new PutObjectCommand({ Bucket, Key: 'a b/ü', Body: 'hello', ContentType: 'text/plain', Metadata: { who: 'me' } }),
  );
  assert.equal(put.ETag, '"5d41402abc4b2a76b9719d911017c592"');
  assert.equal(put.ChecksumCRC32, 'NhCmhg==');
  const got = await send(new GetObjectCommand({ Bucket, Key: 'a b/ü' }));
  assert.equal(await got.Body.transformToString(), 'hello');
  assert.deepEqual([got.ContentType, got.ContentLength, got.Metadata], ['text/plain', 5, { who: 'me' }]);
  assert.equal(got.ChecksumCRC32, 'NhCmhg==', 'or the client would have had nothing to verify');
  const head = await send(new HeadObjectCommand({ Bucket, Key: 'a b/ü', ChecksumMode: 'ENABLED' }));
  assert.deepEqual([head.ContentLength, head.ETag, head.ChecksumCRC32], [5, put.ETag, put.ChecksumCRC32]);
});

it('every checksum there is is kept and shown', async () => {
  const Bucket = await bucket(__filename);
  const expected = {
    CRC32: 'NhCmhg==',
    CRC32C: 'mnG7TA==',
    CRC64NVME: 'M3eFcAZSQlc=',
    SHA1: 'qvTGHdzF6KLavt4PO0gs2a6pQ00=',
    SHA256: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
  };
  for (const [algorithm, value] of Object.entries(expected)) {
    const Key = algorithm;
    const put = await send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ChecksumAlgorithm: algorithm }));
    assert.equal(put[`Checksum${algorithm}`], value);
    const got = await send(new GetObjectCommand({ Bucket, Key }));
    assert.equal(got[`Checksum${algorithm}`], value);
    assert.equal(await got.Body.transformToString(), 'hello');
    const attributes = await send(
      new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['Checksum', 'ETag', 'ObjectSize'] }),
    );
    assert.equal(attributes.Checksum[`Checksum${algorithm}`], value);
    assert.deepEqual([attributes.ETag, attributes.ObjectSize], ['5d41402abc4b2a76b9719d911017c592', 5]);
  }
});

it('a wrong checksum is refused, and nothing is stored', async () => {
  const Bucket = await bucket(__filename);
  const put = new PutObjectCommand({ Bucket, Key: 'k', Body: 'hello', ChecksumCRC32: 'AAAAAA==' });
  await refused(send(put), 400, 'BadDigest');
  await refused(send(new HeadObjectCommand({ Bucket, Key: 'k' })), 404, 'NotFound', NotFound);
});

it('ranges', async () => {
  const Bucket = await bucket(__filename);
  const Key = 'k';
  await send(new PutObjectCommand({ Bucket, Key, Body: 'hello world' }));
  const got = await send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=6-8' }));
  assert.deepEqual([got.$metadata.httpStatusCode, got.ContentRange], [206, 'bytes 6-8/11']);
  assert.equal(await got.Body.transformToString(), 'wor');
  assert.equal(await text({ Bucket, Key, Range: 'bytes=-5' }), 'world');
  await refused(send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=11-' })), 416, 'InvalidRange');
});

it('copies', async () => {
  const Bucket = await bucket(__filename);
  await send(new PutObjectCommand({ Bucket, Key: 'a/ü', Body: 'hello', Metadata: { who: 'me' } }));
  const CopySource = `${Bucket}/${encodeURIComponent('a/ü')}`;
  const copied = await send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource }));
  assert.equal(copied.CopyObjectResult.ETag, '"5d41402abc4b2a76b9719d911017c592"');
  const head = await send(new HeadObjectCommand({ Bucket, Key: 'b' }));
  assert.deepEqual(head.Metadata, { who: 'me' });
  const replaced = { Bucket, Key: 'b', CopySource, MetadataDirective: 'REPLACE', Metadata: { who: 'you' } };
  await send(new CopyObjectCommand(replaced));
  assert.deepEqual((await send(new HeadObjectCommand({ Bucket, Key: 'b' }))).Metadata, { who: 'you' });
  assert.equal(await text({ Bucket, Key: 'b' }), 'hello');
});

it('tags', async () => {
  const Bucket = await bucket(__filename);
  const Key = 'k';
  await send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging: 'a=1&b=2%203' }));
  const tags = async () => (await send(new GetObjectTaggingCommand({ Bucket, Key }))).TagSet;
  assert.deepEqual(await tags(), [{ Key: 'a', Value: '1' }, { Key: 'b', Value: '2 3' }]);
  const Tagging = { TagSet: [{ Key: 'c', Value: '' }] };
  await send(new PutObjectTaggingCommand({ Bucket, Key, Tagging }));
  assert.deepEqual(await tags(), Tagging.TagSet);
  await send(new DeleteObjectTaggingCommand({ Bucket, Key }));
  assert.deepEqual(await tags(), []);
});

it('conditions', async () => {
  const Bucket = await bucket(__filename);
  const Key = 'k';
  const put = (input) => send(new PutObjectCommand({ Bucket, Key, ...input }));
  const { ETag } = await put({ Body: 'first', IfNoneMatch: '*' });
  await refused(put({ Body: 'second', IfNoneMatch: '*' }), 412, 'PreconditionFailed');
  await refused(put({ Body: 'third', IfMatch: '"0"' }), 412, 'PreconditionFailed');
  assert.equal(await text({ Bucket, Key }), 'first');
  await put({ Body: 'fourth', IfMatch: ETag });
  assert.equal(await text({ Bucket, Key }), 'fourth');
  await refused(send(new GetObjectCommand({ Bucket, Key, IfMatch: ETag })), 412, 'PreconditionFailed');
});

it('what is not there has a class of its own', async () => {
  const Bucket = await bucket(__filename);
  await refused(send(new GetObjectCommand({ Bucket, Key: 'k' })), 404, 'NoSuchKey', NoSuchKey);
  await refused(send(new HeadObjectCommand({ Bucket, Key: 'k' })), 404, 'NotFound', NotFound);
  const elsewhere = { Bucket: `${Bucket}-not`, Key: 'k' };
  await refused(send(new GetObjectCommand(elsewhere)), 404, 'NoSuchBucket', NoSuchBucket);
  await refused(send(new PutObjectCommand({ ...elsewhere, Body: 'x' })), 404, 'NoSuchBucket', NoSuchBucket);
  await send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
});

it('a full bucket is QuotaExceeded', async () => {
  const Bucket = await bucket(__filename);
  cli('quota', 'set', Bucket, '10');
  await send(new PutObjectCommand({ Bucket, Key: 'a', Body: '0123456789' }));
  const put = new PutObjectCommand({ Bucket, Key: 'b', Body: '!' });
  const error = await refused(send(put), 403, 'QuotaExceeded');
  assert.ok(error.$metadata.requestId);
  await send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
  await send(put);
});

it('bytes stay what they are', async () => {
  const Bucket = await bucket(__filename);
  const Body = pattern(3_000_001);
  await send(new PutObjectCommand({ Bucket, Key: 'k', Body }));
  const got = await (await send(new GetObjectCommand({ Bucket, Key: 'k' }))).Body.transformToByteArray();
  const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
  assert.equal(digest(got), digest(Body));
});
