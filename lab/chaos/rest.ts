/** What must hold when the schedule is over and everything has come to rest, and waiting until it does. */
import type { Cloud } from '../cloud.ts';
import { type Bridge, namesOf, normalFlows } from '../oracle/normal-flows.ts';
import { dump, readRows } from '../oracle/read-switch.ts';
import type { PortView } from '../server/admin-types.ts';
import { waitFor } from '../wait.ts';
import { expectedOn, tunnelsIn } from './expected.ts';
import { differences } from './invariants.ts';
import type { KnownPort, Ports } from './ports.ts';

const BRIDGES: readonly Bridge[] = ['br-tun', 'br-int'];

/** What is not (yet) as it must be; none: everything is at rest, and right. Never rejects. */
export async function unrest(cloud: Cloud, ports: Ports): Promise<string[]> {
  try {
    const database = await cloud.admin.ports();
    const known = [...ports.known.values()];
    const facts = {
      networks: await cloud.admin.networks(),
      ports: database,
      vteps: new Map(cloud.hosts.map(({ name, vtep }) => [name, vtep.ipv4])),
      plugged: new Set(known.filter(({ vm }) => vm !== undefined).map(({ plan }) => plan.id)),
    };
    const problems = databaseProblems(known, database);
    for (const [i, host] of cloud.hosts.entries()) {
      const rows = await readRows(host);
      const expected = expectedOn(host.name, facts);
      for (const bridge of BRIDGES) {
        const actual = normalFlows(await dump(host, bridge), namesOf(rows, bridge));
        problems.push(...differences(`${host.name} ${bridge}`, expected[bridge], actual));
      }
      const tunnels = [...namesOf(rows, 'br-tun').ports.values()].filter((name) => /^(vxlan|gre|geneve) /.test(name));
      problems.push(...differences(`${host.name} tunnel ports`, tunnelsIn(expected['br-tun']), tunnels));
      problems.push(...(await daemonProblems(cloud, i + 1)));
    }
    return problems;
  } catch (error) {
    return [`cannot be looked at: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Resolves with what is still wrong when nothing has become right for `patience` milliseconds: none, it is all right. */
export async function waitForRest(cloud: Cloud, ports: Ports, patience: number): Promise<string[]> {
  let problems: string[] = [];
  await waitFor(
    'rest',
    async () => {
      problems = await unrest(cloud, ports);
      return problems.length === 0;
    },
    { timeout: patience, interval: 300 },
  ).catch(() => undefined);
  return problems;
}

/** The server's database is what the schedule has made it, and says of each port what is so. Pure. */
export function databaseProblems(known: readonly KnownPort[], database: readonly PortView[]): string[] {
  const line = (name: string, hosts: readonly string[], ips: readonly string[], isUp: boolean, status: string) =>
    `${name} on ${hosts.join(' and ')}, ${ips.join(' and ')}, administratively ${isUp ? 'up' : 'down'}, ${status}`;
  return differences(
    'port in the database',
    known.map(({ plan, host, ipv4, ipv6, isUp, vm }) =>
      line(plan.name, [`host${host}`], [ipv4, ipv6], isUp, isUp && vm !== undefined ? 'ACTIVE' : 'DOWN'),
    ),
    database.map(({ name, bindings, fixed_ips, admin_state_up, status }) =>
      line(
        name,
        bindings.map(({ host, status: binding }) => (binding === 'ACTIVE' ? host : `${host} (${binding})`)),
        fixed_ips.map(({ ip_address }) => ip_address),
        admin_state_up,
        status,
      ),
    ),
  );
}

/** The server's word is complete, nothing is doubted, nothing waits, nothing was refused. */
async function daemonProblems(cloud: Cloud, index: number): Promise<string[]> {
  const agent = cloud.agent(index);
  const { networks } = JSON.parse((await agent.get('/networks')).body) as {
    networks: { id: string; sync: { status: string; suspects: number } }[];
  };
  const status = JSON.parse((await agent.get('/status')).body) as {
    blocked: { subject: string; waitsFor: string }[];
    refused: { line: string; reason: string }[];
  };
  const name = `host${index}`;
  return [
    ...networks
      .filter(({ sync }) => sync.status !== 'synced' || sync.suspects > 0)
      .map(({ id, sync }) => `${name}: network ${id} is ${sync.status}, with ${sync.suspects} suspects`),
    ...status.blocked.map(({ subject, waitsFor }) => `${name}: ${subject} waits for ${waitsFor}`),
    ...status.refused.map(({ line, reason }) => `${name}: the switch refused ${line}: ${reason}`),
    ...(await journalProblems(cloud, index)),
  ];
}

/** It is kept in its file, and nothing is pending, processing or failed. */
async function journalProblems(cloud: Cloud, index: number): Promise<string[]> {
  const { status, body } = await cloud.agent(index).get('/journal');
  if (status !== 200) return [`host${index}: the journal cannot be looked at: ${status} ${body.trim()}`];
  const journal = JSON.parse(body) as {
    path: string | null;
    counts: Record<string, number>;
    entries: { key: string; state: string; blockedOn: string | null; lastError: string | null }[];
  };
  const { completed: _, ...open } = journal.counts;
  const count = Object.values(open).reduce((sum, one) => sum + one, 0);
  const shown = journal.entries.filter(({ state }) => state !== 'completed').slice(0, 5);
  return [
    ...(journal.path === null ? [`host${index}: the journal is in memory alone`] : []),
    ...(count === 0 ? [] : [`host${index}: the journal has open entries: ${JSON.stringify(open)}`]),
    ...shown.map(({ key, state, blockedOn, lastError }) =>
      [`host${index}: journal: ${key} is ${state}`, blockedOn ?? '', lastError ?? '']
        .filter((part) => part !== '')
        .join(', '),
    ),
  ];
}
