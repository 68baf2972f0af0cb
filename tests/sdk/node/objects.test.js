// Objects through esdk-obs-nodejs: put, read, listed, copied, appended to, described, deleted.
'use strict';

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { it } = require('node:test');

const { accept, inBothModes, refuse } = require('./suite.js');

const etag = (text) => `"${createHash('md5').update(text).digest('hex')}"`;
const ODD = 'ünï cödé+鍵/a?b#c&d 100%.txt';
const LONG_AGO = 'Sat, 01 Jan 2000 00:00:00 GMT';

inBothModes(__filename, (side) => {
  side.covers(
    ['PutObject', 'GetObject', 'HeadObject', 'ListObjects', 'DeleteObject'],
    'reads what it wrote',
    async () => {
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      const Metadata = { colour: 'blue' };
      const put = await side.put(call, Bucket, ODD, 'Grüße', { Metadata, ContentLanguage: 'de' });
      assert.equal(put.ETag, etag('Grüße'));
      const read = accept(await call('getObject', { Bucket, Key: ODD }));
      assert.equal(read.Content, 'Grüße');
      assert.deepEqual([read.Metadata.colour, read.ContentLanguage, read.ETag], ['blue', 'de', put.ETag]);
      const head = accept(await call('getObjectMetadata', { Bucket, Key: ODD }));
      assert.deepEqual([head.ContentLength, head.Metadata.colour, head.ETag], ['7', 'blue', put.ETag]);
      const [entry] = accept(await call('listObjects', { Bucket })).Contents;
      assert.deepEqual([entry.Key, entry.Size, entry.ETag, entry.StorageClass], [ODD, '7', put.ETag, 'STANDARD']);
      assert.ok(entry.Owner.ID);
      accept(await call('deleteObject', { Bucket, Key: ODD }), 204);
      refuse(await call('getObject', { Bucket, Key: ODD }), 404, 'NoSuchKey');
    },
  );

  side.covers(['PutObject', 'GetObject'], 'moves files and streams', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const [source, target] = [side.path('source.txt'), side.path('target.bin')];
    const data = Buffer.alloc(500_000, 'abc\0ü');
    fs.writeFileSync(source, data);
    accept(await call('putObject', { Bucket, Key: 'file.html', SourceFile: source }));
    assert.equal(accept(await call('getObjectMetadata', { Bucket, Key: 'file.html' })).ContentType, 'text/html');
    accept(await call('putObject', { Bucket, Key: 'part', SourceFile: source, Offset: 100, ContentLength: 1000 }));
    accept(await call('putObject', { Bucket, Key: 'stream', Body: fs.createReadStream(source) }));
    accept(await call('getObject', { Bucket, Key: 'file.html', SaveAsFile: target }));
    assert.deepEqual(fs.readFileSync(target), data);
    const { Content } = accept(await call('getObject', { Bucket, Key: 'stream', SaveAsStream: true }));
    assert.deepEqual(Buffer.concat(await pieces(Content)), data);
    accept(await call('getObject', { Bucket, Key: 'part', SaveAsFile: target }));
    assert.deepEqual(fs.readFileSync(target), data.subarray(100, 1100));
    assert.deepEqual(await side.usage(call, Bucket), [1_001_000, 3]);
  });

  side.covers(['GetObject'], 'reads ranges and under conditions', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const { ETag } = await side.put(call, Bucket, 'a', 'abcdefghij');
    const get = (parameters) => call('getObject', { Bucket, Key: 'a', ...parameters });
    for (const [Range, expected] of [
      ['bytes=2-4', 'cde'],
      ['bytes=7-', 'hij'],
      ['bytes=-2', 'ij'],
    ]) {
      assert.equal(accept(await get({ Range }), 206).Content, expected);
    }
    refuse(await get({ Range: 'bytes=10-' }), 416, 'InvalidRange');
    accept(await get({ IfMatch: ETag, IfNoneMatch: '"other"', IfModifiedSince: LONG_AGO }));
    refuse(await get({ IfMatch: '"other"' }), 412, 'PreconditionFailed');
    refuse(await get({ IfUnmodifiedSince: LONG_AGO }), 412, 'PreconditionFailed');
    assert.equal((await get({ IfNoneMatch: ETag })).CommonMsg.Status, 304);
    const asked = accept(await get({ ResponseContentType: 'text/x-asked', ResponseCacheControl: 'no-cache' }));
    assert.deepEqual([asked.ContentType, asked.CacheControl], ['text/x-asked', 'no-cache']);
  });

  side.covers(['PutObject', 'HeadObject'], 'says more than bytes', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    await side.put(call, Bucket, 'a', 'x', {
      StorageClass: 'WARM',
      WebsiteRedirectLocation: '/elsewhere',
      Expires: 3,
      Tags: 'colour=blue&shape=',
      CacheControl: 'no-cache',
      ContentDisposition: 'inline',
      ContentEncoding: 'identity',
      ContentMD5: createHash('md5').update('x').digest('base64'),
      ContentSHA256: createHash('sha256').update('x').digest('hex'),
    });
    const head = accept(await call('getObjectMetadata', { Bucket, Key: 'a' }));
    assert.equal(head.StorageClass, side.isObs ? 'WARM' : 'STANDARD_IA');
    assert.deepEqual([head.WebsiteRedirectLocation, head.TaggingCount], ['/elsewhere', '2']);
    assert.deepEqual(
      [head.CacheControl, head.ContentDisposition, head.ContentEncoding],
      ['no-cache', 'inline', 'identity'],
    );
    assert.match(head.Expiration, /^expiry-date="/);
    const wrong = createHash('md5').update('y').digest('base64');
    refuse(await call('putObject', { Bucket, Key: 'b', Body: 'x', ContentMD5: wrong }), 400, 'BadDigest');
  });

  side.covers(['ListObjects'], 'lists with prefix, delimiter, pages and encoding', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const all = ['a', 'b c', 'b+c', 'dir/1', 'dir/2', 'ü'];
    for (const key of all) await side.put(call, Bucket, key, 'x');
    const list = async (parameters) => accept(await call('listObjects', { Bucket, ...parameters }));
    const names = ({ Contents }) => Contents.map((entry) => entry.Key);
    const grouped = await list({ Delimiter: '/' });
    assert.deepEqual(names(grouped), ['a', 'b c', 'b+c', 'ü']);
    assert.deepEqual(
      grouped.CommonPrefixes.map((entry) => entry.Prefix),
      ['dir/'],
    );
    assert.deepEqual(names(await list({ Prefix: 'dir/', Marker: 'dir/1' })), ['dir/2']);
    assert.deepEqual(names(await list({ EncodingType: 'url' })), all);
    const [found, page] = [[], { Marker: '' }];
    for (let n = 0; n < all.length; ++n) {
      const { NextMarker, IsTruncated, ...rest } = await list({ MaxKeys: 2, EncodingType: 'url', ...page });
      found.push(...names(rest));
      if (IsTruncated === 'false') break;
      page.Marker = NextMarker;
    }
    assert.deepEqual(found, all);
    assert.equal((await list({})).Location, 'region-1');
  });

  side.covers(['CopyObject', 'GetObject', 'HeadObject'], 'copies', async () => {
    const call = await side.connect();
    const [Bucket, target] = [await side.bucket(call), await side.bucket(call)];
    await side.put(call, Bucket, ODD, 'bytes', { Metadata: { colour: 'blue' } });
    const CopySource = `/${Bucket}/${ODD}`;
    const copy = accept(await call('copyObject', { Bucket: target, Key: 'a', CopySource }));
    assert.equal(copy.ETag, etag('bytes'));
    assert.match(copy.LastModified, /^\d{4}-\d\d-\d\dT/);
    assert.equal(await side.read(call, target, 'a'), 'bytes');
    assert.equal(accept(await call('getObjectMetadata', { Bucket: target, Key: 'a' })).Metadata.colour, 'blue');

    const own = {
      MetadataDirective: 'REPLACE',
      Metadata: { shape: 'round' },
      ContentType: 'text/x-own',
      StorageClass: 'COLD',
    };
    accept(await call('copyObject', { Bucket: target, Key: 'b', CopySource, ...own }));
    const head = accept(await call('getObjectMetadata', { Bucket: target, Key: 'b' }));
    assert.deepEqual([head.Metadata, head.ContentType], [{ shape: 'round' }, 'text/x-own']);
    assert.equal(head.StorageClass, side.isObs ? 'COLD' : 'GLACIER');

    for (const no of [
      { CopySourceIfMatch: '"other"' },
      { CopySourceIfNoneMatch: etag('bytes') },
      { CopySourceIfUnmodifiedSince: LONG_AGO },
    ]) {
      refuse(await call('copyObject', { Bucket: target, Key: 'c', CopySource, ...no }), 412, 'PreconditionFailed');
    }
    const yes = { CopySourceIfMatch: etag('bytes'), CopySourceIfUnmodifiedSince: LONG_AGO };
    accept(await call('copyObject', { Bucket: target, Key: 'c', CopySource, ...yes }));
    refuse(await call('copyObject', { Bucket: target, Key: 'd', CopySource: `/${Bucket}/missing` }), 404, 'NoSuchKey');
    assert.deepEqual(await side.keys(call, target), ['a', 'b', 'c']);
  });

  side.covers(
    ['CopyObject', 'PutObjectTagging', 'GetObjectTagging', 'DeleteObjectTagging'],
    'tags, and copies tags',
    async () => {
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      await side.put(call, Bucket, 'a', 'x');
      const Tags = [
        { Key: 'colour', Value: 'blue' },
        { Key: 'städte', Value: 'Zürich' },
      ];
      accept(await call('setObjectTagging', { Bucket, Key: 'a', Tags }));
      assert.deepEqual(accept(await call('getObjectTagging', { Bucket, Key: 'a' })).Tags, Tags);
      const CopySource = `/${Bucket}/a`;
      accept(await call('copyObject', { Bucket, Key: 'b', CopySource, TagDirective: 'COPY' }));
      assert.deepEqual(accept(await call('getObjectTagging', { Bucket, Key: 'b' })).Tags, Tags);
      accept(await call('copyObject', { Bucket, Key: 'c', CopySource, TagDirective: 'REPLACE', Tags: 'k=v' }));
      assert.deepEqual(accept(await call('getObjectTagging', { Bucket, Key: 'c' })).Tags, [{ Key: 'k', Value: 'v' }]);
      accept(await call('deleteObjectTagging', { Bucket, Key: 'a' }), 204);
      const none = await call('getObjectTagging', { Bucket, Key: 'a' });
      if (side.isObs) refuse(none, 404, 'NoSuchTagSet');
      else assert.deepEqual(accept(none).Tags, []);
    },
  );

  side.covers(['AppendObject', 'HeadObject', 'ListObjects'], 'appends', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const append = (Position, Body, more) => call('appendObject', { Bucket, Key: 'log', Position, Body, ...more });
    const first = accept(await append(0, 'one,', { Metadata: { colour: 'blue' } }));
    assert.deepEqual([first.NextPosition, first.ETag], ['4', etag('one,')]);
    assert.equal(accept(await append(4, 'two')).NextPosition, '7');
    assert.equal(await side.read(call, Bucket, 'log'), 'one,two');
    const head = accept(await call('getObjectMetadata', { Bucket, Key: 'log' }));
    assert.deepEqual([head.NextPosition, head.ContentLength, head.Metadata.colour], ['7', '7', 'blue']);
    assert.equal(accept(await call('listObjects', { Bucket })).Contents[0].Type, 'Appendable');
    refuse(await append(4, 'x'), 409, 'PositionNotEqualToLength');
    await side.put(call, Bucket, 'log', 'x');
    refuse(await append(1, 'x'), 409, 'ObjectNotAppendable');
    const source = side.path('source');
    fs.writeFileSync(source, 'from a file');
    const more = { Bucket, Key: 'other', SourceFile: source, Offset: 5, ContentLength: 6 };
    assert.equal(accept(await call('appendObject', { ...more, Position: 0 })).NextPosition, '6');
    assert.equal(await side.read(call, Bucket, 'other'), 'a file');
  });

  side.covers(['SetObjectMetadata', 'HeadObject'], 'describes an object anew', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    await side.put(call, Bucket, 'a', 'x', { Metadata: { colour: 'blue', shape: 'round' } });
    const set = async (parameters) => {
      accept(await call('setObjectMetadata', { Bucket, Key: 'a', ...parameters }));
      return accept(await call('getObjectMetadata', { Bucket, Key: 'a' }));
    };
    let head = await set({ MetadataDirective: 'REPLACE_NEW', Metadata: { shape: 'square' }, ContentLanguage: 'de' });
    assert.deepEqual([head.Metadata, head.ContentLanguage], [{ colour: 'blue', shape: 'square' }, 'de']);
    head = await set({ MetadataDirective: 'REPLACE_NEW', StorageClass: 'WARM' });
    assert.equal(head.StorageClass, side.isObs ? 'WARM' : 'STANDARD_IA');
    head = await set({ MetadataDirective: 'REPLACE', Metadata: { size: 'large' }, ContentType: 'text/x-new' });
    assert.deepEqual(
      [head.Metadata, head.ContentLanguage, head.ContentType],
      [{ size: 'large' }, undefined, 'text/x-new'],
    );
    const missing = { Bucket, Key: 'missing', MetadataDirective: 'REPLACE' };
    refuse(await call('setObjectMetadata', missing), 404, 'NoSuchKey');
  });

  side.covers(['RestoreObject', 'GetObject', 'HeadObject'], 'restores what is cold', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const Key = 'cold';
    await side.put(call, Bucket, Key, 'bytes', { StorageClass: 'COLD' });
    refuse(await call('getObject', { Bucket, Key }), 403, 'InvalidObjectState');
    const restored = accept(await call('restoreObject', { Bucket, Key, Days: 1, Tier: 'Expedited' }), 202);
    assert.equal(restored.RestoreStatus, 'INPROGRESS');
    assert.match(
      accept(await call('getObjectMetadata', { Bucket, Key })).Restore,
      /^ongoing-request="false", expiry-date="/,
    );
    assert.equal(await side.read(call, Bucket, Key), 'bytes');
    const again = accept(await call('restoreObject', { Bucket, Key, Days: 2, Tier: 'Standard' }), 200);
    assert.equal(again.RestoreStatus, 'AVAILABLE');
    refuse(await call('restoreObject', { Bucket, Key, Days: 31 }), 400, 'InvalidArgument');
  });

  side.covers(['DeleteObjects'], 'deletes many at once', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const names = ['a', 'b+c', 'd & e', 'ü', 'f'];
    for (const key of names) await side.put(call, Bucket, key, 'x');
    const Objects = (...keys) => keys.map((Key) => ({ Key }));
    const loud = accept(await call('deleteObjects', { Bucket, Objects: Objects('a', 'b+c', 'missing'), Quiet: false }));
    assert.deepEqual(
      loud.Deleteds.map((entry) => entry.Key),
      ['a', 'b+c', 'missing'],
    );
    const quiet = accept(await call('deleteObjects', { Bucket, Objects: Objects('d & e'), Quiet: true }));
    assert.deepEqual([quiet.Deleteds ?? [], quiet.Errors ?? []], [[], []]);
    // By IP the SDK announces the encoding and leaves it to the caller.
    const spelt = side.isObs ? 'ü' : encodeURIComponent('ü');
    const encoded = accept(await call('deleteObjects', { Bucket, Objects: Objects(spelt), EncodingType: 'url' }));
    assert.deepEqual([encoded.Deleteds.map((entry) => entry.Key), encoded.EncodingType], [['ü'], 'url']);
    assert.deepEqual(await side.keys(call, Bucket), ['f']);
  });

  it('keeps what a failed put would have replaced', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    await side.put(call, Bucket, 'a', 'old');
    accept(await call('setBucketQuota', { Bucket, StorageQuota: 5 }));
    refuse(await call('putObject', { Bucket, Key: 'a', Body: 'longer' }), 403, 'InsufficientStorageSpace');
    assert.equal(await side.read(call, Bucket, 'a'), 'old');
  });
});

async function pieces(stream) {
  const read = [];
  for await (const piece of stream) read.push(piece);
  return read;
}
