// The SDK's client; it decides by the endpoint alone which protocol it speaks:
//   name  negotiation, `Authorization: OBS`, x-obs-*, bucket in the host name
//   ip    no negotiation, `Authorization: AWS` (V2), x-amz-*, bucket in the path
'use strict';

const assert = require('node:assert/strict');
const dns = require('node:dns');
const { promisify } = require('node:util');

const ObsClient = require('esdk-obs-nodejs');

const HOSTS = { name: 'obs.localhost', ip: '127.0.0.1' };

// RFC 6761 reserves *.localhost for the loopback address, but the C library asks the DNS for all but `localhost`
// itself unless a resolver plug-in is installed, which containers lack.
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(host.endsWith('.localhost') ? '127.0.0.1' : host, ...rest);

/** A client of the mode; with empty keys it is nobody's. */
async function makeClient(mode, { accessKey, secretKey, token, port }) {
  const client = new ObsClient({
    access_key_id: accessKey,
    secret_access_key: secretKey,
    security_token: token,
    server: `http://${HOSTS[mode]}:${port}`,
    max_retry_count: 0, // a retried 5xx would look like a success
    timeout: 30,
  });
  // The constructor leaves part of its work to a promise it does not hand out.
  await new Promise(setImmediate);
  assert.equal(client.util.isSignatureNegotiation, mode === 'name');
  assert.equal(client.util.signatureContext.signature, mode === 'name' ? 'obs' : 'v2');
  return client;
}

/** Every method of a client as a promise: call('getBucketQuota', { … }). */
const callsOf = (client) => (method, parameters) => promisify(client[method].bind(client))(parameters);

// Run by itself: one call, told by the parent, in a process that ends when nothing is left to do. The SDK's file
// transfers write on after they have reported a failure: then that is over too.
if (require.main === module) {
  process.once('message', async ({ mode, options, method, parameters }) => {
    const call = callsOf(await makeClient(mode, options));
    const failure = await call(method, parameters).then(() => null, String);
    process.send({ failure }, () => process.disconnect());
  });
}

module.exports = { HOSTS, callsOf, makeClient };
