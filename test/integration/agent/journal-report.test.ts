/** What the operator sees of the journal: from the daemon while it runs, from the file when it does not. */
import { beforeEach, expect, test } from 'vitest';
import { agentConfigurationFiles } from '../../../lab/agent.ts';
import { CommandError } from '../../../lab/run.ts';
import type { JournalReport } from '../../../src/report/types.ts';
import { portOn } from './port-object.ts';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';

const MAC = 'fa:16:3e:99:00:01';

let rig: AgentRig;

rigForAll((up) => {
  rig = up;
});

beforeEach(async () => {
  await rig.reset();
});

async function journal(...args: string[]): Promise<JournalReport> {
  return JSON.parse(await rig.agent.ctl('--json', 'journal', ...args)) as JournalReport;
}

test('an entry from the message to the switch, and after the daemon has gone', async () => {
  const port = portOn(rig.host.name);
  const { network } = port;
  await rig.start();
  await rig.wire(port);
  await rig.server.fdb('add', port, { '172.30.0.99': ['flood', [MAC, '10.0.0.1']] });
  await waitFor('the entry to be completed', async () => {
    const { entries } = await journal('--key', MAC, '--state', 'completed');
    return entries.some(({ kind }) => kind === 'mac');
  });
  const report = await journal('--network', network, '--key', MAC);
  expect(report).toMatchObject({ path: rig.journal, since: expect.any(String), reason: null });
  expect(report.entries.find(({ kind }) => kind === 'mac')).toMatchObject({
    ...{ network, state: 'completed', blockedOn: null, attempts: 0, lastError: null },
    origin: {
      uniqueId: expect.any(String),
      queue: expect.stringContaining('l2population'),
      receivedAt: expect.any(String),
    },
  });
  expect(await rig.agent.ctl('journal')).toContain(`in ${rig.journal} for `);
  const files = agentConfigurationFiles(rig.host).flatMap((file) => ['--config-file', file]);
  const offline = (): Promise<JournalReport> => journal('--offline', '--network', network, '--key', MAC, ...files);
  await expect(offline()).rejects.toThrow(/another process has it open.*\nthe daemon has it: ask without --offline/);
  await expect(offline()).rejects.toBeInstanceOf(CommandError);
  for (const how of ['stop', 'kill'] as const) {
    await rig.agent[how]();
    expect(await offline()).toMatchObject({ path: rig.journal, since: null, entries: report.entries });
    await rig.agent.start();
    await rig.ready();
  }
});
