// Versions through esdk-obs-nodejs: kept, listed, read, copied, deleted; and the markers that hide them.
'use strict';

const assert = require('node:assert/strict');

const { accept, inBothModes, refuse } = require('./suite.js');

inBothModes(__filename, (side) => {
  const versioned = async (call) => {
    const Bucket = await side.bucket(call);
    accept(await call('setBucketVersioning', { Bucket, VersionStatus: 'Enabled' }));
    return Bucket;
  };
  const put = async (call, Bucket, Key, Body) => (await side.put(call, Bucket, Key, Body)).VersionId;
  const list = async (call, Bucket, more) => accept(await call('listVersions', { Bucket, ...more }));
  const told = ({ Versions }) => Versions.map((entry) => [entry.Key, entry.VersionId, entry.IsLatest]);

  side.covers(
    ['PutObject', 'GetObject', 'HeadObject', 'ListObjectVersions', 'DeleteObject'],
    'keeps every write',
    async () => {
      const call = await side.connect();
      const Bucket = await versioned(call);
      const [one, two] = [await put(call, Bucket, 'a', 'one'), await put(call, Bucket, 'a', 'two!')];
      assert.equal(await side.read(call, Bucket, 'a', { VersionId: one }), 'one');
      const head = accept(await call('getObjectMetadata', { Bucket, Key: 'a', VersionId: one }));
      assert.deepEqual([head.VersionId, head.ContentLength], [one, '3']);
      const page = await list(call, Bucket);
      assert.deepEqual(told(page), [
        ['a', two, 'true'],
        ['a', one, 'false'],
      ]);
      assert.deepEqual(
        [page.Versions[0].Size, page.Versions[0].StorageClass, page.Location],
        ['4', 'STANDARD', 'region-1'],
      );

      const hidden = accept(await call('deleteObject', { Bucket, Key: 'a' }), 204);
      assert.equal(hidden.DeleteMarker, 'true');
      refuse(await call('getObject', { Bucket, Key: 'a' }), 404, 'NoSuchKey');
      refuse(await call('getObject', { Bucket, Key: 'a', VersionId: hidden.VersionId }), 405, 'MethodNotAllowed');
      const [marker] = (await list(call, Bucket)).DeleteMarkers;
      assert.deepEqual([marker.Key, marker.VersionId, marker.IsLatest], ['a', hidden.VersionId, 'true']);
      accept(await call('deleteObject', { Bucket, Key: 'a', VersionId: hidden.VersionId }), 204);
      accept(await call('deleteObject', { Bucket, Key: 'a', VersionId: two }), 204);
      assert.equal(await side.read(call, Bucket, 'a'), 'one');
      refuse(await call('getObject', { Bucket, Key: 'a', VersionId: two }), 404, 'NoSuchVersion');
      assert.deepEqual(await side.usage(call, Bucket), [3, 1]);
    },
  );

  side.covers(['DeleteObjects', 'CopyObject'], 'copies an old version back, deletes many', async () => {
    const call = await side.connect();
    const Bucket = await versioned(call);
    const [one, two] = [await put(call, Bucket, 'a', 'one'), await put(call, Bucket, 'a', 'two!')];
    const copy = accept(await call('copyObject', { Bucket, Key: 'a', CopySource: `/${Bucket}/a?versionId=${one}` }));
    assert.equal(copy.CopySourceVersionId, one);
    assert.ok(copy.VersionId && copy.VersionId !== one);
    assert.equal(await side.read(call, Bucket, 'a'), 'one');
    const Objects = [{ Key: 'a', VersionId: one }, { Key: 'a', VersionId: two }, { Key: 'b' }];
    const { Deleteds } = accept(await call('deleteObjects', { Bucket, Objects }));
    assert.deepEqual(
      Deleteds.map((entry) => [entry.Key, entry.VersionId]),
      [
        ['a', one],
        ['a', two],
        ['b', ''],
      ],
    );
    assert.equal(Deleteds[2].DeleteMarker, 'true');
    assert.deepEqual(told(await list(call, Bucket)), [['a', copy.VersionId, 'true']]);
  });

  side.covers(['PutBucketVersioning', 'PutObject', 'DeleteObject'], 'suspends', async () => {
    const call = await side.connect();
    const Bucket = await versioned(call);
    const kept = await put(call, Bucket, 'a', 'enabled');
    accept(await call('setBucketVersioning', { Bucket, VersionStatus: 'Suspended' }));
    await put(call, Bucket, 'a', 'suspended');
    await put(call, Bucket, 'a', 'suspended again');
    assert.deepEqual(told(await list(call, Bucket)), [
      ['a', 'null', 'true'],
      ['a', kept, 'false'],
    ]);
    assert.equal(await side.read(call, Bucket, 'a', { VersionId: 'null' }), 'suspended again');
    const gone = accept(await call('deleteObject', { Bucket, Key: 'a' }), 204);
    assert.deepEqual([gone.DeleteMarker, gone.VersionId], ['true', 'null']);
    assert.deepEqual(told(await list(call, Bucket)), [['a', kept, 'false']]);
  });

  side.covers(
    [
      'PutObjectAcl',
      'GetObjectAcl',
      'PutObjectTagging',
      'GetObjectTagging',
      'DeleteObjectTagging',
      'SetObjectMetadata',
      'HeadObject',
    ],
    'says something about one version only',
    async () => {
      const call = await side.connect();
      const Bucket = await versioned(call);
      const VersionId = await put(call, Bucket, 'a', 'one');
      await put(call, Bucket, 'a', 'two!');
      const old = { Bucket, Key: 'a', VersionId };
      accept(await call('setObjectAcl', { ...old, ACL: 'public-read' }));
      assert.equal(accept(await call('getObjectAcl', old)).Grants.length, 2);
      assert.equal(accept(await call('getObjectAcl', { Bucket, Key: 'a' })).Grants.length, 1);
      const Tags = [{ Key: 'k', Value: 'v' }];
      accept(await call('setObjectTagging', { ...old, Tags }));
      assert.deepEqual(accept(await call('getObjectTagging', old)).Tags, Tags);
      accept(await call('setObjectMetadata', { ...old, MetadataDirective: 'REPLACE_NEW', ContentType: 'text/x-old' }));
      const head = accept(await call('getObjectMetadata', old));
      assert.deepEqual([head.ContentType, head.TaggingCount], ['text/x-old', '1']);
      const current = accept(await call('getObjectMetadata', { Bucket, Key: 'a' }));
      assert.deepEqual([current.ContentType, current.TaggingCount], ['application/json', undefined]);
      accept(await call('deleteObjectTagging', old), 204);
      assert.equal(accept(await call('getObjectMetadata', old)).TaggingCount, undefined);
    },
  );

  side.covers(['ListObjectVersions'], 'lists versions by pages, with prefix, delimiter and encoding', async () => {
    const call = await side.connect();
    const Bucket = await versioned(call);
    for (const body of ['1', '2'])
      for (const key of ['a', 'b+c', 'dir/d', 'dir/e f']) await put(call, Bucket, key, body);
    accept(await call('deleteObject', { Bucket, Key: 'b+c' }), 204);
    const whole = await list(call, Bucket);
    assert.deepEqual([whole.Versions.length, whole.DeleteMarkers.length], [8, 1]);
    for (const MaxKeys of [1, 2, 5]) {
      const [versions, page] = [[], {}];
      for (let n = 0; n < 10; ++n) {
        const part = await list(call, Bucket, { MaxKeys, EncodingType: 'url', ...page });
        versions.push(...told(part));
        if (part.IsTruncated === 'false') break;
        Object.assign(page, { KeyMarker: part.NextKeyMarker, VersionIdMarker: part.NextVersionIdMarker });
      }
      assert.deepEqual(versions, told(whole));
    }
    const grouped = await list(call, Bucket, { Delimiter: '/' });
    assert.deepEqual(
      grouped.CommonPrefixes.map((entry) => entry.Prefix),
      ['dir/'],
    );
    assert.equal(grouped.Versions.length, 4);
    assert.equal((await list(call, Bucket, { Prefix: 'dir/e', KeyMarker: 'dir/d' })).Versions.length, 2);
  });
});
