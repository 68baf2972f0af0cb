// The real executable, run for the tests: start, the CLI beside it, stop. Nothing here knows the SDK.
'use strict';

const { execFile, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const START_MS = 60_000;
const STOP_MS = 30_000;

const ROOT_ACCESS_KEY = 'ROOTACCESSKEY0000001';
const ROOT_SECRET_KEY = 'root-secret-key-of-the-sdk-suites-000001';

/** One running `obs-gateway serve`, on ports of the kernel's choice, over a data folder of its own. */
class Gateway {
  static async start() {
    const gateway = new Gateway();
    try {
      await gateway.#awaitPorts();
    } catch (error) {
      gateway.process.kill('SIGKILL');
      gateway.#clean();
      throw error;
    }
    return gateway;
  }

  constructor() {
    this.binary = path.resolve(process.env.OBS_GATEWAY_BIN ?? 'target/debug/obs-gateway');
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'obs-gateway-node-'));
    this.environment = {
      // Settings of whoever runs the tests must not reach the gateway.
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OBS_GATEWAY_'))),
      OBS_GATEWAY_DATA: path.join(this.folder, 'data'),
      OBS_GATEWAY_LISTEN: '127.0.0.1:0',
      OBS_GATEWAY_CONSOLE_LISTEN: '127.0.0.1:0',
      OBS_GATEWAY_DOMAIN: 'obs.localhost',
      OBS_GATEWAY_REGION: 'region-1',
      OBS_GATEWAY_ROOT_ACCESS_KEY: ROOT_ACCESS_KEY,
      OBS_GATEWAY_ROOT_SECRET_KEY: ROOT_SECRET_KEY,
    };
    // Files, not pipes: a pipe nobody reads fills up and stops the gateway.
    const [stdout, stderr] = ['stdout', 'stderr'].map((name) => fs.openSync(path.join(this.folder, name), 'w'));
    this.process = spawn(this.binary, ['serve'], {
      cwd: this.folder,
      env: this.environment,
      stdio: ['ignore', stdout, stderr],
    });
    fs.closeSync(stdout);
    fs.closeSync(stderr);
    this.left = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => resolve(signal ?? code));
      this.process.once('error', (error) => resolve(String(error)));
    });
  }

  async #awaitPorts() {
    let gone = false;
    this.left.then(() => (gone = true));
    for (const deadline = Date.now() + START_MS; Date.now() < deadline && !gone; await sleep(20)) {
      const lines = this.#read('stdout').matchAll(/^listening (data|console) http:\/\/127\.0\.0\.1:(\d+)$/gm);
      const ports = Object.fromEntries([...lines].map(([, name, port]) => [name, Number(port)]));
      if (ports.data && ports.console) {
        this.port = ports.data;
        this.consolePort = ports.console;
        this.environment.OBS_GATEWAY_CONSOLE_LISTEN = `127.0.0.1:${ports.console}`;
        return;
      }
    }
    throw new Error(`${this.binary} did not start:\n${this.output()}`);
  }

  #read(name) {
    return fs.readFileSync(path.join(this.folder, name), 'utf8');
  }

  /** What the gateway has printed so far, for messages. */
  output() {
    return `--- stdout\n${this.#read('stdout')}--- stderr\n${this.#read('stderr')}`;
  }

  /** Runs a subcommand against this gateway, with `text` to read if it wants to, and returns what it prints. */
  cli(words, text = '') {
    return new Promise((resolve, reject) => {
      const options = { cwd: this.folder, env: this.environment, timeout: 60_000 };
      const child = execFile(this.binary, words, options, (error, stdout) => (error ? reject(error) : resolve(stdout)));
      child.stdin.on('error', () => {}); // it may not want to read
      child.stdin.end(text);
    });
  }

  /** Makes an account and a key for it. */
  async createAccount(name) {
    await this.cli(['account', 'create', name]);
    const key = JSON.parse(await this.cli(['key', 'create', '--account', name, '--json']));
    return { accessKey: key.access_key, secretKey: key.secret_key };
  }

  /** Makes a key for the account that lasts for a while, and may no more than `policy` allows. */
  async temporaryKey(account, policy) {
    const narrowing = policy ? ['--policy', '-'] : [];
    const words = ['key', 'temporary', '--account', account, ...narrowing, '--json'];
    const key = JSON.parse(await this.cli(words, policy ? JSON.stringify(policy) : ''));
    return { accessKey: key.access_key, secretKey: key.secret_key, token: key.security_token };
  }

  /** SIGTERM, and the gateway has to leave by itself, with exit code 0. */
  async stop() {
    this.process.kill('SIGTERM');
    const kill = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    const how = await this.left;
    clearTimeout(kill);
    const output = this.output();
    this.#clean();
    if (how !== 0) throw new Error(`the gateway left with ${how}:\n${output}`);
  }

  #clean() {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

module.exports = { Gateway, ROOT_ACCESS_KEY, ROOT_SECRET_KEY };
