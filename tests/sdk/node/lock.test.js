// Object lock through esdk-obs-nodejs: the default of a bucket, and what is retained stays.
'use strict';

const assert = require('node:assert/strict');

const { accept, inBothModes, refuse } = require('./suite.js');

const NEXT_YEAR = new Date(Math.floor(Date.now() / 1000) * 1000 + 365 * 24 * 60 * 60 * 1000);
const SHOWN = NEXT_YEAR.toISOString().replace('.000Z', 'Z');

inBothModes(__filename, (side) => {
  side.covers(
    ['PutObjectLockConfiguration', 'GetObjectLockConfiguration'],
    'sets, shows and takes away a default',
    async () => {
      const call = await side.connect();
      const Bucket = await side.vault(call);
      const read = async () => accept(await call('getObjectLockConfiguration', { Bucket }));
      const set = (DefaultRetention) =>
        call('setObjectLockConfiguration', { Bucket, ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } });
      accept(await set({ Mode: 'COMPLIANCE', Days: 30 }));
      const { ObjectLockEnabled, Rule } = await read();
      assert.equal(ObjectLockEnabled, 'Enabled');
      assert.deepEqual([Rule.DefaultRetention.Mode, Number(Rule.DefaultRetention.Days)], ['COMPLIANCE', 30]);
      accept(await call('setObjectLockConfiguration', { Bucket, ObjectLockEnabled: 'Enabled' }));
      assert.ok(!(await read()).Rule?.DefaultRetention?.Mode);
      refuse(await set({ Mode: 'COMPLIANCE', Days: 1, Years: 1 }), 400, 'MalformedXML');
      refuse(await call('setBucketVersioning', { Bucket, VersionStatus: 'Suspended' }), 409, 'InvalidBucketState');
    },
  );

  for (const [form, RetainUntilDate] of [
    ['milliseconds', NEXT_YEAR.getTime()],
    ['ISO 8601', SHOWN],
  ]) {
    side.covers(['PutObjectRetention', 'HeadObject'], `keeps what is retained until a date in ${form}`, async () => {
      const call = await side.connect();
      const Bucket = await side.vault(call);
      const { VersionId } = await side.put(call, Bucket, 'a', 'one');
      const Mode = 'COMPLIANCE';
      accept(await call('setObjectRetention', { Bucket, Key: 'a', VersionId, Mode, RetainUntilDate }));
      const head = accept(await call('getObjectMetadata', { Bucket, Key: 'a', VersionId }));
      // The SDK reads these headers in the words of OBS alone.
      const shown = [head.ObjectLockModeObs, head.ObjectLockRetainUntilDateObs];
      assert.deepEqual(shown, side.isObs ? [Mode, SHOWN] : [undefined, undefined]);
      refuse(await call('deleteObject', { Bucket, Key: 'a', VersionId }), 403, 'AccessDenied');
      assert.deepEqual(await side.usage(call, Bucket), [3, 1]);
    });
  }
});
