/** l2popctl as an operator runs it: a process, a socket, an exit status. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { ControlRig, FLOW, flowsReport, NETWORK, STATUS } from '../control/rig.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../bin/l2popctl');

interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

let rig: ControlRig;
/** A daemon where all is well. */
let good: string;
/** One that finds differences, whose switch is away for all other questions about flows. */
let bad: string;

beforeAll(async () => {
  rig = new ControlRig();
  good = await rig.listen({}, rig.path('good.sock'));
  bad = await rig.listen(
    {
      flows: (query) =>
        query.view === 'diff'
          ? Promise.resolve(flowsReport({ view: 'diff', flows: [{ ...FLOW, state: 'missing', packets: null }] }))
          : Promise.reject(Object.assign(new Error('ovs-ofctl: br-tun is away'), { code: 'unreachable' })),
    },
    rig.path('bad.sock'),
  );
});

afterAll(async () => {
  await rig.remove();
});

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const { exitCode, stdout, stderr } = await execa(PROGRAM, args, {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env.PATH ?? '', OVS_RUNDIR: rig.directory, RUNTIME_DIRECTORY: rig.directory, ...env },
    stripFinalNewline: false,
    stdin: 'ignore',
  });
  return { exitCode, stdout, stderr };
}

/** On a terminal of its own (script(1)): what it writes there. */
async function runOnTerminal(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const command = `stty cols 100; exec ${PROGRAM} ${args.join(' ')}`;
  const { stdout } = await execa('script', ['-qec', command, '/dev/null'], {
    env: { TERM: 'xterm', ...env },
    stdin: 'ignore',
  });
  return stdout;
}

const asGood = (): string[] => ['--socket', good];

it.each(['status', 'networks', 'tunnels', 'fdb', 'flows', 'journal', 'compare', 'resync --all'])(
  '%s prints text, and JSON that parses',
  async (command) => {
    const words = command.split(' ');
    const text = await run([...words, ...asGood()]);
    expect(text).toMatchObject({ exitCode: 0, stderr: '' });
    expect(text.stdout).not.toBe('');
    expect(text.stdout).not.toContain('\u001b');
    const json = await run(['--json', ...words, ...asGood()]);
    expect(json).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toHaveProperty('at');
  },
);

test('the report is the daemon’s own', async () => {
  expect(JSON.parse((await run(['status', '--json', ...asGood()])).stdout)).toEqual(STATUS);
  const { stdout } = await run(['flows', ...asGood()]);
  const [header, flow] = stdout.split('\n');
  expect(header).toMatch(/^TABLE +PRIO +PACKETS +NETWORK +VTEP +PURPOSE +MATCH +ACTIONS$/);
  for (const part of ['20 UCAST_TO_TUN', '12', NETWORK, '172.30.0.12', FLOW.purpose, FLOW.match, FLOW.actions]) {
    expect(flow).toContain(part);
  }
});

describe('a difference', () => {
  test('that is none is silence and status 0', async () => {
    expect(await run(['flows', '--diff', ...asGood()])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('is printed exactly and is status 1, as JSON too', async () => {
    const { exitCode, stdout } = await run(['flows', '--diff', '--socket', bad]);
    expect(exitCode).toBe(1);
    expect(stdout).toBe(
      `# missing: ${FLOW.purpose}\n+ br-tun cookie=${FLOW.cookie},table=20,priority=2,${FLOW.match},actions=${FLOW.actions}\n`,
    );
    expect(await run(['flows', '--diff', '--json', '--socket', bad])).toMatchObject({ exitCode: 1 });
  });
});

describe('an error of the daemon is status 1 and its sentence', () => {
  it.each([
    [['flows'], () => bad, 'l2popctl: ovs-ofctl: br-tun is away\n'],
    [
      ['resync', '--vtep', '172.30.0.99'],
      () => good,
      'l2popctl: no network with a VIF here has entries of VTEP 172.30.0.99\n',
    ],
    [['fdb', '--network', 'ffff'], () => good, "l2popctl: no network begins with 'ffff'\n"],
  ])('%j', async (args, socket, sentence) => {
    expect(await run([...args, '--socket', socket()])).toEqual({ exitCode: 1, stdout: '', stderr: sentence });
  });
});

describe('wrong arguments are status 2 and nothing is asked', () => {
  it.each([
    [['nonsense'], "l2popctl: unknown command 'nonsense'"],
    [['flows', '--tabel', '20'], "l2popctl: unknown option '--tabel'"],
    [['flows', '--table'], "l2popctl: option '--table <table>' argument missing"],
    [['status', 'now'], "l2popctl: too many arguments for 'status'"],
    [['flows', '--actual', '--diff'], 'l2popctl: actual and diff do not go together'],
    [['flows', '--mac', 'fa:16'], "l2popctl: mac 'fa:16' is no MAC address"],
    [['fdb', '--network', 'x;reboot'], "l2popctl: network 'x;reboot' is no network id"],
    [['flows', '--offline', '--desired'], 'l2popctl: --offline and --desired do not go together'],
    [['flows', '--offline', '--diff'], 'l2popctl: --offline and --diff do not go together'],
    [['journal', '--state', 'done'], "l2popctl: state 'done' is none of pending, processing, completed, failed\n"],
    [['journal', '--limit', 'many'], "l2popctl: limit 'many' is no number from 1 to 10000\n"],
    [['journal', '--offline', '--network', '*'], "l2popctl: network '*' is no network id and no beginning of one\n"],
    [['resync'], 'l2popctl: say --network <id>, --vtep <ip> or --all\n'],
    [['resync', '--all', '--vtep', '10.0.0.1'], 'l2popctl: only one of --network <id>, --vtep <ip> or --all\n'],
    [['resync', '--vtep', 'x'], "l2popctl: vtep 'x' is no IP address\n"],
    [['status', '--config-file', '/nowhere.ini'], 'l2popctl: /nowhere.ini: cannot be read'],
    [[], 'Usage: l2popctl'],
  ])('%j', async (args, sentence) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(sentence);
  });
});

describe('no daemon is status 3 and what to try', () => {
  it.each([
    ['no socket', () => rig.path('none.sock'), 'l2pop-agent does not answer: there is no socket'],
    ['a file', () => PROGRAM, 'l2pop-agent does not answer: nobody listens on'],
  ])('%s', async (_name, path, sentence) => {
    const { exitCode, stdout, stderr } = await run(['status', '--socket', path()]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    for (const part of [sentence, path(), 'systemctl status l2pop-agent', '--offline']) expect(stderr).toContain(part);
  });

  test('nor a switch, offline', async () => {
    const { exitCode, stdout, stderr } = await run(['flows', '--offline']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toMatch(/^l2popctl: cannot connect to unix:.*db\.sock/);
  });
});

describe('the socket is found', () => {
  test('by the environment, by a configuration file, by the runtime directory', async () => {
    expect(await run(['status'], { L2POP_AGENT_SOCKET: good })).toMatchObject({ exitCode: 0 });
    const file = join(rig.directory, 'agent.ini');
    writeFileSync(file, `[l2pop_agent]\ncontrol_socket = ${good}\n`);
    expect(await run(['status', '--config-file', file])).toMatchObject({ exitCode: 0 });
    symlinkSync(good, rig.path('control.sock'));
    expect(await run(['status'])).toMatchObject({ exitCode: 0 });
  });
});

test('help and version are status 0', async () => {
  expect(await run(['--help'])).toMatchObject({
    exitCode: 0,
    stderr: '',
    stdout: expect.stringContaining('Exit status'),
  });
  expect(await run(['flows', '--help'])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('--offline') });
  const { exitCode, stdout } = await run(['--version']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

describe('a terminal', () => {
  test('gets colours, short ids and lines that fit', async () => {
    const shown = await runOnTerminal(['flows', '--socket', good], { NO_COLOR: '' });
    expect(shown).toContain('\u001b[1m');
    expect(shown).toContain('1a2b3c4d  172.30.0.12');
    expect(shown).not.toContain(NETWORK);
    expect(shown).toContain('…');
  });

  it.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('gets no colours with %j', async (env) => {
    const shown = await runOnTerminal(['status', '--socket', good], env);
    expect(shown).toContain('broker');
    expect(shown).not.toContain('\u001b');
  });
});

test('a reader that has seen enough is no error', async () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({ ...FLOW, table: 20, priority: i }));
  const socket = await rig.listen(
    { flows: () => Promise.resolve(flowsReport({ flows: many })) },
    rig.path('many.sock'),
  );
  const pipeline = `${PROGRAM} flows --socket ${socket} 2>${rig.path('stderr')} | head -n 2; echo "\${PIPESTATUS[0]}"; cat ${rig.path('stderr')}`;
  const { stdout } = await execa('bash', ['-c', pipeline]);
  expect(stdout.split('\n').slice(2)).toEqual(['0']);
});
