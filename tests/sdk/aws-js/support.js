// What every test file gets: unconfigured clients, buckets, and the gateway's own command line. Endpoint, keys and region
// are in the environment (tests/sdk/with-gateway); path style is the one option an endpoint by IP needs.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { after } = require('node:test');

const { CreateBucketCommand, PutBucketVersioningCommand, S3Client } = require('@aws-sdk/client-s3');

const s3 = new S3Client({ forcePathStyle: true });
after(() => s3.destroy());

const send = (command) => s3.send(command);

let number = 0;

/** A new bucket. */
async function bucket(file, { versioned = false } = {}) {
  const Bucket = `aws-js-${path.basename(file, '.test.js')}-${++number}`;
  await send(new CreateBucketCommand({ Bucket }));
  if (versioned) {
    await send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  }
  return Bucket;
}

/** Runs a subcommand of the gateway's against the gateway, and gives what it prints. */
const cli = (...words) => execFileSync(process.env.OBS_GATEWAY_BIN, words, { encoding: 'utf8' });

/** The call is refused with this name and status, by an error of this class if one is given. */
async function refused(promise, status, name, Class) {
  const error = await promise.then(
    () => assert.fail(`${name} was expected`),
    (error) => error,
  );
  assert.deepEqual([error.$metadata?.httpStatusCode, error.name], [status, name], String(error.stack));
  if (Class) assert.ok(error instanceof Class, error.name);
  return error;
}

/** Bytes that repeat after a prime number of them, so that no two parts of an upload are the same. */
function pattern(length) {
  const period = Buffer.from(Array.from({ length: 251 }, (_, index) => index));
  return Buffer.alloc(length, period);
}

module.exports = { bucket, cli, pattern, refused, s3, send };
