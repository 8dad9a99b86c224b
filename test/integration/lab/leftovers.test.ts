/** A run that was killed with -9 leaves daemons, namespaces and links: the next one takes those away, and nothing else. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commandLine, identify, isRunning, type ProcessIdentity } from '../../../lab/proc.ts';
import { recordedDaemons, startDaemon } from '../../../lab/processes.ts';
import { tryRun } from '../../../lab/run.ts';
import { RunDirectory, removeOrphans } from '../../../lab/run-directory.ts';
import { waitFor } from '../../../lab/wait.ts';

const lab = join(import.meta.dirname, '../../../lab');
const own = RunDirectory.createForTest();
let orphan: RunDirectory;
let orphanDaemons: ProcessIdentity[];

beforeAll(async () => {
  // A run in a process of its own, which is killed while its host is up.
  const script = `
    import { Host } from '${lab}/host.ts';
    import { RunDirectory } from '${lab}/run-directory.ts';
    import { Underlay } from '${lab}/underlay.ts';
    const run = RunDirectory.createForTest();
    await Host.up(run, await Underlay.create(run), 1);
    console.log(run.path);
    setInterval(() => {}, 1000);`;
  const child = execa(process.execPath, ['--input-type=module', '-e', script], { reject: false });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  await waitFor('the run to be up', () => output.endsWith('\n'));
  child.kill('SIGKILL');
  await child;
  orphan = RunDirectory.open(basename(output.trim()))!;
  orphanDaemons = recordedDaemons(orphan.path).map((daemon) => identify(daemon.pid)!);
});

afterAll(async () => {
  await own.remove();
});

it('cleans the leftovers of a killed run and ends only what that run started', async () => {
  expect(orphan.liveOwner).toBeUndefined();
  expect(orphanDaemons).toHaveLength(2);
  expect(orphanDaemons.every((daemon) => isRunning(daemon))).toBe(true);
  // Same program, same machine, another run; and one that is in no record at all.
  const neighbour = await startDaemon(own.path, { name: 'neighbour', command: ['sleep', '1000'] });
  const stranger = execa('sleep', ['1000'], { reject: false });

  expect(await removeOrphans()).toContain(orphan.name);

  expect(orphanDaemons.some((daemon) => isRunning(daemon))).toBe(false);
  expect((await tryRun(['ip', 'netns', 'list'])).stdout).not.toContain(`l2p-${orphan.id}`);
  expect((await tryRun(['ip', '-br', 'link'])).stdout).not.toContain(`l2p-${orphan.id}`);
  expect(existsSync(orphan.path)).toBe(false);
  expect(existsSync(own.path)).toBe(true);
  expect(neighbour.running).toBe(true);
  expect(identify(stranger.pid!)).toBeDefined();
  stranger.kill();
  await stranger;
  await neighbour.stop();
  expect(neighbour.running).toBe(false);
});

it('does not touch a process that has got the pid of a recorded one', async () => {
  const daemon = await startDaemon(own.path, { name: 'recycled', command: ['sleep', '1000'] });
  const file = join(own.path, 'processes', 'recycled.json');
  const record = JSON.parse(readFileSync(file, 'utf8')) as { startTime: number };
  await daemon.kill();
  // The kernel counts start times in hundredths of a second: a stranger of the same one could not be told apart.
  await waitFor(
    'another tick',
    () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100 > record.startTime + 2,
  );
  const stranger = execa('sleep', ['1000'], { reject: false });
  const { pid, startTime } = identify(stranger.pid!)!;
  // Empty while the process is replacing itself.
  await waitFor('its command line', () => commandLine(pid) !== '');
  const recycled = [
    { ...record, pid },
    { ...record, pid, startTime, mark: 'something else' },
    { ...record, pid, startTime, boot: 'another boot' },
  ];
  for (const one of recycled) {
    writeFileSync(file, JSON.stringify(one));
    await own.takeDown();
    expect(identify(pid)?.startTime).toBe(startTime);
  }
  stranger.kill();
  await stranger;
});

it('ends what a daemon has left behind in a session of its own', async () => {
  const command = ['sh', '-c', 'setsid sleep 1000 & echo $!; sleep 0.1', 'parent'];
  const parent = await startDaemon(own.path, { name: 'parent', command });
  await parent.waitForEnd(10_000);
  const child = Number(readFileSync(parent.log, 'utf8'));
  expect(identify(child)).toBeDefined();
  await own.takeDown();
  await waitFor('the end of the child', () => identify(child) === undefined);
});

it('says why a daemon did not come up, with the end of its log', async () => {
  const broken = startDaemon(own.path, {
    name: 'broken',
    command: ['sh', '-c', 'echo it will not do; exit 3'],
    ready: () => false,
  });
  await expect(broken).rejects.toThrow(/broken has ended[\s\S]*it will not do/);
  const missing = startDaemon(own.path, { name: 'missing', command: ['/no/such/program'] });
  await expect(missing).rejects.toThrow(/missing cannot be started/);
});

it('ends a daemon that ignores SIGTERM, and its children', async () => {
  const daemon = await startDaemon(own.path, {
    name: 'stubborn',
    command: ['sh', '-c', "trap '' TERM; sleep 1000 & echo $!; wait; wait", 'stubborn'],
    ready: async () => (await tryRun(['pgrep', '-P', `${daemonPid('stubborn')}`])).exitCode === 0,
  });
  const child = Number((await tryRun(['pgrep', '-P', `${daemon.pid}`])).stdout);
  await daemon.stop(200);
  expect(daemon.running).toBe(false);
  await waitFor('the end of the child', () => identify(child) === undefined);
});

it('a kept run stays and is up as long as something of it runs', async () => {
  const run = RunDirectory.createForTest();
  const up = () => RunDirectory.open(run.name)?.isUp;
  try {
    const daemon = await startDaemon(run.path, { name: 'kept', command: ['sleep', '1000'] });
    expect(up(), 'not kept').toBe(false);
    run.keep();
    expect(up()).toBe(true);
    await daemon.kill();
    expect(up()).toBe(false);
  } finally {
    await run.remove();
  }
  expect(up()).toBeUndefined();
});

function daemonPid(name: string): number {
  return recordedDaemons(own.path).find((daemon) => daemon.name === name)?.pid ?? 0;
}
