// Files sent and fetched part by part through esdk-obs-nodejs, also over a wire that breaks: what went through is not
// sent again.
'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const { it } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { accept, gateway, inBothModes, refuse } = require('./suite.js');
const { Wire } = require('./wire.js');

const PART = 100 * 1024; // the smallest the SDK sends
const SIZE = 4 * PART + 1234;
const WRITE_MS = 60_000;

inBothModes(__filename, (side) => {
  const file = (data = randomBytes(SIZE)) => {
    const path = side.path('source.txt');
    fs.writeFileSync(path, data);
    return path;
  };

  /** The object's bytes. */
  const bytes = async (call, Bucket, Key) => {
    const SaveAsFile = side.path('read');
    accept(await call('getObject', { Bucket, Key, SaveAsFile }));
    return fs.readFileSync(SaveAsFile);
  };

  /** Gives `body` a wire, and a client at its other end. */
  const atADistance = async (body) => {
    const wire = await Wire.open(gateway().port);
    try {
      await body(wire, await side.connect({ port: wire.port }));
    } finally {
      wire.close();
    }
  };

  /** Makes the call in another process, over the wire, which breaks meanwhile. */
  const breakOff = async (wire, way, after, method, parameters, expected) => {
    wire.cut(way, after);
    assert.match(await side.failureElsewhere({ port: wire.port }, method, parameters), expected);
    wire.mend();
  };

  /** The SDK reports a download when all bytes have come, and writes the last of them down afterwards. */
  const assertArrives = async (file, expected) => {
    for (const deadline = Date.now() + WRITE_MS; Date.now() < deadline; await sleep(10)) {
      if (fs.readFileSync(file).equals(expected)) return;
    }
    assert.fail(`${file} does not become what was sent`);
  };

  const uploads = async (call, Bucket) => accept(await call('listMultipartUploads', { Bucket })).Uploads;

  for (const TaskNum of [1, 4]) {
    side.covers(
      ['InitiateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'HeadObject', 'GetObject'],
      `sends and fetches a file, ${TaskNum} parts at a time`,
      async () => {
        const call = await side.connect();
        const Bucket = await side.bucket(call);
        const [UploadFile, DownloadFile, told] = [file(), side.path('target'), []];
        const ProgressCallback = (done, all) => told.push([done, all]);
        const Key = 'ü b+c.txt';
        const Metadata = { colour: 'blue' };
        const whole = await call('uploadFile', {
          Bucket,
          Key,
          UploadFile,
          PartSize: PART,
          TaskNum,
          Metadata,
          ProgressCallback,
        });
        assert.match(accept(whole).ETag, /^"[0-9a-f]{32}-5"$/);
        assert.deepEqual(told.at(-1), [SIZE, SIZE]);
        const head = accept(await call('getObjectMetadata', { Bucket, Key }));
        assert.deepEqual([head.ContentType, head.Metadata.colour], ['text/plain', 'blue']);
        accept(await call('downloadFile', { Bucket, Key, DownloadFile, PartSize: PART, TaskNum }));
        await assertArrives(DownloadFile, fs.readFileSync(UploadFile));
        assert.deepEqual(await uploads(call, Bucket), []);
      },
    );
  }

  side.covers(
    ['InitiateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'HeadObject'],
    'moves an empty file',
    async () => {
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      accept(await call('uploadFile', { Bucket, Key: 'empty', UploadFile: file(Buffer.alloc(0)) }));
      assert.deepEqual(await side.usage(call, Bucket), [0, 1]);
      const DownloadFile = side.path('target');
      accept(await call('downloadFile', { Bucket, Key: 'empty', DownloadFile }));
      assert.equal(fs.statSync(DownloadFile).size, 0);
    },
  );

  side.covers(['UploadPart', 'ListParts', 'CompleteMultipartUpload'], 'goes on sending where the wire broke', () =>
    atADistance(async (wire, distant) => {
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      const CheckpointFile = side.path('checkpoint');
      const send = {
        Bucket,
        Key: 'a',
        UploadFile: file(),
        PartSize: PART,
        TaskNum: 1,
        EnableCheckpoint: true,
        CheckpointFile,
      };
      await breakOff(wire, 'up', 2 * PART + PART / 2, 'uploadFile', send, /^IncompletedUpload/);
      const { uploadId: UploadId } = JSON.parse(fs.readFileSync(CheckpointFile));
      const { Parts } = accept(await call('listParts', { Bucket, Key: 'a', UploadId }));
      assert.deepEqual(
        Parts.map((part) => [part.PartNumber, part.Size]),
        [
          ['1', String(PART)],
          ['2', String(PART)],
        ],
      );

      accept(await distant('uploadFile', send));
      assert.ok(SIZE - 2 * PART < wire.passed.up && wire.passed.up < SIZE - PART, String(wire.passed.up));
      assert.deepEqual(await bytes(call, Bucket, 'a'), fs.readFileSync(send.UploadFile));
      assert.deepEqual(await side.usage(call, Bucket), [SIZE, 1]);
      assert.deepEqual(await uploads(call, Bucket), []);
    }),
  );

  side.covers(['AbortMultipartUpload'], 'gives an upload up when the file is another', () =>
    atADistance(async (wire, distant) => {
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      const send = { Bucket, Key: 'a', UploadFile: file(), PartSize: PART, TaskNum: 1, EnableCheckpoint: true };
      await breakOff(wire, 'up', 2 * PART, 'uploadFile', send, /^IncompletedUpload/);
      fs.appendFileSync(send.UploadFile, 'more');
      await assert.rejects(distant('uploadFile', send), (error) => /^CheckpointFileInvalid/.test(error));
      assert.deepEqual(await uploads(call, Bucket), []);
      assert.deepEqual(await side.usage(call, Bucket), [0, 0]);
    }),
  );

  side.covers(['AbortMultipartUpload'], 'leaves nothing of an upload that does not fit', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    accept(await call('setBucketQuota', { Bucket, StorageQuota: 3 * PART }));
    const send = { Bucket, Key: 'a', UploadFile: file(), PartSize: PART, TaskNum: 1 };
    await assert.rejects(call('uploadFile', send), (error) => /^InsufficientStorageSpace/.test(error));
    assert.deepEqual(await uploads(call, Bucket), []);
    assert.deepEqual(await side.usage(call, Bucket), [0, 0]);
  });

  side.covers(['HeadObject', 'GetObject'], 'goes on fetching where the wire broke', () =>
    atADistance(async (wire, distant) => {
      const call = await side.connect();
      const Bucket = await side.bucket(call);
      const source = file();
      accept(await call('putObject', { Bucket, Key: 'a', SourceFile: source }));
      const [DownloadFile, CheckpointFile] = [side.path('target'), side.path('checkpoint')];
      const take = {
        Bucket,
        Key: 'a',
        DownloadFile,
        CheckpointFile,
        EnableCheckpoint: true,
        PartSize: PART,
        TaskNum: 1,
      };
      await breakOff(wire, 'down', 2 * PART + PART / 2, 'downloadFile', take, /^DownloadFileFailed/);
      const { partsMeta, tempFileStatus } = JSON.parse(fs.readFileSync(CheckpointFile));
      assert.deepEqual([partsMeta[1].isCompleted, partsMeta[2].isCompleted], [true, true]);
      assert.ok(!partsMeta[3]?.isCompleted);
      // The SDK trusts its file only if nothing was written after the checkpoint, to the second: the broken part may.
      const then = new Date(tempFileStatus.lastModified);
      fs.utimesSync(tempFileStatus.fileName, then, then);

      accept(await distant('downloadFile', take));
      assert.ok(SIZE - 2 * PART < wire.passed.down && wire.passed.down < SIZE - PART, String(wire.passed.down));
      await assertArrives(DownloadFile, fs.readFileSync(source));
    }),
  );

  side.covers(['HeadObject', 'GetObject'], 'fetches an old version, and under conditions', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    accept(await call('setBucketVersioning', { Bucket, VersionStatus: 'Enabled' }));
    const source = file();
    const { VersionId } = accept(await call('putObject', { Bucket, Key: 'a', SourceFile: source }));
    const { ETag } = await side.put(call, Bucket, 'a', 'new');
    const DownloadFile = side.path('target');
    const take = { Bucket, Key: 'a', DownloadFile, PartSize: PART };
    accept(await call('downloadFile', { ...take, VersionId }));
    await assertArrives(DownloadFile, fs.readFileSync(source));
    accept(await call('downloadFile', { ...take, IfMatch: ETag }));
    await assertArrives(DownloadFile, Buffer.from('new'));
    await assert.rejects(call('downloadFile', { ...take, IfMatch: '"other"' }), (error) =>
      /^PreconditionFailed/.test(error),
    );
  });

  it('says that there is nothing to fetch', async () => {
    const call = await side.connect();
    const Bucket = await side.bucket(call);
    const take = { Bucket, Key: 'missing', DownloadFile: side.path('target') };
    await assert.rejects(call('downloadFile', take), (error) => /^NoSuchKey/.test(error));
    refuse(await call('getObject', { Bucket, Key: 'missing' }), 404, 'NoSuchKey');
  });
});
