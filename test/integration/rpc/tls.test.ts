import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LabBroker, startBroker } from '../../../lab/broker.ts';
import { run } from '../../../lab/run.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import { Rig, TestClient, waitFor } from './rig.ts';

let directory: RunDirectory;
let broker: LabBroker;
let rig: Rig;
const clients: TestClient[] = [];

/** An authority, and a certificate of it for `localhost` alone. */
async function makeCertificates(dir: string): Promise<void> {
  const file = (name: string) => join(dir, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run(
    [
      'openssl',
      'req',
      '-x509',
      ...key,
      '-keyout',
      file('ca.key'),
      '-out',
      file('ca.pem'),
      '-subj',
      '/CN=Lab CA',
    ].concat('-days', '2'),
  );
  await run(
    ['openssl', 'req', '-x509', ...key, '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-days', '2'].concat(
      ['-keyout', file('broker.key'), '-out', file('broker.pem'), '-subj', '/CN=broker'],
      ['-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE'],
    ),
  );
}

beforeAll(async () => {
  directory = RunDirectory.createForTest();
  const dir = directory.directory('tls');
  await makeCertificates(dir);
  await makeCertificates(directory.directory('tls/other'));
  const tls = { caFile: join(dir, 'ca.pem'), certFile: join(dir, 'broker.pem'), keyFile: join(dir, 'broker.key') };
  broker = await startBroker({ dir: directory.path, tls });
  rig = Rig.around(directory, broker);
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.client.close()));
  await directory?.remove();
});

function clientTo(host: string, caFile: string | undefined, verifyHostname = true): TestClient {
  const at = { host, port: broker.tlsPort, username: 'guest', password: 'guest' };
  const tls = { caFile, certFile: undefined, keyFile: undefined, verifyHostname };
  const client = new TestClient(rig.config({ brokers: [at], tls }), 'host1');
  clients.push(client);
  return client;
}

const ca = () => join(directory.path, 'tls', 'ca.pem');
const otherCa = () => join(directory.path, 'tls', 'other', 'ca.pem');

test('a broker whose certificate holds its name is used', async () => {
  const client = clientTo('localhost', ca());
  expect(await client.up()).toMatchObject({ broker: `localhost:${broker.tlsPort}` });
  await client.client.close();
});

test.each([
  ['another name, which is not compared', '127.0.0.1', ca, false],
  ['no authority given, so nothing is verified', 'localhost', () => undefined, false],
])('used as oslo.messaging would: %s', async (_name, host, caFile, verifyHostname) => {
  const client = clientTo(host, caFile(), verifyHostname);
  expect(await client.up()).toMatchObject({ broker: `${host}:${broker.tlsPort}` });
  await client.client.close();
});

test.each([
  ['the certificate holds another name', '127.0.0.1', ca, /127\.0\.0\.1|altnames/i],
  ['nobody we trust vouches for it', 'localhost', otherCa, /certificate/i],
])('refused: %s', async (_name, host, caFile, reason) => {
  const client = clientTo(host, caFile());
  client.client.start();
  await waitFor('down', () => client.events.length > 0);
  expect(client.events[0]).toMatchObject({ kind: 'down', reason: expect.stringMatching(reason) });
});
