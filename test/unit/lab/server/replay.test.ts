/**
 * The recordings of the real neutron-server, replayed: the same calls and the same user's actions in the same order must
 * give the same replies and the same notifications, to the same destinations, with the same entries.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { PLUGIN_TOPIC } from '../../../../lab/server/rpc-methods.ts';
import type { JsonValue } from '../../../../src/rpc/types.ts';
import { RpcFailure } from '../../../../src/rpc/types.ts';
import type { IpAddress, MacAddress, NetworkId, PortId, TunnelType } from '../../../../src/values.ts';
import type { Cloud, Sent } from './in-memory.ts';
import { cloud } from './in-memory.ts';

type Line =
  | (Sent & { readonly recording: string; readonly kind: 'call'; readonly id: string })
  | (Sent & { readonly recording: string; readonly kind: 'cast' })
  | {
      readonly recording: string;
      readonly kind: 'reply';
      readonly id: string;
      readonly result: JsonValue;
      readonly failure?: { readonly class: string; readonly module: string; readonly message: string };
    };

const LINES: readonly Line[] = readFileSync(
  new URL('../../../fixtures/lab-server/recordings.jsonl', import.meta.url),
  'utf8',
)
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Line);

const VX = '00f2d01f-cb41-490d-bb30-f7e4e515e5d6' as NetworkId;
const GR = '09efaef8-8f82-4973-918e-5f83d68fe37d' as NetworkId;
const SUBNETS = {
  vx4: '19d592d3-e298-4858-be3f-c3e6aa119159',
  vx6: 'd8125039-64ec-493b-a0fb-ffaf7aa0074c',
  gr4: '1a12caef-0519-4bae-ba38-d1b0b6d09fd9',
  gr6: '8f707e25-f769-472a-a8e1-530704a729a8',
};

/** reference/03, notes. */
const PORTS = {
  vx1: {
    id: 'e3342ff1-3feb-450b-92ff-f75ea08f697c',
    mac: 'fa:16:3e:58:b5:cf',
    ips: ['10.10.0.94', 'fd10::6'],
    host: 'host1',
  },
  vx2: {
    id: '83ec5431-b0ed-4ec8-916b-0611756484af',
    mac: 'fa:16:3e:82:30:63',
    ips: ['10.10.0.159', 'fd10::103'],
    host: 'host2',
  },
  vx1b: {
    id: 'f4485157-612a-4773-8fe1-48718e869c74',
    mac: 'fa:16:3e:e1:7b:90',
    ips: ['10.10.0.232', 'fd10::112'],
    host: 'host1',
  },
  vx2b: {
    id: '4bae99bb-fda6-4b94-9034-06edbc1f832b',
    mac: 'fa:16:3e:4e:ed:a9',
    ips: ['10.10.0.75', 'fd10::182'],
    host: 'host2',
  },
  gr1: {
    id: '58aebe93-f9dc-41f7-9d2a-4da910a3e480',
    mac: 'fa:16:3e:fa:8a:90',
    ips: ['10.20.0.187', 'fd20::6f'],
    host: 'host1',
  },
  gr2: {
    id: '431c1978-c584-44af-9c89-d647b1220cc1',
    mac: 'fa:16:3e:be:34:91',
    ips: ['10.20.0.200', 'fd20::1bb'],
    host: 'host2',
  },
} as const;

/** What the user did at the start of a recording (its notes). */
const ACTIONS: Readonly<Record<string, (the: Cloud) => Promise<unknown>>> = {
  '03': createNetworksAndPorts,
  '10': (the) =>
    the.plugin.updatePort(PORTS.vx2.id as PortId, {
      fixedIps: fixedIps(['10.10.0.200', 'fd10::103'], SUBNETS.vx4, SUBNETS.vx6),
    }),
  '11': (the) => the.plugin.updatePort(PORTS.vx2b.id as PortId, { adminStateUp: false }),
  '12': (the) => the.plugin.updatePort(PORTS.vx2b.id as PortId, { adminStateUp: true }),
  '18': (the) => the.plugin.deletePort(PORTS.vx2b.id as PortId),
  '19': (the) => the.plugin.deletePort(PORTS.vx2.id as PortId),
  '20': (the) => the.plugin.deletePort(PORTS.gr2.id as PortId),
  // Not recorded here: vx1b was migrated to host3 before the probe.
  '22': async (the) => {
    await the.plugin.updatePort(PORTS.vx1b.id as PortId, { host: 'host3' });
    await the.call(PLUGIN_TOPIC, 'update_device_up', '1.9', { device: PORTS.vx1b.id, agent_id: 'x', host: 'host3' });
    the.recorder.take();
  },
};

/** Methods that no agent since Zed calls and that the lab server does not have. */
const LEFT_OUT = ['get_devices_details_list', 'get_device_details'];

/** The server's clock and its counters. */
const VARYING = ['created_at', 'updated_at', 'revision_number', 'standard_attr_id'];

const LATEST_REPORTS = ['host1', 'host2', 'host3'].map((host) => {
  const report = LINES.findLast(
    (line) => line.kind === 'call' && line.method === 'report_state' && JSON.stringify(line.args).includes(`"${host}"`),
  );
  if (report?.kind !== 'call') throw new Error(`no report of ${host}`);
  return report;
});

const RECORDINGS = [...new Set(LINES.map((line) => line.recording))];

describe('replay of the recordings', () => {
  let the: Cloud;

  beforeAll(async () => {
    the = await cloud();
  });

  // One cloud lives through all of them, in order, as the real one did.
  for (const recording of RECORDINGS) {
    test(`reference/${recording}`, async () => {
      const lines = LINES.filter((line) => line.recording === recording);
      the.recorder.take();
      await ACTIONS[recording]?.(the);
      // In 03 the agents asked while the user was still making the subnets.
      const varying = recording === '03' ? [...VARYING, 'subnets'] : VARYING;
      const replies: { method: string; reply: unknown }[] = [];
      const recorded: { method: string; reply: unknown }[] = [];
      for (const line of lines) {
        if (line.kind !== 'call' || LEFT_OUT.includes(line.method)) continue;
        if (line.method === 'report_state') await catchUp(the, line);
        replies.push({ method: line.method, reply: normalise(await ask(the, line), varying) });
        recorded.push({ method: line.method, reply: normalise(recordedReply(lines, line.id), varying) });
      }
      expect(replies).toEqual(recorded);
      expect(the.recorder.take().map(comparable)).toEqual(lines.filter((line) => line.kind === 'cast').map(comparable));
    });
  }
});

/** Sets the clock, and makes up for the reports of the scenarios that are not among the recordings. */
async function catchUp(the: Cloud, report: Sent): Promise<void> {
  const time = new Date(`${String(report.args.time)}Z`);
  if (the.store.agents.all().some((agent) => time.getTime() - agent.heartbeatAt.getTime() > 75_000)) {
    the.clock.time = new Date(time.getTime() - 30_000);
    for (const line of LATEST_REPORTS) await ask(the, line);
  }
  the.clock.time = time;
}

async function ask(the: Cloud, line: Sent): Promise<unknown> {
  try {
    return await the.call(line.topic, line.method, line.version, line.args);
  } catch (error) {
    if (!(error instanceof RpcFailure)) throw error;
    return { class: error.class, module: error.module, message: error.message };
  }
}

function recordedReply(lines: readonly Line[], id: string): unknown {
  const reply = lines.find((line) => line.kind === 'reply' && line.id === id);
  if (reply?.kind !== 'reply') throw new Error(`no reply to ${id}`);
  return reply.failure ?? reply.result;
}

/** Entries are a set: the database gives them in no order. */
function comparable({ topic, method, version, args }: Sent): unknown {
  return { topic, method, version, args: normalise(args, VARYING) };
}

function normalise(value: unknown, varying: readonly string[], key = ''): unknown {
  if (varying.includes(key)) return typeof value;
  if ((key === 'profile' || key === 'vif_details') && typeof value === 'string')
    return normalise(JSON.parse(value), varying);
  if (Array.isArray(value)) {
    const items = value.map((item) => normalise(item, varying));
    return items.every((item) => Array.isArray(item))
      ? items.toSorted((a, b) => (String(a) < String(b) ? -1 : 1))
      : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, normalise(item, varying, name)]));
}

async function createNetworksAndPorts(the: Cloud): Promise<void> {
  await createNetwork(the, VX, 'vx', 'vxlan', 7419, 1450, 'b3abc7ef-3193-40ba-a210-b28636345986', [
    SUBNETS.vx4,
    SUBNETS.vx6,
  ]);
  await createNetwork(the, GR, 'gr', 'gre', 5608, 1458, 'e800d57c-30d1-4e30-9dd2-c3c30bbbcbb4', [
    SUBNETS.gr4,
    SUBNETS.gr6,
  ]);
  for (const [name, port] of Object.entries(PORTS)) {
    const [subnet4, subnet6] = name.startsWith('vx') ? [SUBNETS.vx4, SUBNETS.vx6] : [SUBNETS.gr4, SUBNETS.gr6];
    await the.plugin.createPort(
      {
        id: port.id as PortId,
        networkId: name.startsWith('vx') ? VX : GR,
        name,
        mac: port.mac as MacAddress,
        adminStateUp: true,
        deviceId: `vm-${name}`,
        deviceOwner: 'compute:nova',
        fixedIps: fixedIps(port.ips, subnet4, subnet6),
      },
      port.host,
      {},
    );
  }
}

function createNetwork(
  the: Cloud,
  id: NetworkId,
  name: string,
  networkType: TunnelType,
  segmentationId: number,
  mtu: number,
  segment: string,
  subnets: readonly string[],
): Promise<unknown> {
  return the.plugin.createNetwork({
    id,
    name,
    mtu,
    segments: [{ id: segment, networkType, segmentationId }],
    subnets: subnets.map((subnet) => ({ id: subnet, cidr: '' })),
  });
}

function fixedIps(ips: readonly string[], subnet4: string, subnet6: string) {
  return ips.map((ip) => ({ subnetId: ip.includes(':') ? subnet6 : subnet4, ip: ip as IpAddress }));
}
