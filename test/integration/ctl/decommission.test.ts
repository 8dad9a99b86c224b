/** `l2popctl decommission` against a real broker with a host's queues on it. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { ControlRig } from '../control/rig.ts';
import { rpcConfigOf, writeConfig } from '../rpc/oslo-peer.ts';
import { FDB, Rig, type TestClient, TOPICS } from '../rpc/rig.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../bin/l2popctl');
const STREAMS = {
  ...{ rabbit_quorum_queue: 'true', rabbit_transient_quorum_queue: 'true', rabbit_stream_fanout: 'true' },
  rabbit_qos_prefetch_count: '10',
};

let rig: Rig;
let control: ControlRig;

beforeAll(async () => {
  rig = await Rig.start();
  control = new ControlRig();
});
afterEach(async () => {
  await rig.reset();
  await rig.deleteExchanges();
});
afterAll(async () => {
  await rig?.close();
  await control?.remove();
});

/** The operator's file. */
function configured(rabbit: Readonly<Record<string, string>> = {}, port = rig.broker.port): string {
  return writeConfig(rig.run.path, `rabbit://guest:guest@127.0.0.1:${port}/`, rabbit);
}

async function run(file: string, ...args: string[]) {
  const { exitCode, stdout, stderr } = await execa(PROGRAM, ['decommission', '--config-file', file, ...args], {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env.PATH ?? '', RUNTIME_DIRECTORY: control.directory },
    stdin: 'ignore',
  });
  return { exitCode, stdout, stderr };
}

/** With an answer typed at a terminal (script(1)). */
async function runOnTerminal(file: string, answer: string) {
  const { exitCode, stdout } = await execa(
    'script',
    ['-qec', `${PROGRAM} decommission --config-file ${file}`, '/dev/null'],
    { input: `${answer}\n`, reject: false, env: { TERM: 'dumb', RUNTIME_DIRECTORY: control.directory } },
  );
  return { exitCode, stdout };
}

async function clientOf(file: string, host = 'host1'): Promise<TestClient> {
  const client = rig.client(host, rpcConfigOf(file));
  await client.up();
  return client;
}

/** A daemon of that configuration was here and has ended in good order. */
async function leftBy(file: string, host = 'host1'): Promise<void> {
  await (await clientOf(file, host)).client.close();
}

const names = async () => (await rig.queues()).map(([name = '']) => name);

test('--dry-run names them, with what waits in them, and deletes nothing', async () => {
  const file = configured();
  await leftBy(file);
  const { server } = await rig.server(() => null);
  await server.fanout(FDB, 'one', {}, { version: '1.0' });
  const before = await names();
  const { exitCode, stdout, stderr } = await run(file, '--dry-run');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toContain(`7 queues of host1 at 127.0.0.1:${rig.broker.port} would be deleted\n`);
  for (const name of before.filter((one) => !one.startsWith('q-plugin'))) expect(stdout).toContain(name);
  expect(stdout).toMatch(new RegExp(`found +1 +notifications +${FDB}_fanout_`));
  expect(await names()).toEqual(before);
});

test.each<[string, Record<string, string>]>([
  ['the defaults', {}],
  ['amqp_durable_queues', { amqp_durable_queues: 'true' }],
  ['quorum queues', { rabbit_quorum_queue: 'true', rabbit_transient_quorum_queue: 'true' }],
  ['use_queue_manager', { use_queue_manager: 'true', hostname: 'machine1' }],
])('%s: its own go, and nobody else’s; a second time there is nothing to do', async (_mode, rabbit) => {
  const file = configured(rabbit);
  await leftBy(file);
  const mine = await names();
  expect(mine).toHaveLength(7);
  const witnesses = async () =>
    (await rig.exchanges()).map(([name = '']) => name).filter((name) => /witness/.test(name));
  const own = await witnesses();
  expect(own).toHaveLength(TOPICS.length);
  await rig.server(() => null, ['q-plugin'], rpcConfigOf(file));
  await rig.client('host2', { ...rpcConfigOf(file), hostname: 'machine2' }).up();
  const { exitCode, stdout, stderr } = await run(file, '--yes');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/^7 queues of host1 at .* deleted$/m);
  expect(stdout).toMatch(/openstack network agent delete/);
  const left = await names();
  for (const name of mine) expect(left).not.toContain(name);
  expect(left).toContain(`${FDB}.host2`);
  expect((await witnesses()).filter((name) => own.includes(name))).toEqual([]);
  expect(await witnesses()).toHaveLength(TOPICS.length);

  const again = await run(file, '--yes');
  expect(again).toMatchObject({ exitCode: 0, stderr: '' });
  expect(again.stdout).toMatch(/^host1 has no queues at /m);
  expect(await names()).toEqual(left);
});

test('streams stay: all hosts read them', async () => {
  const file = configured(STREAMS);
  await leftBy(file);
  const { exitCode, stdout } = await run(file, '--yes');
  expect(exitCode).toBe(0);
  for (const topic of TOPICS) expect(stdout).toContain(`${topic}_fanout stays: all hosts read it`);
  expect(await names()).toEqual(TOPICS.map((topic) => `${topic}_fanout`).sort());
});

test('as JSON', async () => {
  const file = configured();
  await leftBy(file);
  const report = JSON.parse((await run(file, '--yes', '--json')).stdout);
  expect(report).toMatchObject({ host: 'host1', dryRun: false, shared: [] });
  expect(report.queues).toHaveLength(7);
  expect(report.queues).toContainEqual({
    name: `${FDB}.host1`,
    purpose: 'messages by name',
    state: 'deleted',
    messages: 0,
  });
});

describe('it asks', () => {
  test('and does it after yes', async () => {
    const file = configured();
    await leftBy(file);
    const { exitCode, stdout } = await runOnTerminal(file, 'y');
    expect(stdout).toContain('Delete the 7 queues of host1');
    expect(exitCode).toBe(0);
    expect(await names()).toEqual([]);
  });

  it.each(['n', '', 'yesterday'])('and does nothing after %j', async (answer) => {
    const file = configured();
    await leftBy(file);
    const { exitCode, stdout } = await runOnTerminal(file, answer);
    expect(stdout).toContain('nothing deleted');
    expect(exitCode).toBe(2);
    expect(await names()).toHaveLength(7);
  });
});

describe('refused, and nothing is deleted', () => {
  test('while the daemon runs', async () => {
    const file = configured();
    await leftBy(file);
    const socket = await control.listen({}, control.path('control.sock'));
    const { exitCode, stderr } = await run(file, '--yes', '--socket', socket);
    expect(exitCode).toBe(1);
    expect(stderr).toBe('l2popctl: l2pop-agent runs, pid 42: systemctl disable --now l2pop-agent, then again');
    expect(await names()).toHaveLength(7);
  });

  test('while an agent listens somewhere, with --dry-run too', async () => {
    const file = configured();
    await clientOf(file);
    for (const how of ['--yes', '--dry-run']) {
      const { exitCode, stderr } = await run(file, how, '--socket', '/nowhere.sock');
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(
        /^l2popctl: nothing deleted: an agent of this host listens to .* and 6 more: stop it first/,
      );
    }
    expect(await names()).toHaveLength(8);
  });

  test('when the broker is away', async () => {
    const { exitCode, stdout, stderr } = await run(configured({}, 1), '--yes', '--socket', '/nowhere.sock');
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toMatch(/^l2popctl: no broker answers: 127\.0\.0\.1:1: connect ECONNREFUSED/);
  });

  test('when the broker does not know us', async () => {
    const file = writeConfig(rig.run.path, `rabbit://guest:wrong@127.0.0.1:${rig.broker.port}/`, {});
    const { exitCode, stderr } = await run(file, '--yes', '--socket', '/nowhere.sock');
    expect(exitCode).toBe(3);
    expect(stderr).toContain('ACCESS_REFUSED');
  });

  it.each([
    [[], 'nobody can be asked here: say --yes, or --dry-run'],
    [['--yes', '--dry-run'], '--dry-run and --yes do not go together'],
    [['--force'], "unknown option '--force'"],
    [['host2'], "too many arguments for 'decommission'"],
  ])('with the arguments %j', async (args, sentence) => {
    const file = configured();
    await leftBy(file);
    const { exitCode, stdout, stderr } = await run(file, ...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(await names()).toHaveLength(7);
  });

  test('with a configuration that is wrong or not there', async () => {
    const file = join(rig.run.path, 'wrong.conf');
    writeFileSync(file, '[DEFAULT]\ntransport_url = kafka://x/\n[ovs]\nlocal_ip = here\n');
    const wrong = await run(file, '--yes');
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain('only rabbit:// is supported');
    const { exitCode, stderr } = await run('/nowhere.conf', '--yes');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('/nowhere.conf: cannot be read');
  });
});
