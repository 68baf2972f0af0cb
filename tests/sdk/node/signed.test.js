// What esdk-obs-nodejs signs for those who are no SDK: URLs of every method, forms; and keys that last for a while only.
'use strict';

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { it } = require('node:test');

const { accept, answer, gateway, inBothModes, refuse } = require('./suite.js');

const PART = 100 * 1024;
const etag = (data) => `"${createHash('md5').update(data).digest('hex')}"`;
const md5 = (data) => createHash('md5').update(data).digest('base64');

inBothModes(__filename, (side) => {
  const own = side.isObs ? 'x-obs-' : 'x-amz-';

  /** Signs a URL and has somebody without keys use it. */
  async function byUrl(client, Method, Bucket, Key, { special, headers, query, body } = {}) {
    const { SignedUrl } = client.createSignedUrlSync({
      Method,
      Bucket,
      Key,
      SpecialParam: special,
      Expires: 60,
      Headers: headers,
      QueryParams: query,
    });
    return answer(Method, SignedUrl, { body, headers });
  }

  const textOf = ({ body }, element) => new RegExp(`<${element}>(.*?)</${element}>`).exec(body)?.[1];

  side.covers(
    [
      'CreateBucket',
      'PutObject',
      'GetObject',
      'HeadObject',
      'ListObjects',
      'DeleteObject',
      'HeadBucket',
      'DeleteBucket',
    ],
    'signs URLs of buckets and objects',
    async () => {
      const client = await side.client();
      const [Bucket, Key] = [side.name(), 'a b/ü?+&=%41'];
      const ask = (method, key, more) => byUrl(client, method, Bucket, key, more);
      assert.equal((await ask('PUT')).status, 200);
      assert.equal((await ask('HEAD')).status, 200);
      const headers = { 'Content-Type': 'text/x-url', [`${own}meta-colour`]: 'blue' };
      assert.equal((await ask('PUT', Key, { body: 'by url', headers })).status, 200);
      const read = await ask('GET', Key, { query: { 'response-content-disposition': 'inline' } });
      assert.deepEqual(
        [read.status, String(read.body), read.headers['content-disposition']],
        [200, 'by url', 'inline'],
      );
      assert.deepEqual([read.headers['content-type'], read.headers[`${own}meta-colour`]], ['text/x-url', 'blue']);
      assert.equal((await ask('HEAD', Key)).headers.etag, etag('by url'));
      assert.match(textOf(await ask('GET', undefined, { query: { prefix: 'a' } }), 'Key'), /^a b\/ü/);
      assert.equal((await ask('DELETE', Key)).status, 204);
      assert.equal((await ask('DELETE')).status, 204);
    },
  );

  side.covers(
    ['PutBucketQuota', 'GetBucketQuota', 'GetBucketAcl', 'GetBucketLocation'],
    'signs URLs of settings',
    async () => {
      const client = await side.client();
      const Bucket = await side.bucket(await side.connect());
      const body = '<Quota><StorageQuota>4711</StorageQuota></Quota>';
      assert.equal((await byUrl(client, 'PUT', Bucket, undefined, { special: 'quota', body })).status, 200);
      assert.equal(textOf(await byUrl(client, 'GET', Bucket, undefined, { special: 'quota' }), 'StorageQuota'), '4711');
      assert.match(String((await byUrl(client, 'GET', Bucket, undefined, { special: 'acl' })).body), /FULL_CONTROL/);
      assert.match(String((await byUrl(client, 'GET', Bucket, undefined, { special: 'location' })).body), /region-1/);
    },
  );

  side.covers(
    ['InitiateMultipartUpload', 'UploadPart', 'ListParts', 'CompleteMultipartUpload', 'AbortMultipartUpload'],
    'signs URLs of an upload',
    async () => {
      const client = await side.client();
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      const ask = (method, more) => byUrl(client, method, Bucket, 'a b', more);
      const uploadId = textOf(await ask('POST', { special: 'uploads' }), 'UploadId');
      const data = ['1'.repeat(PART), '2'];
      for (const [index, body] of data.entries()) {
        const sent = await ask('PUT', { body, query: { partNumber: String(index + 1), uploadId } });
        assert.deepEqual([sent.status, sent.headers.etag], [200, etag(body)]);
      }
      assert.equal(textOf(await ask('GET', { query: { uploadId } }), 'UploadId'), uploadId);
      const parts = data.map(
        (body, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag(body)}</ETag></Part>`,
      );
      const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
      assert.equal((await ask('POST', { body, query: { uploadId } })).status, 200);
      assert.equal(await side.read(call, Bucket, 'a b'), data.join(''));
      const again = textOf(await ask('POST', { special: 'uploads' }), 'UploadId');
      assert.equal((await ask('DELETE', { query: { uploadId: again } })).status, 204);
    },
  );

  side.covers(
    ['AppendObject', 'CopyObject', 'DeleteObjects', 'SetObjectMetadata'],
    'signs URLs of other requests',
    async () => {
      const client = await side.client();
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      const ask = (method, key, more) => byUrl(client, method, Bucket, key, more);
      const grown = await ask('POST', 'log', { special: 'append', query: { position: '0' }, body: '12345' });
      assert.deepEqual([grown.status, grown.headers['x-obs-next-append-position']], [200, '5']);
      const source = { [`${own}copy-source`]: `/${Bucket}/log` };
      assert.equal((await ask('PUT', 'copy', { headers: source })).status, 200);
      const said = { [`${own}metadata-directive`]: 'REPLACE_NEW', [`${own}meta-colour`]: 'blue' };
      assert.equal((await ask('PUT', 'copy', { special: 'metadata', headers: said })).status, 200);
      assert.equal(accept(await call('getObjectMetadata', { Bucket, Key: 'copy' })).Metadata.colour, 'blue');
      const body = '<Delete><Object><Key>log</Key></Object><Object><Key>copy</Key></Object></Delete>';
      const gone = await ask('POST', undefined, { special: 'delete', body, headers: { 'Content-MD5': md5(body) } });
      assert.equal(gone.status, 200, String(gone.body));
      assert.deepEqual(await side.keys(call, Bucket), []);
    },
  );

  it('signs URLs that open nothing else', async () => {
    const client = await side.client();
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    await side.put(call, Bucket, 'a', 'x');
    const { SignedUrl } = client.createSignedUrlSync({ Method: 'GET', Bucket, Key: 'a', Expires: 60 });
    assert.equal(String((await answer('GET', SignedUrl)).body), 'x');
    for (const [method, url] of [
      ['DELETE', SignedUrl],
      ['GET', SignedUrl.replace('/a?', '/b?')],
      ['GET', `${SignedUrl}&acl`],
      ['GET', SignedUrl.replace('Expires=', 'Expires=1')],
    ]) {
      assert.equal((await answer(method, url)).status, 403, `${method} ${url}`);
    }
  });

  /** A form whose last field is a file, as a browser sends it. */
  function form(fields, data) {
    const boundary = 'one-boundary-of-the-suite';
    const field = (name, value) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const lines = Object.entries(fields).map(([name, value]) => field(name, value));
    const file = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n${data}\r\n--${boundary}--\r\n`;
    return { body: lines.join('') + file, headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` } };
  }

  side.covers(['PostObject'], 'signs forms', async () => {
    const client = await side.client();
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const FormParams = { 'content-type': 'text/x-form', [`${own}acl`]: 'public-read', success_action_status: '201' };
    const signed = client.createPostSignatureSync({ Bucket, Key: 'a ü', Expires: 60, FormParams });
    const id = { [side.isObs ? 'AccessKeyId' : 'AWSAccessKeyId']: client.util.ak };
    const proof = { ...id, policy: signed.Policy, signature: signed.Signature };
    const made = await answer('POST', side.address(Bucket), form({ key: 'a ü', ...FormParams, ...proof }, 'by form'));
    assert.deepEqual([made.status, textOf(made, 'Key'), textOf(made, 'Bucket')], [201, 'a ü', Bucket]);
    assert.equal(await side.read(await side.nobody(), Bucket, 'a ü'), 'by form');
    assert.equal(accept(await call('getObjectMetadata', { Bucket, Key: 'a ü' })).ContentType, 'text/x-form');
    if (side.isObs) {
      const short = client.createPostSignatureSync({ Bucket, Expires: 60 });
      const sent = await answer('POST', side.address(Bucket), form({ key: 'any', token: short.Token }, 'x'));
      assert.equal(sent.status, 204, String(sent.body));
    }
    const other = await answer('POST', side.address(Bucket), form({ key: 'b', ...FormParams, ...proof }, 'x'));
    assert.equal(other.status, 403, String(other.body));
  });

  side.covers(['PutObject', 'GetObject', 'CreateBucket'], 'works with a temporary key', async () => {
    const account = await side.account();
    const key = await gateway().temporaryKey(account.name);
    const call = await side.connect(key);
    const Bucket = await side.bucket(call);
    await side.put(call, Bucket, 'a', 'borrowed');
    assert.equal(await side.read(account.call, Bucket, 'a'), 'borrowed');
    const byTheUrl = await byUrl(await side.client(key), 'GET', Bucket, 'a');
    assert.deepEqual([byTheUrl.status, String(byTheUrl.body)], [200, 'borrowed']);

    const forger = await side.connect({ ...key, token: 'not-the-token' });
    refuse(await forger('getBucketQuota', { Bucket }), 403, 'InvalidSecurity');
    const forgetful = await side.connect({ ...key, token: undefined });
    refuse(await forgetful('getBucketQuota', { Bucket }), 403, 'InvalidAccessKeyId');

    const policy = { Statement: [{ Effect: 'Allow', Action: ['GetObject'], Resource: [`${Bucket}/*`] }] };
    const reader = await side.connect(await gateway().temporaryKey(account.name, policy));
    assert.equal(await side.read(reader, Bucket, 'a'), 'borrowed');
    refuse(await reader('putObject', { Bucket, Key: 'a', Body: 'x' }), 403, 'AccessDenied');
  });
});
