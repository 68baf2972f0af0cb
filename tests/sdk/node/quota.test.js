// The quota through esdk-obs-nodejs: set, read, enforced to the byte.
'use strict';

const assert = require('node:assert/strict');
const { it } = require('node:test');

const { accept, inBothModes, refuse } = require('./suite.js');

inBothModes(__filename, (side) => {
  const put = (call, Bucket, Key, size) => call('putObject', { Bucket, Key, Body: 'x'.repeat(size) });

  side.covers(['PutBucketQuota', 'GetBucketQuota'], 'reads a quota back as it was set', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    assert.equal(accept(await call('getBucketQuota', { Bucket })).StorageQuota, '0');
    for (const StorageQuota of ['1', '1000', '9007199254740993', '9223372036854775807', '0']) {
      accept(await call('setBucketQuota', { Bucket, StorageQuota }));
      assert.equal(accept(await call('getBucketQuota', { Bucket })).StorageQuota, StorageQuota);
    }
  });

  it('is refused what is no quota', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    accept(await call('setBucketQuota', { Bucket, StorageQuota: 77 }));
    for (const StorageQuota of ['-1', '9223372036854775808', '1e3', '1.5', 'ten']) {
      refuse(await call('setBucketQuota', { Bucket, StorageQuota }), 400, 'MalformedQuotaError');
    }
    assert.equal(accept(await call('getBucketQuota', { Bucket })).StorageQuota, '77');
  });

  side.covers(
    ['PutBucketQuota', 'GetBucketStorageInfo', 'PutObject'],
    'fills a bucket to the byte and no further',
    async () => {
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      accept(await call('setBucketQuota', { Bucket, StorageQuota: 1000 }));
      accept(await put(call, Bucket, 'a', 400));
      assert.deepEqual(await side.usage(call, Bucket), [400, 1]);
      refuse(await put(call, Bucket, 'b', 601), 403, 'InsufficientStorageSpace');
      assert.deepEqual(await side.usage(call, Bucket), [400, 1]);
      accept(await put(call, Bucket, 'b', 600));
      assert.deepEqual(await side.usage(call, Bucket), [1000, 2]);
      refuse(await put(call, Bucket, 'a', 401), 403, 'InsufficientStorageSpace');
      accept(await put(call, Bucket, 'a', 100));
      assert.deepEqual(await side.usage(call, Bucket), [700, 2]);
      accept(await call('deleteObject', { Bucket, Key: 'b' }), 204);
      assert.deepEqual(await side.usage(call, Bucket), [100, 1]);
      accept(await put(call, Bucket, 'b', 900));
      assert.deepEqual(await side.usage(call, Bucket), [1000, 2]);
    },
  );

  it('hears the refusal of a large body', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    accept(await call('setBucketQuota', { Bucket, StorageQuota: 1000 }));
    refuse(await put(call, Bucket, 'large', 5_000_000), 403, 'InsufficientStorageSpace');
    assert.deepEqual(await side.usage(call, Bucket), [0, 0]);
  });
});
