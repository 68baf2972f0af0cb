// Buckets, their listings and versions, and many deletions at once.
'use strict';

const assert = require('node:assert/strict');
const { it } = require('node:test');

const {
  BucketNotEmpty,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  NotFound,
  PutObjectCommand,
  paginateListBuckets,
  paginateListObjectsV2,
  waitUntilBucketExists,
} = require('@aws-sdk/client-s3');

const { bucket, refused, s3, send } = require('./support.js');

it('buckets come and go', async () => {
  const Bucket = await bucket(__filename);
  await waitUntilBucketExists({ client: s3, maxWaitTime: 30 }, { Bucket });
  const { Buckets, Owner } = await send(new ListBucketsCommand({}));
  assert.ok(Buckets.some(({ Name, CreationDate }) => Name === Bucket && CreationDate instanceof Date));
  assert.match(Owner.ID, /^[0-9a-f]{32}$/);
  assert.equal((await send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint, 'region-1');
  await send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
  await refused(send(new DeleteBucketCommand({ Bucket })), 409, 'BucketNotEmpty', BucketNotEmpty);
  await send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
  await send(new DeleteBucketCommand({ Bucket }));
  await refused(send(new HeadBucketCommand({ Bucket })), 404, 'NotFound', NotFound);
  await refused(send(new CreateBucketCommand({ Bucket: 'aws-js_' })), 400, 'InvalidBucketName');
});

it('buckets are listed by pages', async () => {
  const made = new Set([await bucket(__filename), await bucket(__filename), await bucket(__filename)]);
  const seen = [];
  for await (const page of paginateListBuckets({ client: s3, pageSize: 1 }, {})) {
    assert.ok(page.Buckets.length <= 1);
    seen.push(...page.Buckets.map(({ Name }) => Name));
  }
  assert.equal(new Set(seen).size, seen.length);
  for (const name of made) assert.ok(seen.includes(name), name);
});

it('objects are listed by pages, under any name', async () => {
  const Bucket = await bucket(__filename);
  const keys = ['a&b', 'a b', 'a+b', 'dir/1', 'dir/2', 'ü%20', 'z'];
  for (const Key of keys) await send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  const seen = [];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) {
    assert.ok(page.KeyCount <= 2);
    seen.push(...page.Contents.map(({ Key }) => Key));
  }
  const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  assert.deepEqual(seen, [...keys].sort(byBytes));
  const folders = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket, Delimiter: '/', Prefix: 'd' })) {
    folders.push(...page.CommonPrefixes.map(({ Prefix }) => Prefix));
    assert.equal(page.Contents, undefined);
  }
  assert.deepEqual(folders, ['dir/']);
});

it('versions', async () => {
  const Bucket = await bucket(__filename, { versioned: true });
  assert.equal((await send(new GetBucketVersioningCommand({ Bucket }))).Status, 'Enabled');
  const Key = 'k';
  const first = await send(new PutObjectCommand({ Bucket, Key, Body: 'first' }));
  const second = await send(new PutObjectCommand({ Bucket, Key, Body: 'second' }));
  assert.notEqual(first.VersionId, second.VersionId);
  const deleted = await send(new DeleteObjectCommand({ Bucket, Key }));
  assert.equal(deleted.DeleteMarker, true);
  const got = await send(new GetObjectCommand({ Bucket, Key, VersionId: first.VersionId }));
  assert.equal(await got.Body.transformToString(), 'first');
  const { DeleteMarkers, Versions } = await send(new ListObjectVersionsCommand({ Bucket }));
  assert.deepEqual(Versions.map(({ VersionId }) => VersionId), [second.VersionId, first.VersionId]);
  assert.deepEqual(DeleteMarkers.map(({ VersionId, IsLatest }) => [VersionId, IsLatest]), [[deleted.VersionId, true]]);
  await send(new DeleteObjectCommand({ Bucket, Key, VersionId: deleted.VersionId }));
  const current = await send(new GetObjectCommand({ Bucket, Key }));
  assert.equal(await current.Body.transformToString(), 'second');
});

it('many objects are deleted at once', async () => {
  const Bucket = await bucket(__filename);
  const Objects = ['a', 'b\r', '<c>', 'd e'].map((Key) => ({ Key }));
  for (const { Key } of Objects) await send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
  const done = await send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.deepEqual(new Set(done.Deleted.map(({ Key }) => Key)), new Set(Objects.map(({ Key }) => Key)));
  assert.equal(done.Errors, undefined);
  await send(new DeleteBucketCommand({ Bucket }));
});
