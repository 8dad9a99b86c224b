/** ssl: with certificates of our own making. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scalar } from '../../../src/ovsdb/columns.ts';
import type { TlsFiles } from '../../../src/ovsdb/socket.ts';
import { until, WatchedClient } from '../../unit/ovsdb/watched-client.ts';
import { freePort, OvsdbServer, run } from './ovsdb-server.ts';

let server: OvsdbServer;
let port: number;
beforeAll(async () => {
  server = await OvsdbServer.start();
  // One self-signed certificate for both sides, valid for 127.0.0.1 and db.test, is its own CA.
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=db.test', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:db.test'],
    ...['-keyout', file('key.pem'), '-out', file('cert.pem')],
  ]);
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=other', '-keyout', file('other-key.pem'), '-out', file('other-cert.pem')],
  ]);
  await server.kill();
  port = await freePort('::');
  server.args.push(
    `--remote=pssl:${port}`,
    `--private-key=${file('key.pem')}`,
    `--certificate=${file('cert.pem')}`,
    `--ca-cert=${file('cert.pem')}`,
  );
  await server.up();
});
afterAll(() => server?.remove());

const file = (name: string): string => join(server.directory, name);

async function withClient(
  host: string,
  names: Partial<Record<keyof TlsFiles, string>>,
  use: (watched: WatchedClient) => Promise<void>,
) {
  const tls = { caFile: undefined, certFile: undefined, keyFile: undefined, ...names };
  const watched = new WatchedClient({
    remote: `ssl:${host}:${port}`,
    database: 'Open_vSwitch',
    monitors: { Bridge: { columns: { name: scalar('string') } } },
    tls,
  });
  watched.client.start();
  try {
    await use(watched);
  } finally {
    await watched.client.close();
  }
}

test('a server whose certificate is valid for its address', async () => {
  const names = { caFile: file('cert.pem'), certFile: file('cert.pem'), keyFile: file('key.pem') };
  await withClient('127.0.0.1', names, (watched) => watched.read(1));
});

test.each<[string, string, Partial<Record<keyof TlsFiles, string>>, object]>([
  [
    'a certificate for another name',
    'localhost',
    { caFile: 'cert.pem', certFile: 'cert.pem', keyFile: 'key.pem' },
    { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  ],
  [
    'a certificate of an unknown authority',
    '127.0.0.1',
    { caFile: 'other-cert.pem', certFile: 'cert.pem', keyFile: 'key.pem' },
    { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  ],
  [
    'a file that is not there',
    '127.0.0.1',
    { caFile: 'none.pem' },
    { code: 'ETLSFILE', message: expect.stringMatching(/none\.pem/) },
  ],
  [
    'a key that is no key',
    '127.0.0.1',
    { caFile: 'cert.pem', certFile: 'cert.pem', keyFile: 'conf.db' },
    { code: 'ETLSFILE' },
  ],
  ['a client the server does not know', '127.0.0.1', { caFile: 'cert.pem' }, { name: 'OvsdbConnectionError' }],
])('refused: %s', async (_name, host, names, facts) => {
  const files = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, file(name)]));
  await withClient(host, files, async (watched) => {
    await until('the reason', () => watched.reasons.length > 0);
    expect(watched.reasons[0]).toMatchObject(facts);
    expect(watched.initials).toEqual([]);
  });
});
