// Multipart uploads through esdk-obs-nodejs: begun, filled, looked at, put together, given up.
'use strict';

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { Readable } = require('node:stream');
const { it } = require('node:test');

const { accept, inBothModes, refuse } = require('./suite.js');

const PART = 100 * 1024; // no part but the last may be smaller; the SDK sends no smaller ones either
const md5 = (data) => createHash('md5').update(data);
const etag = (data) => `"${md5(data).digest('hex')}"`;
const etagOfParts = (...parts) =>
  `"${md5(Buffer.concat(parts.map((part) => md5(part).digest()))).digest('hex')}-${parts.length}"`;

inBothModes(__filename, (side) => {
  const begin = async (call, Bucket, Key, more) =>
    accept(await call('initiateMultipartUpload', { Bucket, Key, ...more })).UploadId;

  const ALL = ['InitiateMultipartUpload', 'UploadPart', 'ListParts', 'CompleteMultipartUpload'];

  side.covers([...ALL, 'HeadObject'], 'puts an object together', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const Key = 'a b+ü';
    const parts = ['1', '2', '3'].map((digit) => digit.repeat(PART));
    const UploadId = await begin(call, Bucket, Key, {
      Metadata: { colour: 'blue' },
      ContentType: 'text/x-parts',
      StorageClass: 'WARM',
      ACL: 'public-read',
      Expires: 3,
      EncodingType: 'url',
    });
    const source = side.path('source');
    fs.writeFileSync(source, `..${parts[1]}..`);
    const upload = { Bucket, Key, UploadId };
    const sent = [
      await call('uploadPart', {
        ...upload,
        PartNumber: 1,
        Body: parts[0],
        ContentMD5: md5(parts[0]).digest('base64'),
      }),
      await call('uploadPart', { ...upload, PartNumber: 2, SourceFile: source, Offset: 2, PartSize: PART }),
      await call('uploadPart', { ...upload, PartNumber: 3, Body: Readable.from([parts[2]]) }),
    ];
    const Parts = sent.map((result, index) => ({ PartNumber: index + 1, ETag: accept(result).ETag }));
    assert.deepEqual(
      Parts.map((part) => part.ETag),
      parts.map(etag),
    );
    assert.equal((await side.usage(call, Bucket))[0], 3 * PART);

    const listed = accept(await call('listParts', upload));
    assert.deepEqual(
      listed.Parts.map((part) => [part.PartNumber, part.Size, part.ETag]),
      parts.map((part, index) => [String(index + 1), String(PART), etag(part)]),
    );
    assert.deepEqual(
      [listed.Bucket, listed.Key, listed.UploadId, listed.IsTruncated],
      [Bucket, Key, UploadId, 'false'],
    );
    assert.ok(listed.Owner.ID && listed.Initiator.ID);
    const page = accept(await call('listParts', { ...upload, MaxParts: 1, PartNumberMarker: 1 }));
    assert.deepEqual([page.Parts[0].PartNumber, page.NextPartNumberMarker, page.IsTruncated], ['2', '2', 'true']);

    const whole = accept(await call('completeMultipartUpload', { ...upload, Parts, EncodingType: 'url' }));
    assert.deepEqual([whole.Bucket, whole.Key, whole.ETag], [Bucket, Key, etagOfParts(...parts)]);
    assert.match(whole.Location, /^http/);
    assert.equal(await side.read(await side.nobody(), Bucket, Key), parts.join(''));
    const head = accept(await call('getObjectMetadata', { Bucket, Key }));
    assert.deepEqual([head.ContentType, head.Metadata.colour, head.ETag], ['text/x-parts', 'blue', whole.ETag]);
    assert.equal(head.StorageClass, side.isObs ? 'WARM' : 'STANDARD_IA');
    assert.equal(accept(await call('completeMultipartUpload', { ...upload, Parts })).ETag, whole.ETag);
  });

  side.covers(['CopyPart', 'CompleteMultipartUpload'], 'puts an object together of others', async () => {
    const call = await side.connect();
    const [Bucket, target] = [await side.bucket(call), await side.bucket(call)];
    const data = ['1', '2'].map((digit) => digit.repeat(PART));
    await side.put(call, Bucket, 'the source+ü', data.join(''));
    const upload = { Bucket: target, Key: 'a', UploadId: await begin(call, target, 'a') };
    const CopySource = `${Bucket}/the source+ü`;
    const copies = [
      await call('copyPart', {
        ...upload,
        PartNumber: 1,
        CopySource,
        CopySourceRange: `bytes=${PART}-${2 * PART - 1}`,
      }),
      await call('copyPart', { ...upload, PartNumber: 2, CopySource }),
    ];
    const Parts = copies.map((result, index) => ({ PartNumber: index + 1, ETag: accept(result).ETag }));
    assert.match(copies[0].InterfaceResult.LastModified, /^\d{4}-\d\d-\d\dT/);
    accept(await call('completeMultipartUpload', { ...upload, Parts }));
    assert.equal(await side.read(call, target, 'a'), data[1] + data.join(''));
  });

  side.covers(['ListMultipartUploads', 'AbortMultipartUpload'], 'lists uploads and gives them up', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const uploads = [];
    for (const key of ['a', 'b+c', 'b+d', 'dir/d', 'dir/e']) uploads.push([key, await begin(call, Bucket, key)]);
    const list = async (parameters) => accept(await call('listMultipartUploads', { Bucket, ...parameters }));
    const told = ({ Uploads }) => Uploads.map((entry) => [entry.Key, entry.UploadId]);
    const whole = await list({});
    assert.deepEqual(told(whole), uploads);
    assert.ok(whole.Uploads[0].Owner.ID && whole.Uploads[0].Initiator.ID && whole.Uploads[0].Initiated);
    const grouped = await list({ Delimiter: '/', EncodingType: 'url' });
    assert.deepEqual(told(grouped), uploads.slice(0, 3));
    assert.deepEqual(
      grouped.CommonPrefixes.map((entry) => entry.Prefix),
      ['dir/'],
    );
    assert.deepEqual(told(await list({ Prefix: 'dir/', KeyMarker: 'dir/d' })), uploads.slice(4));
    const first = await list({ MaxUploads: 2 });
    assert.deepEqual([told(first), first.IsTruncated], [uploads.slice(0, 2), 'true']);
    const next = await list({ KeyMarker: first.NextKeyMarker, UploadIdMarker: first.NextUploadIdMarker });
    assert.deepEqual(told(next), uploads.slice(2));
    for (const [Key, UploadId] of uploads) accept(await call('abortMultipartUpload', { Bucket, Key, UploadId }), 204);
    assert.deepEqual(told(await list({})), []);
    const [Key, UploadId] = uploads[0];
    refuse(await call('abortMultipartUpload', { Bucket, Key, UploadId }), 404, 'NoSuchUpload');
    refuse(await call('uploadPart', { Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }), 404, 'NoSuchUpload');
    accept(await call('deleteBucket', { Bucket }), 204);
  });

  it('refuses what cannot be put together', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const upload = { Bucket, Key: 'a', UploadId: await begin(call, Bucket, 'a') };
    const etags = [];
    for (const PartNumber of [1, 2])
      etags.push(accept(await call('uploadPart', { ...upload, PartNumber, Body: `${PartNumber}` })).ETag);
    for (const [numbers, code] of [
      [[2, 1], 'InvalidPartOrder'],
      [[1, 3], 'InvalidPart'],
      [[1, 2], 'EntityTooSmall'],
    ]) {
      const Parts = numbers.map((PartNumber) => ({ PartNumber, ETag: etags[PartNumber - 1] ?? etags[0] }));
      refuse(await call('completeMultipartUpload', { ...upload, Parts }), 400, code);
    }
    assert.deepEqual(await side.keys(call, Bucket), []);
    assert.equal((await side.usage(call, Bucket))[0], 2);
  });
});
