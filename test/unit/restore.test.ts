/** A stop in good order and the start after it: what was known is known, nothing is asked for, nothing is touched. */
import { describe, expect, test } from 'vitest';
import { nextDuty } from '../../src/duties.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/journal/checkpoint.ts';
import { checkpointOf, unfit } from '../../src/restore.ts';
import type { IpAddress } from '../../src/values.ts';
import { testConfig } from './config.ts';
import { FLOODING, factsOf, Host, portId, VXLAN_NET } from './host.ts';

const OFFSETS = new Map([['q-agent-notifier-l2population-update', 7]]);
/** One MAC that two VTEPs claim, one that only a chg_ip knows of, IPv6, and a VTEP that has but a flooding entry. */
const OLD = '172.30.0.12';
const NEW = '172.30.0.13';

/** The server's word on the VXLAN network is complete. */
function ask(host: Host): void {
  const duty = { kind: 'up', ports: [portId(1)], refresh: true, ask: 'a' } as const;
  host.apply({ kind: 'duty-started', duty });
  host.apply({ kind: 'marker', id: 'a', edge: 'start' });
  host.add('vxlan', { [OLD]: [FLOODING, ['fa:16:3e:00:00:01', '10.0.0.1']] }, true);
  host.apply({ kind: 'duty-done', duty, outcome: { kind: 'told', failed: [] } });
  host.apply({ kind: 'marker', id: 'a', edge: 'end' });
}

async function synced(): Promise<Host> {
  const host = await Host.ready();
  host.plug(portId(1), 'tap1');
  host.serve(factsOf(portId(1)));
  await host.settle();
  ask(host);
  // The audit of what was heard only lately has been.
  host.now += 120_000;
  ask(host);
  host.add('vxlan', { [NEW]: [FLOODING, ['fa:16:3e:00:00:01', '10.0.0.1'], ['fa:16:3e:00:00:02', 'fd00::2']] });
  host.add('vxlan', { '172.30.0.14': [FLOODING] });
  const change = { [OLD]: { after: [['fa:16:3e:00:00:09', '10.0.0.9']] } };
  host.fdb('update_fdb_entries', { fdb_entries: { chg_ip: { [VXLAN_NET]: change } } });
  await host.settle();
  return host;
}

/** The same switch, another process; `meanwhile` happens between the stop and the start. */
async function restarted(before: Host, meanwhile: (text: string) => string = (text) => text): Promise<Host> {
  const checkpoint = checkpointOf(before.state, OFFSETS);
  if (checkpoint === undefined) throw new Error('no checkpoint');
  const read = decodeCheckpoint(meanwhile(encodeCheckpoint(checkpoint)));
  if (typeof read === 'string') throw new Error(read);
  const after = new Host(before.config, before.switch, before.now + 60_000);
  for (const [id, facts] of before.server) after.server.set(id, facts);
  after.apply({ kind: 'restored', checkpoint: read });
  after.connect();
  await after.settle();
  return after;
}

const duty = (host: Host) => nextDuty(host.state, host.now, () => 'id');
const network = (host: Host) => [...host.state.networks.values()][0]!;

test('the checkpoint is read as it was written', async () => {
  const checkpoint = checkpointOf((await synced()).state, OFFSETS)!;
  expect(checkpoint.networks).toHaveLength(1);
  expect(decodeCheckpoint(encodeCheckpoint(checkpoint))).toEqual(checkpoint);
});

test('nothing is asked for and no flow is touched', async () => {
  const before = await synced();
  const picture = before.picture();
  const done = before.switch.bundles.length;
  const after = await restarted(before);
  expect(duty(after)).toBeUndefined();
  expect(network(after).sync.status).toBe('synced');
  expect(after.picture()).toEqual(picture);
  expect(after.switch.bundles.slice(done).flatMap(({ lines }) => lines)).toEqual([]);
});

test('what was hidden is known too: the older claim returns, the chg_ip finds its MAC', async () => {
  const before = await synced();
  const after = await restarted(before);
  for (const host of [before, after]) {
    host.remove('vxlan', { [NEW]: [['fa:16:3e:00:00:01', '10.0.0.1']] });
    host.add('vxlan', { '172.30.0.14': [['fa:16:3e:00:00:09', '10.0.0.90']] });
    host.remove('vxlan', { '172.30.0.14': [['fa:16:3e:00:00:09', '10.0.0.90']] });
    host.add('vxlan', { [OLD]: [['fa:16:3e:00:00:09', '10.0.0.8']] });
  }
  const claims = (host: Host) =>
    [...host.state.fdb.get(network(host).key)!.claims()].map(({ vtep, mac, ip }) => `${vtep} ${mac} ${ip}`).sort();
  expect(claims(after)).toEqual(claims(before));
  await after.settle();
  const text = after.table(20).concat(after.table(21)).join('\n');
  expect(text).toContain('10.0.0.9');
  expect(text).toContain('fa:16:3e:00:00:01');
  expect(after.switch.violations).toEqual([]);
});

test('a reboot: flows that are gone are made from it', async () => {
  const before = await synced();
  const picture = before.picture();
  before.switch.loseFlows();
  const after = await restarted(before);
  expect(duty(after)).toBeUndefined();
  expect(after.picture()).toEqual(picture);
});

test('a queue that is gone: everything is asked for, and nothing goes before the answer', async () => {
  const before = await synced();
  const picture = before.picture();
  const after = await restarted(before);
  after.apply({ kind: 'gap', l2population: true, ports: true });
  await after.settle();
  expect(duty(after)).toMatchObject({ kind: 'up', ports: [portId(1)], refresh: true });
  expect(after.picture()).toEqual(picture);
});

test('a gap before the switch was seen counts just as well', async () => {
  const before = await synced();
  const checkpoint = checkpointOf(before.state, OFFSETS)!;
  const after = new Host(before.config, before.switch, before.now);
  for (const [id, facts] of before.server) after.server.set(id, facts);
  after.apply({ kind: 'restored', checkpoint });
  after.apply({ kind: 'gap', l2population: true, ports: true });
  after.connect();
  await after.settle();
  expect(duty(after)).toMatchObject({ refresh: true });
  expect(after.picture()).toEqual(before.picture());
});

test('a network whose word was not complete is left out, and asked for', async () => {
  const before = await synced();
  before.apply({ kind: 'gap', l2population: true, ports: false });
  expect(checkpointOf(before.state, OFFSETS)?.networks).toEqual([]);
  expect(duty(await restarted(before))).toMatchObject({ refresh: true });
});

test('one that is in doubt is left out', async () => {
  const host = await synced();
  host.now += 120_000;
  // The next snapshot lacks what the deltas brought.
  ask(host);
  expect(network(host).sync.suspects).toBeGreaterThan(0);
  expect(checkpointOf(host.state, OFFSETS)?.networks).toEqual([]);
});

test('stopped again before a VIF was seen, it is handed on', async () => {
  const before = await synced();
  const checkpoint = checkpointOf(before.state, OFFSETS)!;
  const between = new Host(before.config, before.switch, before.now);
  between.apply({ kind: 'restored', checkpoint });
  expect(checkpointOf(between.state, OFFSETS)).toEqual(checkpoint);
});

test('a network whose VIF has gone meanwhile is kept like any other', async () => {
  const before = await synced();
  const after = await restarted(before, (text) => {
    before.switch.unplug('tap1');
    return text;
  });
  expect(after.state.networks.size).toBe(0);
  expect(after.state.restored.size).toBe(0);
  expect(after.state.fdb.sizes()).toMatchObject({ local: 0 });
  expect(after.state.fdb.sizes().elsewhere).toBeGreaterThan(0);
  // Its first VIF asks for it.
  after.plug(portId(2), 'tap2');
  after.serve(factsOf(portId(2)));
  await after.settle();
  expect(network(after).sync.status).toBe('unsynced');
});

describe('no checkpoint', () => {
  test('when the FDB is not the server’s, or the server never spoke of it', async () => {
    const { state } = await synced();
    state.isServerSilent = true;
    expect(checkpointOf(state, OFFSETS)).toBeUndefined();
    const config = testConfig({ agent: { l2Population: false } });
    expect(checkpointOf((await Host.ready(config)).state, OFFSETS)).toBeUndefined();
  });

  test('that is somebody else’s', async () => {
    const checkpoint = checkpointOf((await synced()).state, OFFSETS)!;
    const config = testConfig();
    expect(unfit(checkpoint, config)).toBeUndefined();
    expect(unfit({ ...checkpoint, host: 'host9' }, config)).toBe('it is of host host9');
    expect(unfit({ ...checkpoint, localIp: '10.9.9.9' as IpAddress }, config)).toBe('local_ip was 10.9.9.9');
    expect(unfit(checkpoint, testConfig({ agent: { l2Population: false } }))).toBe('l2_population is off');
  });

  const HEAD = '"version":1,"host":"h","localIp":"10.0.0.1","sequence":1,"offsets":{}';
  const NET = `"id":"${VXLAN_NET}","type":"vxlan","segmentationId":7`;
  test.each([
    ['', 'it is no JSON'],
    ['{"version":1', 'it is no JSON'],
    ['[]', 'it is not of version 1'],
    ['{"version":2}', 'it is not of version 1'],
    ['{"version":1,"host":"h"}', 'its head cannot be read'],
    [`{${HEAD}}`, 'its head cannot be read'],
    [`{${HEAD.replace('{}', '{"t":"x"}')},"networks":[]}`, 'its head cannot be read'],
    [`{${HEAD},"networks":[{}]}`, 'a network in it cannot be read'],
    [`{${HEAD},"networks":[{${NET.replace(':7', ':-1')},"claims":[]}]}`, 'a network in it cannot be read'],
    [`{${HEAD},"networks":[{${NET},"claims":[["x",null,null,1,1]]}]}`, 'a network in it cannot be read'],
    [`{${HEAD},"networks":[{${NET},"claims":[["10.0.0.2","mac",null,1,1]]}]}`, 'a network in it cannot be read'],
    [`{${HEAD},"networks":[{${NET},"claims":[["10.0.0.2",null,"10.0.0.3",1,1]]}]}`, 'a network in it cannot be read'],
    [`{${HEAD},"networks":[{${NET},"claims":[["10.0.0.2",null,null,"1",1]]}]}`, 'a network in it cannot be read'],
  ])('%s', (text, reason) => expect(decodeCheckpoint(text)).toBe(reason));
});
