// What every test file gets: a running gateway, and the SDK's client in the two modes it has.
'use strict';

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { HOSTS, callsOf, makeClient } = require('./client.js');
const { Gateway, ROOT_ACCESS_KEY, ROOT_SECRET_KEY } = require('./gateway.js');

const SDK = 'esdk-obs-nodejs';
const RESULT_MODES = { name: 'obs', ip: 'v2' };

const NO_ID = '0'.repeat(32);

// The gateway counts a request when its answer is through, which the client may see a moment earlier.
const COUNT_MS = 60_000;

/** The call succeeded with `status`; gives what the SDK made of the answer. */
function accept(result, status = 200) {
  assert.equal(result.CommonMsg.Status, status, JSON.stringify(result.CommonMsg));
  assert.match(result.CommonMsg.RequestId, /^[0-9A-F]{32}$/);
  return result.InterfaceResult;
}

/** The call was refused with `status` and `code`. */
function refuse(result, status, code) {
  assert.deepEqual([result.CommonMsg.Status, result.CommonMsg.Code], [status, code], JSON.stringify(result.CommonMsg));
  assert.ok(result.CommonMsg.Message);
}

/** What a client without keys is answered: { status, headers, body }, the body as bytes. */
function answer(method, url, { body, headers } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, async (response) => {
      const pieces = [];
      for await (const piece of response) pieces.push(piece);
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) });
    });
    request.once('error', reject);
    request.end(body);
  });
}

let gateway;

/** How many requests of each operation the gateway has answered well so far. */
async function counts() {
  const page = await answer('GET', `http://127.0.0.1:${gateway.consolePort}/metrics`);
  const finished = /^obs_gateway_requests_total\{operation="(\w+)",code="OK"\} (\d+)$/gm;
  return Object.fromEntries(
    [...page.body.toString().matchAll(finished)].map(([, name, count]) => [name, Number(count)]),
  );
}

/** A test drives what it says it drives: the gateway has performed each of the operations since. */
async function assertPerformed(operations, since) {
  for (const deadline = Date.now() + COUNT_MS; ; await sleep(20)) {
    const now = await counts();
    const left = operations.filter((name) => (now[name] ?? 0) <= (since[name] ?? 0));
    if (left.length === 0) return;
    if (Date.now() > deadline) assert.fail(`claimed, but not performed by the gateway: ${left}`);
  }
}

function record(operations, mode, test, passed) {
  const target = process.env.OBS_GATEWAY_SDK_RESULTS;
  if (!target) return;
  const { version } = require(`${SDK}/package.json`);
  const line = (operation) => JSON.stringify({ operation, sdk: SDK, version, mode, test, passed });
  fs.appendFileSync(target, operations.map((operation) => `${line(operation)}\n`).join(''));
}

/** One of the two modes: its clients, and what the tests make and leave behind. */
class Side {
  #number = 0;
  #open = [];
  #folder;

  constructor(mode, file) {
    this.mode = mode;
    this.file = path.basename(file, '.test.js');
    this.isObs = mode === 'name';
  }

  /** A test that drives the operations, named as docs/operations.md names them, to a good answer. */
  covers(operations, title, body) {
    it(title, async () => {
      let passed = false;
      try {
        const since = await counts();
        await body();
        await assertPerformed(operations, since);
        passed = true;
      } finally {
        record(operations, RESULT_MODES[this.mode], `${this.file}: ${title}`, passed);
      }
    });
  }

  /** A client of this mode, of the root account if not told otherwise. */
  async client(options) {
    const client = await makeClient(this.mode, { ...this.#defaults(), ...options });
    this.#open.push(client);
    return client;
  }

  /** Every method of such a client as a promise: call('getBucketQuota', { … }). */
  async connect(options) {
    return callsOf(await this.client(options));
  }

  /** Makes one call in a process of its own, which ends with it; gives the failure's text, or null. */
  failureElsewhere(options, method, parameters) {
    return new Promise((resolve, reject) => {
      const child = fork(require.resolve('./client.js'), { execArgv: [] });
      let told = new Error('the process has left without a word');
      child.once('message', ({ failure }) => (told = failure));
      child.once('exit', () => (told instanceof Error ? reject(told) : resolve(told)));
      child.once('error', reject);
      child.send({ mode: this.mode, options: { ...this.#defaults(), ...options }, method, parameters });
    });
  }

  #defaults() {
    return { accessKey: ROOT_ACCESS_KEY, secretKey: ROOT_SECRET_KEY, port: gateway.port };
  }

  /** A client that signs nothing. It is answered in the words of OBS, where the SDK by IP finds no request id. */
  async nobody() {
    const call = await this.connect({ accessKey: '', secretKey: '' });
    return async (...asked) => {
      const result = await call(...asked);
      if (!this.isObs) result.CommonMsg.RequestId ??= NO_ID;
      return result;
    };
  }

  name() {
    return `sdk-node-${this.file}-${this.mode}-${++this.#number}`;
  }

  /** A new bucket. */
  async bucket(call, parameters = {}) {
    const Bucket = this.name();
    accept(await call('createBucket', { Bucket, ...parameters }));
    return Bucket;
  }

  /** A new bucket with object lock, which the SDK cannot ask for from the start, and S3's words give it later. */
  async vault(call) {
    const Bucket = await this.bucket(call);
    accept(await call('setBucketVersioning', { Bucket, VersionStatus: 'Enabled' }));
    const client = await makeClient('ip', this.#defaults());
    this.#open.push(client);
    accept(await callsOf(client)('setObjectLockConfiguration', { Bucket, ObjectLockEnabled: 'Enabled' }));
    return Bucket;
  }

  /** A second account: { name, accessKey, secretKey, id, call }. */
  async account() {
    const name = this.name();
    const keys = await gateway.createAccount(name);
    const call = await this.connect(keys);
    return { name, ...keys, call, id: accept(await call('listBuckets', {})).Owner.ID };
  }

  /** A path for a file of the test's. */
  path(name) {
    this.#folder ??= fs.mkdtempSync(path.join(os.tmpdir(), 'obs-gateway-node-files-'));
    return path.join(this.#folder, `${++this.#number}-${name}`);
  }

  /** The address of a bucket for those who are no SDK. */
  address(Bucket) {
    return this.isObs
      ? `http://${Bucket}.${HOSTS.name}:${gateway.port}/`
      : `http://${HOSTS.ip}:${gateway.port}/${Bucket}/`;
  }

  /** [bytes, objects], as the gateway counts them. */
  async usage(call, Bucket) {
    const info = accept(await call('getBucketStorageInfo', { Bucket }));
    return [Number(info.Size), Number(info.ObjectNumber)];
  }

  async put(call, Bucket, Key, Body, parameters = {}) {
    return accept(await call('putObject', { Bucket, Key, Body, ...parameters }));
  }

  /** The object's bytes as text. */
  async read(call, Bucket, Key, parameters = {}) {
    return accept(await call('getObject', { Bucket, Key, ...parameters })).Content;
  }

  async keys(call, Bucket) {
    return accept(await call('listObjects', { Bucket })).Contents.map((entry) => entry.Key);
  }

  close() {
    for (const client of this.#open) client.close();
    if (this.#folder) fs.rmSync(this.#folder, { recursive: true });
  }
}

/** Defines the same tests for each mode; `define` gets the Side. */
function inBothModes(file, define) {
  before(async () => {
    gateway = await Gateway.start();
  });
  after(() => gateway?.stop());

  for (const mode of Object.keys(HOSTS)) {
    describe(`by ${mode}`, () => {
      const side = new Side(mode, file);
      after(() => side.close());
      define(side);
    });
  }
}

module.exports = { accept, answer, gateway: () => gateway, inBothModes, refuse };
