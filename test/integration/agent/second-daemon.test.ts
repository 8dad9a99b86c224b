/** A second daemon where one runs: it ends with one line and takes nothing away, neither the journal nor the socket nor a flow. */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { agentConfigurationFiles, agentEnvironment } from '../../../lab/agent.ts';
import { type RunResult, tryRun } from '../../../lab/run.ts';
import { renderSettings } from '../../../lab/settings.ts';
import { FlowWatch } from './flow-watch.ts';
import { type AgentRig, rigForAll } from './rig.ts';
import { statusOf } from './switch-scene.ts';
import { TwoNetworks } from './two-networks.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../bin/l2pop-agent');

let rig: AgentRig;
let networks: TwoNetworks;
let watches: FlowWatch[];

rigForAll((up) => {
  rig = up;
});

beforeEach(async () => {
  await rig.reset();
  networks = new TwoNetworks(rig);
  await rig.start();
  await networks.wire();
  watches = [await FlowWatch.start(rig.host, 'br-tun'), await FlowWatch.start(rig.host, 'br-int')];
  return () => {
    for (const watch of watches) watch.kill();
  };
});

/** Run to its end with the first one's files and these settings after them. */
async function second(own: Record<string, string>): Promise<RunResult> {
  const file = join(rig.host.path, `second-${randomUUID()}.conf`);
  writeFileSync(file, renderSettings({ l2pop_agent: own }));
  const files = [...agentConfigurationFiles(rig.host), file].flatMap((path) => ['--config-file', path]);
  const env = { ...agentEnvironment(rig.host), ...rig.host.env };
  return await tryRun(rig.host.namespace.command([PROGRAM, ...files]), { env });
}

/** It has its file and its socket, goes on, and a successor finds in the file what came after the second. */
async function expectTheFirstGoesOn(): Promise<void> {
  expect(readdirSync(dirname(rig.journal)).filter((name) => name.startsWith('l2pop-agent.db.'))).toEqual([]);
  rig.server.calls.length = 0;
  await networks.say('add', 0, 10);
  await networks.say('remove', 1, 1);
  await networks.hasAll();
  expect((await statusOf(rig)).journal).toMatchObject({ path: rig.journal, reason: null });
  await rig.restart('kill');
  await rig.settled();
  await networks.hasAll();
  expect(networks.asked()).toEqual([]);
  expect(rig.problems('warn')).toEqual([]);
  // The one flow that was to go.
  const harm = (await Promise.all(watches.map((watch) => watch.harm()))).flat();
  expect(harm.filter((line) => !line.includes('fa:16:3e:91:00:01') && !line.includes('arp_tpa=10.1.0.1,'))).toEqual([]);
}

/** Lines that it has logged on its stdout, without what is said at every start. */
const logged = ({ stdout }: RunResult) => stdout.split('\n').filter((line) => /"level":[456]/.test(line));

it('with another control socket and the same journal', async () => {
  const socket = join(rig.host.path, `${randomUUID()}.sock`);
  const result = await second({ control_socket: socket });
  expect(result).toMatchObject({
    exitCode: 1,
    stderr: `l2pop-agent: another process has the journal ${rig.journal} open: a second l2pop-agent with this state_path? Not started; flows stay as they are`,
  });
  expect(logged(result)).toEqual([]);
  expect(existsSync(socket)).toBe(false);
  await expectTheFirstGoesOn();
});

it('with the same control socket', async () => {
  const result = await second({});
  expect(result).toMatchObject({
    exitCode: 1,
    stderr: `l2pop-agent: another l2pop-agent is running: it answers on ${rig.agent.controlSocket}`,
  });
  expect(logged(result)).toEqual([]);
  await expectTheFirstGoesOn();
});
