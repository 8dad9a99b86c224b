/** What comes over the wire: bad messages among good ones, very many entries, and wires that are cut. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { L2POPULATION_TOPIC, PORT_UPDATE_TOPIC, TUNNEL_UPDATE_TOPIC } from '../../../src/neutron/topics.ts';
import type { JsonValue } from '../../../src/rpc/types.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, LEVEL, type LogLine, rigForAll, waitFor } from './rig.ts';
import type { Entries } from './server-double.ts';

/** Operators can wait longer for a server, and for the next attempt to reach a broker. */
const IMPATIENT = {
  DEFAULT: { rpc_response_timeout: '2' },
  oslo_messaging_rabbit: { rabbit_retry_interval: '1', rabbit_interval_max: '2' },
};
const REMOTE = '172.30.0.99';
const NETWORK = { network: randomUUID(), type: 'vxlan', segmentationId: 77 };

let rig: AgentRig;
let port: Port;

rigForAll(async (up) => {
  rig = up;
  port = portOn(rig.host.name, NETWORK);
  await rig.start(IMPATIENT);
  await rig.wire(port);
});

beforeEach(() => {
  rig.server.calls.length = 0;
  rig.forgetLog();
});

describe('a bad message is one clear line of error, and what is good in it and after it is programmed', () => {
  const fdb = (network: JsonValue, id: string = NETWORK.network): [string, JsonValue] => [
    'add_fdb_entries',
    { fdb_entries: { [id]: network } },
  ];
  const segment = { network_type: 'vxlan', segment_id: 77 };

  it.each<[what: string, said: RegExp, body: string]>([
    ['no JSON', /JSON/, 'this is {no JSON'],
    ['no text', /UTF-8|JSON/, '\u0000\u0001'],
    ['no envelope', /oslo/, '{"method": "add_fdb_entries"}'],
    ['an envelope of another version', /version/, JSON.stringify({ 'oslo.version': '3.0', 'oslo.message': '{}' })],
    ['no JSON in the envelope', /JSON/, JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': '{{' })],
    ['no method', /method/, envelope({ args: {} })],
    ['arguments that are no object', /args/, envelope({ method: 'add_fdb_entries', args: [1, 2] })],
  ])('%s', async (_, said, body) => {
    await rig.server.publish(`${L2POPULATION_TOPIC}_fanout`, '', body);
    await expectOneLine(said);
  });

  it.each<[what: string, said: RegExp, ...message: [string, JsonValue]]>([
    ['an unknown method', /unknown method "no_such_method"/, 'no_such_method', {}],
    ['no fdb_entries', /fdb_entries must be an object/, 'add_fdb_entries', {}],
    ['fdb_entries of a wrong type', /fdb_entries must be an object/, 'remove_fdb_entries', { fdb_entries: 'all' }],
    ['a network that is no object', /is no object/, ...fdb([])],
    ['a network id that is none', /network id "net-1" is no UUID/, ...fdb({ ...segment, ports: {} }, 'net-1')],
    [
      'an unknown network type',
      /network_type "carrier-pigeon" is none of/,
      ...fdb({ ...segment, network_type: 'carrier-pigeon' }),
    ],
    ['no segmentation id', /segment_id null/, ...fdb({ ...segment, segment_id: null, ports: {} })],
    ['a segmentation id too large', /segment_id 16777216/, ...fdb({ ...segment, segment_id: 2 ** 24, ports: {} })],
    ['ports of a wrong type', /ports must be an object/, ...fdb({ ...segment, ports: [] })],
    [
      'a VTEP that is no address',
      /VTEP "somewhere" is no IP address/,
      ...fdb({ ...segment, ports: { somewhere: [] } }),
    ],
    ['a VTEP of the other IP version', /VTEP fd30::99 is not IPv4/, ...fdb({ ...segment, ports: { 'fd30::99': [] } })],
    ['entries of a wrong type', /is no list of \[MAC, IP\] pairs/, ...fdb({ ...segment, ports: { [REMOTE]: 5 } })],
    ['chg_ip of a wrong type', /chg_ip must be an object/, 'update_fdb_entries', { fdb_entries: { chg_ip: null } }],
  ])('%s', async (_, said, method, args) => {
    await rig.server.fanout(L2POPULATION_TOPIC, method, args as Record<string, JsonValue>);
    await expectOneLine(said);
  });

  it.each<[what: string, said: RegExp, topic: string, method: string, args: Record<string, JsonValue>]>([
    ['a port_update without an id', /port_update/, PORT_UPDATE_TOPIC, 'port_update', { port: {} }],
    ['a tunnel_update of no type', /tunnel_type/, TUNNEL_UPDATE_TOPIC, 'tunnel_update', { tunnel_ip: REMOTE }],
    ['an unknown method elsewhere', /unknown method "nonsense"/, PORT_UPDATE_TOPIC, 'nonsense', {}],
  ])('%s', async (_, said, topic, method, args) => {
    await rig.server.fanout(topic, method, args);
    await expectOneLine(said);
  });

  it.each<[what: string, entry: JsonValue]>([
    ['a MAC that is none', ['fa:16:3e:99:xx:01', '10.0.0.1']],
    ['an IP that is none', ['fa:16:3e:99:99:01', '10.0.0.256']],
    ['a pair of one', ['fa:16:3e:99:99:02']],
    ['a number', 7],
    ['flow text in place of a MAC', ['fa:16:3e:99:99:03,actions=NORMAL\n', '10.0.0.1']],
    ['flow text in place of an IP', ['fa:16:3e:99:99:04', '10.0.0.1 actions=NORMAL']],
  ])('an entry that is bad, %s, next to good ones', async (_, entry) => {
    const [first, last] = [newMac(), newMac()];
    const ports = { [REMOTE]: [[first, '10.0.1.1'], entry, [last, '10.0.1.2']] };
    const args = { fdb_entries: { [NETWORK.network]: { ...segment, ports } } };
    await rig.server.fanout(L2POPULATION_TOPIC, 'add_fdb_entries', args);
    await expectOneLine(/is no \[MAC, IP\] pair/);
    for (const mac of [first, last]) expect((await rig.table(20)).join('\n')).toContain(`dl_dst=${mac} `);
    expect((await rig.flows()).join('\n')).not.toMatch(/NORMAL|fa:16:3e:99:99/);
  });

  it('a message with many bad entries is one line all the same', async () => {
    const bad = Array.from({ length: 500 }, (_, i) => [`no MAC ${i}`, '10.0.0.1']);
    const args = { fdb_entries: { [NETWORK.network]: { ...segment, ports: { [REMOTE]: bad } } } };
    await rig.server.fanout(L2POPULATION_TOPIC, 'add_fdb_entries', args);
    const line = await expectOneLine(/and 499 more/);
    expect(JSON.stringify(line).length).toBeLessThan(2_000);
  });
});

it('2,000 entries come in 20 messages and go in two', async () => {
  const batches = Array.from({ length: 20 }, (_, batch): Entries => {
    return Array.from({ length: 100 }, (_, i) => {
      return [`fa:16:3e:aa:${hexByte(batch)}:${hexByte(i)}`, `10.77.${batch}.${i + 1}`] as const;
    });
  });
  const count = async () => {
    const flows = await rig.flows();
    const of = (table: number) =>
      flows.filter((line) => line.includes(`table=${table}, priority=`) && /fa:16:3e:aa/.test(line));
    return { unicast: of(20).length, arp: of(21).length };
  };
  for (const entries of batches) await rig.server.fdb('add', NETWORK, { [REMOTE]: ['flood', ...entries] });
  await waitFor('2,000 unicast and 2,000 ARP flows', async () => {
    const { unicast, arp } = await count();
    return unicast === 2_000 && arp === 2_000;
  });
  const [first, second] = [batches.slice(0, 10).flat(), batches.slice(10).flat()];
  await rig.server.fdb('remove', NETWORK, { [REMOTE]: first });
  await rig.server.fdb('remove', NETWORK, { [REMOTE]: ['flood', ...second] });
  await waitFor('all to go', async () => {
    const { unicast, arp } = await count();
    return unicast === 0 && arp === 0;
  });
  expect(rig.problems('warn')).toEqual([]);
});

describe('outages', () => {
  it('the server away: said once, and once that it is back; what is owed is said then', async () => {
    await rig.server.stop();
    const late: Port = { ...port, id: randomUUID(), mac: 'fa:16:3e:00:00:02' };
    rig.server.ports.set(late.id, late);
    await rig.restartWithoutServer(IMPATIENT);
    await rig.logged('waiting for neutron-server');
    await rig.plug(late);
    await waitFor('the VIF to be isolated', async () => (await rig.port(`tap${late.id.slice(0, 11)}`)).tag === 4095);
    // Long enough for several attempts: they are not told one by one.
    await waitFor('attempts', () => rig.sinceLine('waiting for neutron-server') > 3_000);
    expect(lines('waiting for neutron-server')).toHaveLength(1);

    await rig.server.start();
    await rig.server.told('up', late.id);
    expect(lines('neutron-server answers again')).toHaveLength(1);
    expect(lines('waiting for neutron-server')).toHaveLength(1);
    expect(rig.problems()).toEqual([]);
  });

  it('the broker away: said once, and once that it is back; then everything works as before', async () => {
    const before = await rig.flows();
    rig.server.onUpdate = async ({ up }) => {
      if (up.includes(port.id)) await rig.server.fdb('add', NETWORK, { [REMOTE]: ['flood'] }, rig.host.name);
    };
    await rig.cloud.broker.stop();
    await rig.logged('no connection to a broker');
    await waitFor('attempts to fail', () => rig.sinceLine('no connection to a broker') > 3_000);
    await rig.cloud.broker.start();
    await rig.logged('broker connected');
    await rig.logged('notifications were lost');
    await waitFor('a refresh', () => rig.server.updates.some(({ refresh }) => refresh), { timeout: 60_000 });
    const mac = newMac();
    await rig.server.fdb('add', NETWORK, { [REMOTE]: [[mac, '10.0.2.1']] });
    await waitFor('an entry that is heard afterwards', async () => (await rig.table(20)).join().includes(mac));

    expect(lines('no connection to a broker')).toHaveLength(1);
    expect(lines('broker connected')).toHaveLength(1);
    expect(rig.problems()).toEqual([]);
    // What was there stayed there.
    expect(await rig.flows()).toEqual(expect.arrayContaining(before.filter((line) => !line.includes('table=22'))));
  }, 120_000);
});

let macs = 0;

function newMac(): string {
  macs++;
  return `fa:16:3e:98:${hexByte(macs >> 8)}:${hexByte(macs & 0xff)}`;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}

function envelope(inner: object): string {
  return JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(inner) });
}

function lines(text: string): LogLine[] {
  return rig.log().filter(({ msg }) => msg.includes(text));
}

/** A good message afterwards is worked on, and of the bad one there is one line of error that says what is wrong. */
async function expectOneLine(said: RegExp): Promise<LogLine> {
  const mac = newMac();
  await rig.server.fdb('add', NETWORK, { [REMOTE]: [[mac, '10.0.3.1']] });
  await waitFor('a good entry', async () => (await rig.table(20)).join().includes(`dl_dst=${mac} `));
  const found = await waitFor('a line of error', () => rig.problems().length > 0 && rig.problems());
  expect(found).toEqual([expect.objectContaining({ level: LEVEL.error })]);
  expect(JSON.stringify(found[0])).toMatch(new RegExp(said.source.replaceAll('"', '\\\\+"')));
  return found[0]!;
}
