// The quota through esdk-obs-nodejs, in the two modes the SDK has; it decides by the endpoint alone which it speaks:
//   name  negotiation, `Authorization: OBS`, x-obs-*, bucket in the host name
//   ip    no negotiation, `Authorization: AWS` (V2), x-amz-*, bucket in the path
'use strict';

const assert = require('node:assert/strict');
const dns = require('node:dns');
const { after, before, describe, it } = require('node:test');
const { promisify } = require('node:util');

const ObsClient = require('esdk-obs-nodejs');

const { Gateway, ROOT_ACCESS_KEY, ROOT_SECRET_KEY } = require('./gateway.js');

// RFC 6761 reserves *.localhost for the loopback address, but the C library asks the DNS for all but `localhost`
// itself unless a resolver plug-in is installed, which containers lack.
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(host.endsWith('.localhost') ? '127.0.0.1' : host, ...rest);

/** The call succeeded with `status`; gives what the SDK made of the answer. */
function accept(result, status = 200) {
  assert.equal(result.CommonMsg.Status, status, JSON.stringify(result.CommonMsg));
  assert.match(result.CommonMsg.RequestId, /^[0-9A-F]{32}$/);
  return result.InterfaceResult;
}

/** The call was refused with `status` and `code`. */
function refuse(result, status, code) {
  assert.deepEqual([result.CommonMsg.Status, result.CommonMsg.Code], [status, code], JSON.stringify(result.CommonMsg));
  assert.ok(result.CommonMsg.Message);
}

let gateway;
before(async () => {
  gateway = await Gateway.start();
});
after(() => gateway?.stop());

for (const [mode, host] of Object.entries({ name: 'obs.localhost', ip: '127.0.0.1' })) {
  describe(`by ${mode}`, () => {
    let number = 0;
    const open = [];

    async function connect(accessKey = ROOT_ACCESS_KEY, secretKey = ROOT_SECRET_KEY) {
      const client = new ObsClient({
        access_key_id: accessKey,
        secret_access_key: secretKey,
        server: `http://${host}:${gateway.port}`,
        max_retry_count: 0, // a retried 5xx would look like a success
        timeout: 30,
      });
      open.push(client);
      // The constructor leaves part of its work to a promise it does not hand out.
      await new Promise(setImmediate);
      assert.equal(client.util.isSignatureNegotiation, mode === 'name');
      assert.equal(client.util.signatureContext.signature, mode === 'name' ? 'obs' : 'v2');
      // Every method as a promise: call('getBucketQuota', { … }).
      return (method, parameters) => promisify(client[method].bind(client))(parameters);
    }

    async function bucketOf(call) {
      const Bucket = `sdk-node-${mode}-${++number}`;
      accept(await call('createBucket', { Bucket }));
      return Bucket;
    }

    async function usage(call, Bucket) {
      const info = accept(await call('getBucketStorageInfo', { Bucket }));
      return [Number(info.Size), Number(info.ObjectNumber)];
    }

    const put = (call, Bucket, Key, size) => call('putObject', { Bucket, Key, Body: 'x'.repeat(size) });

    after(() => open.forEach((client) => client.close()));

    it('reads a quota back as it was set', async () => {
      const call = await connect();
      const Bucket = await bucketOf(call);
      assert.equal(accept(await call('getBucketQuota', { Bucket })).StorageQuota, '0');
      for (const StorageQuota of ['1', '1000', '9007199254740993', '9223372036854775807', '0']) {
        accept(await call('setBucketQuota', { Bucket, StorageQuota }));
        assert.equal(accept(await call('getBucketQuota', { Bucket })).StorageQuota, StorageQuota);
      }
    });

    it('is refused what is no quota', async () => {
      const call = await connect();
      const Bucket = await bucketOf(call);
      accept(await call('setBucketQuota', { Bucket, StorageQuota: 77 }));
      for (const StorageQuota of ['-1', '9223372036854775808', '1e3', '1.5', 'ten']) {
        refuse(await call('setBucketQuota', { Bucket, StorageQuota }), 400, 'MalformedQuotaError');
      }
      assert.equal(accept(await call('getBucketQuota', { Bucket })).StorageQuota, '77');
    });

    it('fills a bucket to the byte and no further', async () => {
      const call = await connect();
      const Bucket = await bucketOf(call);
      accept(await call('setBucketQuota', { Bucket, StorageQuota: 1000 }));
      accept(await put(call, Bucket, 'a', 400));
      assert.deepEqual(await usage(call, Bucket), [400, 1]);
      refuse(await put(call, Bucket, 'b', 601), 403, 'InsufficientStorageSpace');
      assert.deepEqual(await usage(call, Bucket), [400, 1]);
      accept(await put(call, Bucket, 'b', 600));
      assert.deepEqual(await usage(call, Bucket), [1000, 2]);
      refuse(await put(call, Bucket, 'a', 401), 403, 'InsufficientStorageSpace');
      accept(await put(call, Bucket, 'a', 100));
      assert.deepEqual(await usage(call, Bucket), [700, 2]);
      accept(await call('deleteObject', { Bucket, Key: 'b' }), 204);
      assert.deepEqual(await usage(call, Bucket), [100, 1]);
      accept(await put(call, Bucket, 'b', 900));
      assert.deepEqual(await usage(call, Bucket), [1000, 2]);
    });

    it('hears the refusal of a large body', async () => {
      const call = await connect();
      const Bucket = await bucketOf(call);
      accept(await call('setBucketQuota', { Bucket, StorageQuota: 1000 }));
      refuse(await put(call, Bucket, 'large', 5_000_000), 403, 'InsufficientStorageSpace');
      assert.deepEqual(await usage(call, Bucket), [0, 0]);
    });

    it('reads what it wrote', async () => {
      const call = await connect();
      const Bucket = await bucketOf(call);
      const Key = 'ünï cödé+鍵/a?b#c.txt';
      accept(await call('putObject', { Bucket, Key, Body: 'Grüße', Metadata: { colour: 'blue' } }));
      const read = accept(await call('getObject', { Bucket, Key }));
      assert.equal(String(read.Content), 'Grüße');
      assert.equal(read.Metadata.colour, 'blue');
      const listed = accept(await call('listObjects', { Bucket }));
      assert.deepEqual(listed.Contents.map((entry) => entry.Key), [Key]);
      assert.equal(accept(await call('getObjectMetadata', { Bucket, Key })).ContentLength, '7');
    });

    it('is told why it may not', async () => {
      const owner = await connect();
      const Bucket = await bucketOf(owner);
      const impostor = await connect(ROOT_ACCESS_KEY, 'not-the-secret-of-this-access-key-000001');
      refuse(await impostor('getBucketQuota', { Bucket }), 403, 'SignatureDoesNotMatch');
      const nobody = await connect('', '');
      refuse(await nobody('getBucketQuota', { Bucket }), 403, 'AccessDenied');
      // HEAD has no body: the code comes in a header.
      refuse(await owner('getObjectMetadata', { Bucket, Key: 'missing' }), 404, 'NoSuchKey');
      accept(await put(owner, Bucket, 'a', 1));
      refuse(await owner('deleteBucket', { Bucket }), 409, 'BucketNotEmpty');
    });
  });
}
