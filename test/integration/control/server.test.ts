import { once } from 'node:events';
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { ControlRig, STATUS } from './rig.ts';

let rig: ControlRig;

beforeEach(() => {
  rig = new ControlRig();
});

afterEach(async () => {
  await rig.remove();
});

interface Reply {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

async function ask(socketPath: string, path: string, method = 'GET', body?: string): Promise<Reply> {
  const outgoing = request({ socketPath, path, method });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

test('a GET as curl sends it gets the JSON of the handler', async () => {
  const client = connect(await rig.listen());
  client.write('GET /status HTTP/1.1\r\nHost: l\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n');
  const [head, body] = (await text(client)).split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(JSON.parse(body ?? '')).toEqual(STATUS);
});

test('answers have their length and type, errors their status and sentence', async () => {
  const socket = await rig.listen();
  const good = await ask(socket, '/flows?table=20');
  expect(good).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
  expect(good.body.endsWith('}\n')).toBe(true);
  expect(await ask(socket, '/nothing')).toMatchObject({
    status: 404,
    body: expect.stringMatching(/^\{"error":"nothing at/),
  });
  expect(await ask(socket, '/compare')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  expect(await ask(socket, '/flows?mac=x')).toMatchObject({ status: 400 });
  expect(await ask(socket, '/status', 'HEAD')).toMatchObject({ status: 405, body: '' });
  expect(await ask(socket, '/compare', 'POST', 'x'.repeat(100_000))).toMatchObject({ status: 200 });
});

test('a handler that fails is one bad answer, and the next is good', async () => {
  const socket = await rig.listen({
    networks() {
      throw new TypeError('x is undefined');
    },
    flows: () => Promise.reject(Object.assign(new Error('br-tun is away'), { code: 'unreachable' })),
  });
  expect(await ask(socket, '/networks')).toMatchObject({
    status: 500,
    body: '{"error":"internal error: x is undefined"}\n',
  });
  expect(await ask(socket, '/flows')).toMatchObject({ status: 503, body: '{"error":"br-tun is away"}\n' });
  expect(await ask(socket, '/status')).toMatchObject({ status: 200 });
});

test('only the owner may use the socket, and the umask is as before', async () => {
  const before = process.umask();
  const socket = await rig.listen();
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(process.umask()).toBe(before);
});

test('the directory is made, and not open to all', async () => {
  const socket = await rig.listen({}, join(rig.directory, 'a/b/control.sock'));
  expect(await ask(socket, '/status')).toMatchObject({ status: 200 });
  expect(statSync(join(rig.directory, 'a/b')).mode & 0o007).toBe(0);
});

test('close takes the socket away and waits for the answer that is under way', async () => {
  const asked = Promise.withResolvers<void>();
  const found = Promise.withResolvers<void>();
  const server = rig.server({
    async compare() {
      asked.resolve();
      await found.promise;
      return { at: '', drift: { adds: 0, deletes: 0, foreign: 0 } };
    },
  });
  await server.listen();
  const reply = ask(rig.path(), '/compare', 'POST');
  await asked.promise;
  const closed = server.close();
  found.resolve();
  expect(await reply).toMatchObject({ status: 200 });
  await closed;
  expect(existsSync(rig.path())).toBe(false);
  await server.close();
});

test('a client that stops in the middle of its question does not keep the daemon from stopping', async () => {
  const server = rig.server();
  await server.listen();
  const mute = connect(rig.path());
  await once(mute, 'connect');
  mute.write('GET /status HTTP/1.1\r\nHost: l');
  // An answer proves that the server has seen the connection that came before.
  await ask(rig.path(), '/status');
  const gone = once(mute, 'close');
  await server.close();
  await gone;
});

describe('a socket that is there already', () => {
  test('of a daemon that was killed is taken over', async () => {
    const path = rig.path();
    const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await execa(process.execPath, ['-e', listen], { reject: false });
    expect(statSync(path).isSocket()).toBe(true);
    expect(await ask(await rig.listen(), '/status')).toMatchObject({ status: 200 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('of a daemon that lives is left to it', async () => {
    const path = await rig.listen();
    await expect(rig.server({}).listen()).rejects.toMatchObject({
      code: 'in-use',
      message: `another l2pop-agent is running: it answers on ${path}`,
    });
    expect(await ask(path, '/status')).toMatchObject({ status: 200 });
  });

  test('of anything that listens, and never answers, is left to it', async () => {
    const mute = createServer(() => undefined).listen(rig.path());
    await once(mute, 'listening');
    await expect(rig.server().listen()).rejects.toMatchObject({ code: 'in-use' });
    const client = connect(rig.path());
    await once(client, 'connect');
    client.destroy();
    mute.close();
    await once(mute, 'close');
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'precious')],
    ['a directory', (path: string) => mkdirSync(path)],
    ['a link to a file', (path: string) => symlinkSync('/etc/hostname', path)],
  ])('and is %s stays', async (_name, make) => {
    make(rig.path());
    await expect(rig.server().listen()).rejects.toMatchObject({
      code: 'no-socket',
      message: `control socket ${rig.path()}: a file of that name is there and is no socket`,
    });
    expect(existsSync(rig.path())).toBe(true);
  });
});

test('where no socket can be is said with the path', async () => {
  const file = join(rig.directory, 'file');
  writeFileSync(file, '');
  await expect(rig.server({}, join(file, 'control.sock')).listen()).rejects.toMatchObject({
    name: 'ControlError',
    code: expect.stringMatching(/ENOTDIR|EEXIST/),
    message: expect.stringContaining(join(file, 'control.sock')),
  });
  const long = join(rig.directory, 'x'.repeat(120));
  await expect(rig.server({}, long).listen()).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
});

test('a client that goes away in the middle harms nobody', async () => {
  const socket = await rig.listen();
  const client = connect(socket);
  await once(client, 'connect');
  client.write('GET /status HTTP/1.1\r\nHost: l');
  client.destroy();
  const garbage = connect(socket);
  garbage.end('\u0016\u0003 this is no HTTP\r\n\r\n');
  garbage.resume();
  await once(garbage, 'close');
  expect(await ask(socket, '/status')).toMatchObject({ status: 200 });
});
