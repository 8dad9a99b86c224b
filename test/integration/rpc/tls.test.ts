/** Whom we believe to be the broker, and what an operator is told when we do not. Real certificates, real handshakes. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type LabBroker, startBroker } from '../../../lab/broker.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import type { RabbitTls } from '../../../src/config/config.ts';
import { Authority, type Certificate } from './certificates.ts';
import { OsloPeer, rpcConfigOf, writeConfig } from './oslo-peer.ts';
import { FDB, Rig, TestClient, TOPICS, waitFor } from './rig.ts';

const NAMES = {
  localhost: 'DNS:localhost',
  address: 'IP:127.0.0.1',
  both: 'DNS:localhost,IP:127.0.0.1',
  elsewhere: 'DNS:rabbit.example.com,DNS:*.example.com',
};

let directory: RunDirectory;
let broker: LabBroker;
/** Lets in only who has a certificate. */
let strict: LabBroker;
let rig: Rig;
let authority: Authority;
let other: Authority;
const issued = new Map<string, Certificate>();
const clients: TestClient[] = [];
const peers: OsloPeer[] = [];

beforeAll(async () => {
  directory = RunDirectory.createForTest();
  authority = await Authority.create(join(directory.path, 'authority'));
  other = await Authority.create(join(directory.path, 'other'));
  for (const [name, names] of Object.entries(NAMES)) issued.set(name, await authority.issue(name, { names }));
  issued.set('expired', await authority.issue('expired', { names: NAMES.both, until: '20200102000000Z' }));
  issued.set('client', await authority.issue('client', { names: 'DNS:host1' }));
  issued.set('stranger', await other.issue('stranger', { names: 'DNS:host1' }));
  const served = { certFile: join(directory.path, 'served.pem'), keyFile: join(directory.path, 'served.key') };
  copy('both');
  broker = await startBroker({ dir: directory.path, tls: { caFile: authority.ca, ...served } });
  const both = certificate('both');
  const tls = { caFile: authority.ca, certFile: both.cert, keyFile: both.key, demandsCertificate: true };
  strict = await startBroker({ dir: directory.path, name: 'strict', tls });
  rig = Rig.around(directory, broker);
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.client.close()));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});
afterAll(() => directory?.remove());

function certificate(name: string): Certificate {
  const found = issued.get(name);
  if (found === undefined) throw new Error(`no certificate ${name}`);
  return found;
}

function copy(name: string): void {
  copyFileSync(certificate(name).cert, join(directory.path, 'served.pem'));
  copyFileSync(certificate(name).key, join(directory.path, 'served.key'));
}

/** The broker shows another certificate from now on. */
async function serve(name: string): Promise<void> {
  copy(name);
  await broker.ctl('eval', 'ssl:clear_pem_cache().');
}

function clientTo(host: string, tls: Partial<RabbitTls>, port = broker.tlsPort): TestClient {
  const at = { host, port, username: 'guest', password: 'guest' };
  const options = { caFile: authority.ca, certFile: undefined, keyFile: undefined, verifyHostname: true, ...tls };
  const client = new TestClient(rig.config({ brokers: [at], tls: options }), 'host1');
  clients.push(client);
  return client;
}

async function refusal(client: TestClient): Promise<string> {
  client.client.start();
  await waitFor('some attempts', () => client.logged.withMessage('not reached').length >= 2);
  expect(client.events.map(({ kind }) => kind)).toEqual(['down']);
  // Once, though it is tried again and again.
  const errors = client.logged.lines.filter(({ level }) => level >= 50);
  expect(errors).toHaveLength(1);
  return errors[0]?.msg ?? '';
}

describe('accepted', () => {
  test.each<[string, keyof typeof NAMES, string, () => Partial<RabbitTls>]>([
    ['the name in transport_url is in the certificate', 'localhost', 'localhost', () => ({})],
    ['the address in transport_url is in the certificate', 'address', '127.0.0.1', () => ({})],
    [
      'another name, and the operator says that it does not matter',
      'elsewhere',
      'localhost',
      () => ({ verifyHostname: false }),
    ],
    [
      'no authority given, so nothing is verified',
      'elsewhere',
      'localhost',
      () => ({ caFile: undefined, verifyHostname: false }),
    ],
  ])('%s', async (_why, served, host, tls) => {
    await serve(served);
    expect(await clientTo(host, tls()).up()).toMatchObject({ broker: `${host}:${broker.tlsPort}` });
  });

  test('our certificate, where one is demanded', async () => {
    const { cert, key } = certificate('client');
    await clientTo('localhost', { certFile: cert, keyFile: key }, strict.tlsPort).up();
  });
});

describe('refused, with one line that says what to do', () => {
  test.each<[string, string, string, () => Partial<RabbitTls>, RegExp]>([
    [
      'another name',
      'elsewhere',
      'localhost',
      () => ({}),
      /certificate of broker localhost is for other names \(.*rabbit\.example\.com.*ssl_enforce_hostname_verification = false/,
    ],
    [
      'a name where an address is dialled',
      'localhost',
      '127.0.0.1',
      () => ({}),
      /certificate of broker 127\.0\.0\.1 is for other names/,
    ],
    [
      'an address where a name is dialled',
      'address',
      'localhost',
      () => ({}),
      /certificate of broker localhost is for other names/,
    ],
    ['expired', 'expired', 'localhost', () => ({}), /certificate of broker localhost has expired/],
    [
      'an authority that we do not know',
      'both',
      'localhost',
      () => ({ caFile: other.ca }),
      /not vouched for by an authority in \[oslo_messaging_rabbit\] ssl_ca_file/,
    ],
  ])('%s', async (_why, served, host, tls, sentence) => {
    await serve(served);
    expect(await refusal(clientTo(host, tls()))).toMatch(sentence);
  });

  test('a client certificate is demanded and there is none', async () => {
    expect(await refusal(clientTo('localhost', {}, strict.tlsPort))).toMatch(
      /wants a client certificate: set .*ssl_cert_file/,
    );
  });

  test('ours is of an authority that the broker does not know', async () => {
    const { cert, key } = certificate('stranger');
    const client = clientTo('localhost', { certFile: cert, keyFile: key }, strict.tlsPort);
    expect(await refusal(client)).toMatch(/does not accept our certificate/);
  });

  test('the plain port', async () => {
    expect(await refusal(clientTo('localhost', {}, broker.port))).toMatch(/does not speak TLS at that port/);
  });
});

test.each([
  ['host name verified', 'both', 'true'],
  ['host name not verified', 'elsewhere', 'false'],
])('oslo.messaging and ours on one file, %s', async (_how, served, verified) => {
  await serve(served);
  const url = `rabbit://guest:guest@localhost:${broker.tlsPort}/`;
  const options = { ssl: 'true', ssl_ca_file: authority.ca, ssl_enforce_hostname_verification: verified };
  const file = writeConfig(directory.path, url, options);
  const server = await OsloPeer.start(file);
  peers.push(server);
  await server.do('serve', 'q-plugin', 'server');
  for (const topic of TOPICS) await server.do('listen', topic, 'host2');
  const ours = new TestClient(rpcConfigOf(file), 'host1');
  clients.push(ours);
  await ours.up();
  expect(await ours.client.call('q-plugin', 'echo', { a: 1 }, { version: '1.0' })).toEqual({ args: { a: 1 } });
  await server.do('fanout', FDB, 'add_fdb_entries', {});
  await server.do('cast', FDB, 'host1', 'add_fdb_entries', {});
  await ours.received(2);
});
