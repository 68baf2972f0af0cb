// Buckets through esdk-obs-nodejs: made, seen, found, deleted; and their settings, set, read back and taken away.
'use strict';

const assert = require('node:assert/strict');
const { it } = require('node:test');

const { accept, inBothModes, refuse } = require('./suite.js');

const ORIGIN = 'https://app.example.com';

inBothModes(__filename, (side) => {
  // Each dialect has a sub-resource of its own for it.
  const CLASS = side.isObs ? 'BucketStorageClass' : 'BucketStoragePolicy';

  side.covers(['CreateBucket', 'HeadBucket', 'DeleteBucket'], 'makes a bucket and deletes it', async () => {
    const call = await side.connect();
    const Bucket = side.name();
    refuse(await call('headBucket', { Bucket }), 404, 'NoSuchBucket');
    accept(await call('createBucket', { Bucket }));
    accept(await call('headBucket', { Bucket }));
    accept(await call('createBucket', { Bucket })); // again, by its owner: nothing changes
    accept(await call('deleteBucket', { Bucket }), 204);
    refuse(await call('headBucket', { Bucket }), 404, 'NoSuchBucket');
  });

  if (side.isObs) {
    side.covers(['GetApiVersion', 'GetBucketApiVersion'], 'asks for the protocol first', async () => {
      const call = await side.connect();
      accept(await call('listBuckets', {}));
      accept(await call('headBucket', { Bucket: await side.bucket(call) }));
    });
  }

  side.covers(['ListBuckets', 'GetBucketLocation', 'HeadBucket'], 'finds a bucket and its place', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call, { Location: 'region-1' });
    const { Buckets, Owner } = accept(await call('listBuckets', { QueryLocation: true }));
    const entry = Buckets.find(({ BucketName }) => BucketName === Bucket);
    assert.equal(entry.Location, 'region-1');
    assert.match(entry.CreationDate, /^\d{4}-\d\d-\d\dT/);
    assert.ok(Owner.ID);
    assert.equal(accept(await call('getBucketLocation', { Bucket })).Location, 'region-1');
    const head = accept(await call('getBucketMetadata', { Bucket }));
    assert.deepEqual([head.Location, head.StorageClass, head.ObsVersion], ['region-1', 'STANDARD', '3.0']);
    const elsewhere = await call('createBucket', { Bucket: side.name(), Location: 'region-9' });
    refuse(elsewhere, 400, 'InvalidLocationConstraint');
  });

  side.covers(['ListBuckets'], 'lists buckets by pages', async () => {
    const { call } = await side.account();
    const names = [];
    for (let n = 0; n < 3; ++n) names.push(await side.bucket(call));
    const first = accept(await call('listBuckets', { MaxKeys: 2 }));
    assert.deepEqual(
      first.Buckets.map((entry) => entry.BucketName),
      names.slice(0, 2),
    );
    assert.deepEqual([first.IsTruncated, first.NextMarker], ['true', names[1]]);
    const second = accept(await call('listBuckets', { MaxKeys: 2, Marker: first.NextMarker }));
    assert.deepEqual(
      second.Buckets.map((entry) => entry.BucketName),
      names.slice(2),
    );
    assert.equal(second.IsTruncated, 'false');
  });

  side.covers(['CreateBucket', 'ListBuckets', 'HeadBucket'], 'tells file systems from buckets', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call, { FileInterface: 'Enabled' });
    const ordinary = await side.bucket(call);
    assert.equal(accept(await call('getBucketMetadata', { Bucket })).FsInterface, 'Enabled');
    for (const [BucketType, yes, no] of [
      ['POSIX', Bucket, ordinary],
      ['OBJECT', ordinary, Bucket],
    ]) {
      const names = accept(await call('listBuckets', { BucketType })).Buckets.map((entry) => entry.BucketName);
      assert.ok(names.includes(yes) && !names.includes(no));
    }
    refuse(await call('setBucketVersioning', { Bucket, VersionStatus: 'Enabled' }), 405, 'FsNotSupport');
  });

  side.covers(['CreateBucket', 'GetBucketAcl', `Get${CLASS}`], 'makes a bucket with a class and access', async () => {
    const call = await side.connect();
    const { id } = await side.account();
    const Bucket = await side.bucket(call, { StorageClass: 'WARM', GrantRead: `id=${id}`, GrantWriteAcp: `id=${id}` });
    const warm = side.isObs ? 'WARM' : 'STANDARD_IA';
    assert.equal(accept(await call('getBucketStoragePolicy', { Bucket })).StorageClass, warm);
    assert.equal(accept(await call('getBucketMetadata', { Bucket })).StorageClass, warm);
    const { Grants } = accept(await call('getBucketAcl', { Bucket }));
    const theirs = Grants.filter(({ Grantee }) => Grantee.ID === id).map(({ Permission }) => Permission);
    assert.deepEqual(theirs.sort(), ['READ', 'WRITE_ACP']);
    const open = await side.bucket(call, { ACL: 'public-read' });
    accept(await (await side.nobody())('listObjects', { Bucket: open }));
  });

  side.covers([`Put${CLASS}`, `Get${CLASS}`], 'chooses the class of new objects', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    assert.equal(accept(await call('getBucketStoragePolicy', { Bucket })).StorageClass, 'STANDARD');
    for (const StorageClass of ['WARM', 'COLD']) {
      accept(await call('setBucketStoragePolicy', { Bucket, StorageClass }));
      const spelt = side.isObs ? StorageClass : { WARM: 'STANDARD_IA', COLD: 'GLACIER' }[StorageClass];
      assert.equal(accept(await call('getBucketStoragePolicy', { Bucket })).StorageClass, spelt);
      await side.put(call, Bucket, StorageClass, 'x');
      assert.equal(accept(await call('getObjectMetadata', { Bucket, Key: StorageClass })).StorageClass, spelt);
    }
  });

  side.covers(['PutBucketVersioning', 'GetBucketVersioning'], 'switches versions on and off', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    assert.ok(!accept(await call('getBucketVersioning', { Bucket })).VersionStatus);
    for (const VersionStatus of ['Enabled', 'Suspended']) {
      accept(await call('setBucketVersioning', { Bucket, VersionStatus }));
      assert.equal(accept(await call('getBucketVersioning', { Bucket })).VersionStatus, VersionStatus);
    }
    assert.equal((await call('setBucketVersioning', { Bucket, VersionStatus: 'Off' })).CommonMsg.Status, 400);
  });

  side.covers(['PutBucketTagging', 'GetBucketTagging', 'DeleteBucketTagging'], 'tags a bucket', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    refuse(await call('getBucketTagging', { Bucket }), 404, 'NoSuchTagSet');
    const Tags = [
      { Key: 'colour', Value: 'blue' },
      { Key: 'städte', Value: 'Zürich' },
    ];
    accept(await call('setBucketTagging', { Bucket, Tags }), 204);
    assert.deepEqual(accept(await call('getBucketTagging', { Bucket })).Tags, Tags);
    accept(await call('deleteBucketTagging', { Bucket }), 204);
    refuse(await call('getBucketTagging', { Bucket }), 404, 'NoSuchTagSet');
    const twice = [Tags[0], Tags[0]];
    assert.equal((await call('setBucketTagging', { Bucket, Tags: twice })).CommonMsg.Status, 400);
  });

  side.covers(
    ['PutBucketRequestPayment', 'GetBucketRequestPayment', 'GetObject'],
    'lets the one who asks pay',
    async () => {
      const call = await side.connect();
      const other = await side.account();
      const Bucket = await side.bucket(call);
      await side.put(call, Bucket, 'a', 'x', { GrantRead: `id=${other.id}` });
      assert.equal(accept(await call('getBucketRequesterPayment', { Bucket })).Payer, 'BucketOwner');
      accept(await call('setBucketRequesterPayment', { Bucket, Payer: 'Requester' }));
      assert.equal(accept(await call('getBucketRequesterPayment', { Bucket })).Payer, 'Requester');
      refuse(await other.call('getObject', { Bucket, Key: 'a' }), 403, 'RequestPayerDenied');
      assert.equal(await side.read(other.call, Bucket, 'a', { RequestPayer: 'requester' }), 'x');
    },
  );

  const RULES = [
    {
      ID: 'first',
      AllowedMethod: ['PUT', 'POST'],
      AllowedOrigin: ['https://*.example.com'],
      AllowedHeader: ['x-obs-*'],
      MaxAgeSeconds: '100',
      ExposeHeader: ['ETag', 'x-obs-request-id'],
    },
    { AllowedMethod: ['GET', 'HEAD'], AllowedOrigin: ['*'], AllowedHeader: ['*'] },
  ];

  side.covers(
    ['PutBucketCors', 'GetBucketCors', 'DeleteBucketCors', 'OptionsBucket', 'OptionsObject', 'HeadBucket', 'GetObject'],
    'lets pages of other origins in',
    async () => {
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      refuse(await call('getBucketCors', { Bucket }), 404, 'NoSuchCORSConfiguration');
      accept(await call('setBucketCors', { Bucket, CorsRules: RULES }));
      const { CorsRules } = accept(await call('getBucketCors', { Bucket }));
      assert.deepEqual(CorsRules[0], RULES[0]);
      assert.deepEqual(CorsRules[1].AllowedMethod, ['GET', 'HEAD']);

      const asked = { Bucket, Origin: ORIGIN, AccessControlRequestMethods: ['PUT'] };
      const withHeaders = { ...asked, AccessControlRequestHeaders: ['x-obs-acl'] };
      for (const result of [
        await call('optionsBucket', withHeaders),
        await call('optionsObject', { ...withHeaders, Key: 'not/there/yet' }),
      ]) {
        const body = accept(result);
        assert.deepEqual([body.AllowOrigin, body.MaxAgeSeconds], [ORIGIN, '100']);
        assert.match(body.AllowHeader, /x-obs-acl/);
        assert.match(body.AllowMethod, /PUT/);
        assert.match(body.ExposeHeader, /ETag/);
      }
      for (const no of [{ Origin: 'https://example.org' }, { AccessControlRequestMethods: ['DELETE'] }]) {
        refuse(await call('optionsBucket', { ...asked, ...no }), 403, 'AccessForbidden');
      }

      await side.put(call, Bucket, 'a', 'x');
      for (const result of [
        await call('getBucketMetadata', { Bucket, Origin: ORIGIN }),
        await call('getObjectMetadata', { Bucket, Key: 'a', Origin: ORIGIN }),
        await call('getObject', { Bucket, Key: 'a', Origin: ORIGIN }),
      ]) {
        assert.match(accept(result).AllowMethod, /GET/);
      }
      accept(await call('deleteBucketCors', { Bucket }), 204);
      refuse(await call('getBucketCors', { Bucket }), 404, 'NoSuchCORSConfiguration');
      refuse(await call('optionsBucket', asked), 403, 'AccessForbidden');
    },
  );

  it('keeps a bucket with content', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    await side.put(call, Bucket, 'a', 'x');
    refuse(await call('deleteBucket', { Bucket }), 409, 'BucketNotEmpty');
  });
});
