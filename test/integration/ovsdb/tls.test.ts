/** ssl: with certificates of our own making. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scalar } from '../../../src/ovsdb/columns.ts';
import type { TlsFiles } from '../../../src/ovsdb/tls.ts';
import { until, WatchedClient } from '../../unit/ovsdb/watched-client.ts';
import { Authority } from './certificates.ts';
import { freePort, OvsdbServer } from './ovsdb-server.ts';

let authority: Authority;
/** By the name of their certificate, each with a TLS port, and one without TLS. */
const ports = new Map<string, number>();
const servers: OvsdbServer[] = [];
beforeAll(async () => {
  authority = await Authority.create(await mkdtemp(join(tmpdir(), 'ovsdb-tls-')));
  await authority.issue('addresses', 'IP:127.0.0.1,IP:::1');
  await authority.issue('names', 'DNS:localhost,DNS:db.test');
  await authority.issue('elsewhere', 'DNS:db.test,IP:192.0.2.1');
  await authority.issue('nameless', undefined);
  await authority.issue('expired', 'IP:127.0.0.1', ['20200101000000Z', '20200102000000Z']);
  await authority.issue('client', undefined);
  await authority.issue('expired-client', undefined, ['20200101000000Z', '20200102000000Z']);
  await authority.selfSigned('stranger');
  const broken = '-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n';
  await writeFile(authority.file('chain.pem'), `${await readFile(authority.file('client.pem'), 'utf8')}${broken}`);
  for (const name of ['addresses', 'names', 'elsewhere', 'nameless', 'expired']) await serve(name);
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.remove()));
  await rm(authority.directory, { recursive: true });
});

/** It wants a certificate of its clients, as ovsdb-server does unless told otherwise. */
async function serve(name: string): Promise<void> {
  const server = await OvsdbServer.start();
  servers.push(server);
  await server.kill();
  const port = await freePort('::');
  ports.set(name, port);
  server.args.push(
    `--remote=pssl:${port}:[::]`,
    `--private-key=${authority.file(`${name}.key`)}`,
    `--certificate=${authority.file(`${name}.pem`)}`,
    `--ca-cert=${authority.file('ca.pem')}`,
  );
  if (name === 'addresses') {
    const plain = await freePort('::');
    ports.set('plain', plain);
    server.args.push(`--remote=ptcp:${plain}:[::]`);
  }
  await server.up();
}

type Files = Partial<TlsFiles>;
const CLIENT: Files = { caFile: 'ca.pem', certFile: 'client.pem', keyFile: 'client.key' };

async function withClient(remote: string, files: Files, use: (watched: WatchedClient) => Promise<void>): Promise<void> {
  const file = (name: string | undefined) => (name === undefined ? undefined : authority.file(name));
  const watched = new WatchedClient({
    remote,
    database: 'Open_vSwitch',
    monitors: { Bridge: { columns: { name: scalar('string') } } },
    tls: { caFile: file(files.caFile), certFile: file(files.certFile), keyFile: file(files.keyFile) },
  });
  watched.client.start();
  try {
    await use(watched);
  } finally {
    await watched.client.close();
  }
}

const address = (kind: string, host: string, server: string) => `${kind}:${host}:${ports.get(server)}`;

test.each([
  ['an IPv4 address in its certificate', '127.0.0.1', 'addresses'],
  ['an IPv6 address in its certificate', '[::1]', 'addresses'],
  ['a name in its certificate', 'localhost', 'names'],
])('a server with %s', async (_name, host, server) => {
  await withClient(address('ssl', host, server), CLIENT, (watched) => watched.read(1));
});

test.each([['127.0.0.1'], ['[::1]'], ['localhost']])('the same server without TLS: %s', async (host) => {
  await withClient(address('tcp', host, 'plain'), {}, (watched) => watched.read(1));
});

test.each<[string, string, string, Files, string, RegExp]>([
  [
    'a certificate for other addresses',
    'localhost',
    'addresses',
    CLIENT,
    'ERR_TLS_CERT_ALTNAME_INVALID',
    /^cannot connect to ssl:localhost:\d+: .*Host: localhost\. is not cert's CN: addresses/,
  ],
  [
    'a certificate for names, where an address was asked for',
    '127.0.0.1',
    'names',
    CLIENT,
    'ERR_TLS_CERT_ALTNAME_INVALID',
    /IP: 127.0.0.1 is not in the cert's list/,
  ],
  [
    'a certificate for another name and address',
    '[::1]',
    'elsewhere',
    CLIENT,
    'ERR_TLS_CERT_ALTNAME_INVALID',
    /^cannot connect to ssl:\[::1\]:\d+: .*IP: ::1 is not in the cert's list: 192.0.2.1/,
  ],
  [
    'a certificate without names, where an address was asked for',
    '127.0.0.1',
    'nameless',
    CLIENT,
    'ERR_TLS_CERT_ALTNAME_INVALID',
    /127.0.0.1 is not in the cert's list/,
  ],
  [
    'an expired certificate',
    '127.0.0.1',
    'expired',
    CLIENT,
    'CERT_HAS_EXPIRED',
    /: the server's certificate has expired$/,
  ],
  [
    'a certificate of another authority',
    '127.0.0.1',
    'addresses',
    { ...CLIENT, caFile: 'stranger.pem' },
    'SELF_SIGNED_CERT_IN_CHAIN',
    /: the server's certificate does not come from the configured CA: /,
  ],
  [
    'no authority of ours',
    '127.0.0.1',
    'addresses',
    { ...CLIENT, caFile: undefined },
    'SELF_SIGNED_CERT_IN_CHAIN',
    /: the server's certificate does not come from the configured CA: /,
  ],
  [
    'a server that wants a certificate, and we have none',
    '127.0.0.1',
    'addresses',
    { caFile: 'ca.pem' },
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    /: the server refuses TLS with us: certificate required \(it wants a certificate of ours\)$/,
  ],
  [
    'a client of another authority',
    '127.0.0.1',
    'addresses',
    { caFile: 'ca.pem', certFile: 'stranger.pem', keyFile: 'stranger.key' },
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    /: the server refuses TLS with us: unknown ca \(our certificate does not come from its CA\)$/,
  ],
  [
    'an expired certificate of ours',
    '127.0.0.1',
    'addresses',
    { caFile: 'ca.pem', certFile: 'expired-client.pem', keyFile: 'expired-client.key' },
    'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED',
    /: the server refuses TLS with us: certificate expired \(ours\)$/,
  ],
  ['a server without TLS', '127.0.0.1', 'plain', CLIENT, 'ECONNRESET', /disconnected before secure TLS connection/],
  ['a file that is not there', '127.0.0.1', 'addresses', { caFile: 'none.pem' }, 'ETLSFILE', /^TLS files: .*none\.pem/],
  [
    'an authority that is no certificate',
    '127.0.0.1',
    'addresses',
    { ...CLIENT, caFile: 'ca.key' },
    'ETLSFILE',
    /^TLS files: .*\/ca\.key: /,
  ],
  [
    'a certificate that is none',
    '127.0.0.1',
    'addresses',
    { ...CLIENT, certFile: 'index.txt' },
    'ETLSFILE',
    /^TLS files: .*\/index\.txt: /,
  ],
  [
    'a certificate that is followed by one that is none',
    '127.0.0.1',
    'addresses',
    { ...CLIENT, certFile: 'chain.pem' },
    'ETLSFILE',
    /^TLS files: .*\/chain\.pem: .*asn1/,
  ],
  [
    'a key that is none',
    '127.0.0.1',
    'addresses',
    { ...CLIENT, keyFile: 'client.pem' },
    'ETLSFILE',
    /^TLS files: .*\/client\.pem: /,
  ],
  [
    'a key of another certificate',
    '127.0.0.1',
    'addresses',
    { ...CLIENT, keyFile: 'stranger.key' },
    'ETLSFILE',
    /^TLS files: .*\/stranger\.key is not the key of .*\/client\.pem$/,
  ],
  [
    'a certificate without its key',
    '127.0.0.1',
    'addresses',
    { ...CLIENT, keyFile: undefined },
    'ETLSFILE',
    /^TLS files: .*\/client\.pem: a certificate and its key are needed together$/,
  ],
])('refused: %s', async (_name, host, server, files, code, message) => {
  await withClient(address('ssl', host, server), files, async (watched) => {
    await until('the reason', () => watched.reasons.length > 0);
    expect(watched.reasons[0]).toMatchObject({
      name: 'OvsdbConnectionError',
      code,
      message: expect.stringMatching(message),
    });
    expect(watched.initials).toEqual([]);
  });
});

test('a client without TLS at a server with it: the session ends', async () => {
  await withClient(address('tcp', '127.0.0.1', 'addresses'), {}, async (watched) => {
    await until('the reason', () => watched.reasons.length > 0);
    expect(watched.reasons[0]).toMatchObject({ name: 'OvsdbConnectionError', code: 'ECONNRESET' });
  });
});

test('a renewed certificate is found at the next connect', async () => {
  const port = `${ports.get('addresses')}`;
  await authority.issue('renewed', undefined, ['20200101000000Z', '20200102000000Z']);
  const files = { caFile: 'ca.pem', certFile: 'renewed.pem', keyFile: 'renewed.key' };
  await withClient(`ssl:127.0.0.1:${port}`, files, async (watched) => {
    await until('the refusal', () => watched.reasons.length > 0);
    await authority.issue('renewed', undefined);
    await watched.read(1);
  });
});
