// Who may what, through esdk-obs-nodejs: access control lists of buckets and objects, policies, wrong keys.
'use strict';

const assert = require('node:assert/strict');
const { it } = require('node:test');

const { accept, inBothModes, refuse } = require('./suite.js');

inBothModes(__filename, (side) => {
  const everyone = side.isObs ? 'Everyone' : 'http://acs.amazonaws.com/groups/global/AllUsers';

  /** 'who what' of a list, the owner's own grant left out. */
  const grants = ({ Owner, Grants }) =>
    Grants.map(({ Grantee, Permission }) => `${Grantee.URI || Grantee.ID} ${Permission}`)
      .filter((grant) => grant !== `${Owner.ID} FULL_CONTROL`)
      .sort();

  const user = (ID, Permission) => ({ Grantee: { Type: 'CanonicalUser', ID }, Permission });
  const group = (Permission) => ({ Grantee: { Type: 'Group', URI: 'AllUsers' }, Permission });

  side.covers(['PutBucketAcl', 'GetBucketAcl'], 'opens a bucket by name and in full', async () => {
    const call = await side.connect();
    const nobody = await side.nobody();
    const other = await side.account();
    const Bucket = await side.bucket(call);
    const { Owner } = accept(await call('getBucketAcl', { Bucket }));
    assert.deepEqual(grants(accept(await call('getBucketAcl', { Bucket }))), []);
    refuse(await nobody('listObjects', { Bucket }), 403, 'AccessDenied');

    accept(await call('setBucketAcl', { Bucket, ACL: 'public-read' }));
    assert.deepEqual(grants(accept(await call('getBucketAcl', { Bucket }))), [`${everyone} READ`]);
    accept(await nobody('listObjects', { Bucket }));

    const Grants = [user(Owner.ID, 'FULL_CONTROL'), user(other.id, 'WRITE'), user(other.id, 'READ_ACP')];
    accept(await call('setBucketAcl', { Bucket, Owner: { ID: Owner.ID }, Grants }));
    const expected = [`${other.id} READ_ACP`, `${other.id} WRITE`];
    assert.deepEqual(grants(accept(await other.call('getBucketAcl', { Bucket }))), expected);
    await side.put(other.call, Bucket, 'theirs', 'x');
    refuse(await nobody('listObjects', { Bucket }), 403, 'AccessDenied');
    refuse(await other.call('listObjects', { Bucket }), 403, 'AccessDenied');
  });

  side.covers(['PutObjectAcl', 'GetObjectAcl', 'PutObject'], 'opens an object', async () => {
    const call = await side.connect();
    const nobody = await side.nobody();
    const other = await side.account();
    const Bucket = await side.bucket(call);
    await side.put(call, Bucket, 'a', 'x', { ACL: 'public-read' });
    const acl = accept(await call('getObjectAcl', { Bucket, Key: 'a' }));
    assert.deepEqual(grants(acl), [`${everyone} READ`]);
    assert.equal(await side.read(nobody, Bucket, 'a'), 'x');

    accept(await call('setObjectAcl', { Bucket, Key: 'a', ACL: 'private' }));
    refuse(await nobody('getObject', { Bucket, Key: 'a' }), 403, 'AccessDenied');

    const Grants = [user(acl.Owner.ID, 'FULL_CONTROL'), user(other.id, 'READ'), group('READ_ACP')];
    accept(await call('setObjectAcl', { Bucket, Key: 'a', Owner: { ID: acl.Owner.ID }, Grants }));
    const expected = [`${everyone} READ_ACP`, `${other.id} READ`].sort();
    assert.deepEqual(grants(accept(await other.call('getObjectAcl', { Bucket, Key: 'a' }))), expected);
    assert.equal(await side.read(other.call, Bucket, 'a'), 'x');
    refuse(await nobody('getObject', { Bucket, Key: 'a' }), 403, 'AccessDenied');

    await side.put(call, Bucket, 'b', 'y', { GrantRead: `id=${other.id}` });
    assert.equal(await side.read(other.call, Bucket, 'b'), 'y');
  });

  side.covers(
    ['PutBucketPolicy', 'GetBucketPolicy', 'GetBucketPolicyStatus', 'DeleteBucketPolicy'],
    'opens and closes by policy',
    async () => {
      const call = await side.connect();
      const nobody = await side.nobody();
      const other = await side.account();
      const Bucket = await side.bucket(call);
      for (const key of ['public', 'secret']) await side.put(call, Bucket, key, key);
      const statement = (Effect, key, id) => ({
        Effect,
        Principal: id ? (side.isObs ? { ID: [`domain/${id}:user/*`] } : { AWS: [`arn:aws:iam::${id}:root`] }) : '*',
        Action: [side.isObs ? 'GetObject' : 's3:GetObject'],
        Resource: [`${side.isObs ? '' : 'arn:aws:s3:::'}${Bucket}/${key}`],
      });
      refuse(await call('getBucketPolicy', { Bucket }), 404, 'NoSuchBucketPolicy');
      const policy = { Statement: [statement('Allow', '*'), statement('Deny', 'secret', other.id)] };
      accept(await call('setBucketPolicy', { Bucket, Policy: JSON.stringify(policy) }), 204);
      assert.deepEqual(JSON.parse(accept(await call('getBucketPolicy', { Bucket })).Policy), policy);
      assert.equal(accept(await call('getBucketPolicyPublicStatus', { Bucket })).IsPublic, 'true');
      assert.equal(await side.read(nobody, Bucket, 'secret'), 'secret');
      assert.equal(await side.read(other.call, Bucket, 'public'), 'public');
      refuse(await other.call('getObject', { Bucket, Key: 'secret' }), 403, 'AccessDenied');
      accept(await call('deleteBucketPolicy', { Bucket }), 204);
      refuse(await nobody('getObject', { Bucket, Key: 'public' }), 403, 'AccessDenied');
      refuse(await call('setBucketPolicy', { Bucket, Policy: '{"Statement": 1}' }), 400, 'MalformedPolicy');
    },
  );

  side.covers(
    ['PutBucketPublicAccessBlock', 'GetBucketPublicAccessBlock', 'DeleteBucketPublicAccessBlock', 'GetBucketPublicStatus'],
    'blocks public access',
    async () => {
      const call = await side.connect();
      const nobody = await side.nobody();
      const Bucket = await side.bucket(call);
      const isPublic = async () => accept(await call('getBucketPublicStatus', { Bucket })).IsPublic;
      refuse(await call('getBucketPublicAccessBlock', { Bucket }), 404, 'NoSuchPublicAccessBlockConfiguration');
      accept(await call('setBucketAcl', { Bucket, ACL: 'public-read' }));
      accept(await nobody('listObjects', { Bucket }));
      assert.equal(await isPublic(), 'true');
      const switches = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: false, RestrictPublicBuckets: false };
      accept(await call('putBucketPublicAccessBlock', { Bucket, ...switches }));
      const block = accept(await call('getBucketPublicAccessBlock', { Bucket }));
      for (const [name, value] of Object.entries(switches)) assert.equal(block[name], String(value), name);
      refuse(await nobody('listObjects', { Bucket }), 403, 'AccessDenied');
      refuse(await call('setBucketAcl', { Bucket, ACL: 'public-read' }), 403, 'AccessDenied');
      assert.equal(await isPublic(), 'false');
      accept(await call('deleteBucketPublicAccessBlock', { Bucket }), 204);
      accept(await nobody('listObjects', { Bucket }));
    },
  );

  it('is told why it may not', async () => {
    const owner = await side.connect();
    const Bucket = await side.bucket(owner);
    const impostor = await side.connect({ secretKey: 'not-the-secret-of-this-access-key-000001' });
    refuse(await impostor('getBucketQuota', { Bucket }), 403, 'SignatureDoesNotMatch');
    refuse(await (await side.nobody())('getBucketQuota', { Bucket }), 403, 'AccessDenied');
    // HEAD has no body: the code comes in a header.
    refuse(await owner('getObjectMetadata', { Bucket, Key: 'missing' }), 404, 'NoSuchKey');
  });
});
