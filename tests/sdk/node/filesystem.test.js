// Parallel file systems through esdk-obs-nodejs: files changed in place, cut and moved.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { it } = require('node:test');

const { accept, inBothModes, refuse } = require('./suite.js');

inBothModes(__filename, (side) => {
  const fileSystem = (call) => side.bucket(call, { FileInterface: 'Enabled' });

  side.covers(['ModifyObject', 'GetObject'], 'changes bytes in place', async () => {
    const call = await side.connect();
    const Bucket = await fileSystem(call);
    await side.put(call, Bucket, 'a', '0123456789');
    const modify = async (Position, more) =>
      accept(await call('modifyObject', { Bucket, Key: 'a', Position, ...more }));
    await modify(2, { Body: 'xy' });
    assert.equal(await side.read(call, Bucket, 'a'), '01xy456789');
    await modify(11, { Body: '!' });
    assert.equal(await side.read(call, Bucket, 'a'), '01xy456789\0!');
    const source = side.path('source');
    fs.writeFileSync(source, 'file');
    await modify(0, { SourceFile: source });
    assert.equal(await side.read(call, Bucket, 'a'), 'file456789\0!');
    assert.equal((await side.usage(call, Bucket))[0], 12);
  });

  side.covers(['TruncateObject', 'GetObject'], 'cuts and lengthens', async () => {
    const call = await side.connect();
    const Bucket = await fileSystem(call);
    await side.put(call, Bucket, 'a', '0123456789');
    for (const [Length, expected] of [
      [4, '0123'],
      [6, '0123\0\0'],
    ]) {
      accept(await call('truncateObject', { Bucket, Key: 'a', Length }), 204);
      assert.equal(await side.read(call, Bucket, 'a'), expected);
    }
    refuse(await call('truncateObject', { Bucket, Key: 'missing', Length: 1 }), 404, 'NoSuchKey');
  });

  side.covers(['RenameObject'], 'moves files and directories', async () => {
    const call = await side.connect();
    const Bucket = await fileSystem(call);
    for (const key of ['dir/a', 'dir/sub/b', 'else']) await side.put(call, Bucket, key, key);
    accept(await call('renameObject', { Bucket, Key: 'dir/a', Name: 'dir/ü c' }), 204);
    accept(await call('renameObject', { Bucket, Key: 'dir/', Name: 'moved/' }), 204);
    assert.equal(await side.read(call, Bucket, 'moved/ü c'), 'dir/a');
    assert.equal(await side.read(call, Bucket, 'moved/sub/b'), 'dir/sub/b');
    refuse(await call('renameObject', { Bucket, Key: 'dir/a', Name: 'x' }), 404, 'NoSuchKey');
    refuse(await call('renameObject', { Bucket, Key: 'else', Name: 'moved/sub/b' }), 409, 'FsObjectConflict');
    refuse(await call('deleteObject', { Bucket, Key: 'moved/' }), 409, 'DirectoryNotEmpty');
  });

  it('does none of it to an ordinary bucket', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    await side.put(call, Bucket, 'a', 'bytes');
    refuse(await call('modifyObject', { Bucket, Key: 'a', Position: 0, Body: 'x' }), 405, 'MethodNotAllowed');
    refuse(await call('truncateObject', { Bucket, Key: 'a', Length: 1 }), 405, 'MethodNotAllowed');
    refuse(await call('renameObject', { Bucket, Key: 'a', Name: 'b' }), 405, 'MethodNotAllowed');
    assert.equal(await side.read(call, Bucket, 'a'), 'bytes');
  });
});
