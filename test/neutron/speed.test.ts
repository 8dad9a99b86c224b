/**
 * How long Nova waits: from the VIF on br-int to the port ACTIVE at the server. Ours on host1 and the reference on host2, in
 * turns, on one machine. It prints what it measures. What is held against the reference is measured in one run with it; a
 * machine that is busy must not fail the rest, so its deadlines are generous.
 */
import { afterAll, expect, it } from 'vitest';
import { StatusWatch } from '../../lab/neutron/status-watch.ts';
import { Vm } from '../../lab/vm.ts';
import { waitFor } from '../../lab/wait.ts';
import { AgentLog } from './agent-log.ts';
import { type PluggedVm, sceneOfFile } from './scene.ts';
import { VifClock } from './vif-clock.ts';

const MANY = 20;
/** The bar: what ours takes one by one, at most, of the reference's time. */
const SHARE_OF_REFERENCE = 1 / 2;
/** 20 at once: not slower than the reference, and what two measurements of the same differ by. */
const AS_FAST = 1.1;
/** Milliseconds: three times the bars. */
const OWN_SHARE = 3 * 100;
const OUTSIDE_CALLS = 3 * 150;

const HOSTS = { ours: 1, reference: 2 } as const;
type Who = keyof typeof HOSTS;

let clock: VifClock;
let log: AgentLog;

const scene = sceneOfFile({ agents: { 1: 'ours', 2: 'reference' } }, async (up) => {
  await up.network('one', 'vxlan');
  await up.network('many', 'geneve');
  clock = await VifClock.start(up.cloud.host(1));
  log = new AgentLog(up.cloud.agent(1));
});

afterAll(async () => await clock?.end());

const prepare = async (who: Who, network: string) =>
  await scene.prepare(
    Array.from({ length: MANY }, (_, i) => `${network}-${who}-${i + 1}`),
    network,
    HOSTS[who],
  );

/** Milliseconds from the start of ovs-vsctl until each of them was ACTIVE, in the order of the list. */
async function plug(vms: readonly PluggedVm[]): Promise<number[]> {
  const watch = await StatusWatch.start(scene.cloud.database);
  const started = Date.now();
  await Vm.plugTogether(vms.map(({ vm }) => vm));
  await scene.cloud.waitActive(...vms.map(({ port }) => port));
  const changes = await watch.changes();
  return vms.map(({ port }) => {
    const active = changes.find(({ portId, became }) => portId === port.id && became === 'ACTIVE');
    return (active?.at ?? Number.NaN) - started;
  });
}

interface OwnShare {
  /** From the first row of OVSDB to the last `update_device_list` sent, less what the server took meanwhile. */
  readonly own: number;
  /** What its answers took: port facts, and devices up but the last. */
  readonly server: number;
  readonly calls: string;
}

interface Call {
  readonly duty: string;
  readonly ports: number;
  /** Milliseconds: since 1970, and how long it was waited for. */
  readonly end: number;
  readonly ms: number;
}

/** What our agent has asked and told of VIFs, in order, until as many as these were up: the port is ACTIVE before the answer is here. */
async function calls(count: number): Promise<Call[]> {
  return await waitFor('the answer to the last call', () => {
    const all = log
      .lines()
      .filter(({ msg, duty, refresh }) => msg === 'neutron-server answered' && duty !== undefined && refresh !== true)
      .map(({ time, ms, duty, ports }) => ({
        duty: String(duty),
        ports: Number(ports),
        end: new Date(time).getTime(),
        ms: Number(ms),
      }));
    const up = all.filter(({ duty }) => duty === 'up').reduce((sum, { ports }) => sum + ports, 0);
    return up >= count && all;
  });
}

/** What our agent itself added; the log says when an answer came and how long it had been waited for. */
async function ownShare(vms: readonly PluggedVm[]): Promise<OwnShare> {
  const seen = Math.min(...vms.map(({ port }) => clock.seenAt(port.id) ?? Number.NaN));
  const all = await calls(vms.length);
  const last = all.findLastIndex(({ duty }) => duty === 'up');
  const server = all.slice(0, last).reduce((sum, { ms }) => sum + ms, 0);
  const sent = (all[last]?.end ?? Number.NaN) - (all[last]?.ms ?? 0);
  const words = all.map(({ duty, ports, ms }) => `${duty} ${ports}: ${ms} ms`).join(', ');
  return { own: sent - seen - server, server, calls: words };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** A line a row, the first column to the left. */
function table(...rows: readonly (readonly string[])[]): string {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const pad = (cell: string, i: number) => (i === 0 ? cell.padEnd(width(i)) : cell.padStart(width(i)));
  return rows.map((row) => `  ${row.map(pad).join('  ')}`).join('\n');
}

const words = (ms: number) => `${Math.round(ms)} ms`;
const summary = (values: readonly number[]) => [median(values), Math.min(...values), Math.max(...values)].map(words);

it(`${MANY} one by one`, async () => {
  const vms = { ours: await prepare('ours', 'one'), reference: await prepare('reference', 'one') };
  const took: Record<Who, number[]> = { ours: [], reference: [] };
  const shares: OwnShare[] = [];
  for (let i = 0; i < MANY; i++) {
    log.forget();
    took.ours.push(...(await plug(vms.ours.slice(i, i + 1))));
    shares.push(await ownShare(vms.ours.slice(i, i + 1)));
    took.reference.push(...(await plug(vms.reference.slice(i, i + 1))));
  }
  const lines = table(
    ['', 'median', 'least', 'most'],
    ['ours', ...summary(took.ours)],
    ['the reference', ...summary(took.reference)],
    ['ours: own share', ...summary(shares.map(({ own }) => own))],
    ['ours: server for the facts', ...summary(shares.map(({ server }) => server))],
  );
  console.info(
    `VIF plugged → ACTIVE, ${MANY} one by one\n${lines}\n` +
      `ours takes ${Math.round((100 * median(took.ours)) / median(took.reference))} % of the reference's time`,
  );
  expect(median(took.ours)).toBeLessThanOrEqual(SHARE_OF_REFERENCE * median(took.reference));
  expect(median(shares.map(({ own }) => own))).toBeLessThan(OWN_SHARE);
});

it(`${MANY} at once`, async () => {
  const took: Record<Who, number[]> = { ours: [], reference: [] };
  const ours = await prepare('ours', 'many');
  const reference = await prepare('reference', 'many');
  log.forget();
  took.ours = await plug(ours);
  const share = await ownShare(ours);
  took.reference = await plug(reference);
  const lines = table(
    ['', 'median', 'first', 'last'],
    ['ours', ...summary(took.ours)],
    ['the reference', ...summary(took.reference)],
  );
  console.info(
    `VIFs plugged → ACTIVE, ${MANY} at once\n${lines}\n` + `ours: ${words(share.own)} outside calls (${share.calls})`,
  );
  expect(Math.max(...took.ours)).toBeLessThanOrEqual(AS_FAST * Math.max(...took.reference));
  expect(share.own).toBeLessThan(OUTSIDE_CALLS);
  await scene.expectFlows();
});
