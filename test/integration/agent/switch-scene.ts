/**
 * A host with VIFs and remote VTEPs, and everything of its switch in one picture: a fault is done to it, and the picture has
 * to be as it was. How long that takes is measured and printed; asserted is that it was seen by itself.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { StatusReport } from '../../../src/report/types.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, type LogLine, waitFor } from './rig.ts';
import type { Entries } from './server-double.ts';

const REMOTES = ['172.30.0.97', '172.30.0.98', '172.30.0.99'];
const MACS = 9;
/** Until a picture is as it was: far more than it takes, for a machine under load. */
const PATIENCE = 25_000;
/**
 * Until a fault that is over is seen: 0.2 s is usual, the rest is for a machine under load. Far less than any comparison by
 * the clock would need (`compare_interval`, 300 s; one of 20 s would be too late as well).
 */
const SEEN_WITHIN = 5_000;

export type Bridge = 'br-tun' | 'br-int';
export const BRIDGES: readonly Bridge[] = ['br-tun', 'br-int'];

export class SwitchScene {
  readonly rig: AgentRig;
  readonly ports: readonly Port[];

  private constructor(rig: AgentRig, ports: readonly Port[]) {
    this.rig = rig;
    this.ports = ports;
  }

  /** Two VIFs on a VXLAN and one on a GRE network, each network with nine remote MACs behind three VTEPs. */
  static async build(rig: AgentRig): Promise<SwitchScene> {
    const [vx, gr] = ['vxlan', 'gre'].map((type) => ({ network: randomUUID(), type, segmentationId: 77 }));
    const ports = [vx!, vx!, gr!].map((network, i) => {
      const addresses = { mac: `fa:16:3e:00:00:0${i}`, ips: [`10.0.0.${i}`] };
      return portOn(rig.host.name, { ...network, ...addresses, portSecurity: true });
    });
    // As ML2 does it: whoever asks gets the network's table by name.
    rig.server.onUpdate = async ({ up }) => {
      for (const port of ports.filter(({ id }) => up.includes(id)))
        await rig.server.fdb('add', port, remoteEntries(), rig.host.name);
    };
    await rig.start();
    for (const port of ports) await rig.wire(port);
    await waitFor(
      'all flows',
      async () => (await rig.table(20)).length === 2 * MACS && (await rig.table(0)).length === 7,
    );
    await rig.settled();
    await waitFor('both flow monitors', async () => (await statusOf(rig)).switch.monitors.every(({ up }) => up));
    return new SwitchScene(rig, ports);
  }

  /** All flows of both bridges but those that are learned, with tunnel ports by name; tunnel ports with all that we set. */
  async picture(): Promise<string[]> {
    const { rig } = this;
    const interfaces = await rig.interfaces();
    const tunnels = interfaces.filter(({ type }) => ['vxlan', 'gre', 'geneve'].includes(String(type)));
    const names = new Map(tunnels.map(({ name, ofport }) => [String(ofport), String(name)]));
    const flows = await Promise.all(
      BRIDGES.map(async (bridge) => {
        const found = (await rig.flows(bridge)).filter((line) => !line.includes('cookie=0x6c327'));
        return found.map((line) => `${bridge} ${bridge === 'br-tun' ? named(line, names) : line}`);
      }),
    );
    const settings = tunnels.map(({ name, type, options, external_ids }) =>
      JSON.stringify({ name, type, options, external_ids }),
    );
    return [...flows.flat(), ...settings].sort();
  }

  /** Does something to the switch; it is seen at once, and all becomes as it was. Prints how long after the fault that was so. */
  async survives(what: string, fault: () => Promise<unknown>): Promise<void> {
    const { rig } = this;
    const before = await this.picture();
    rig.forgetLog();
    const began = Date.now();
    await fault();
    const done = Date.now();
    await this.becomes(before);
    const after = Date.now();
    // A fault that changed nothing would be survived too.
    const word = () => rig.log().find(({ msg }) => isFinding(msg));
    const seen = await waitFor('a word of it in the log', word, { timeout: SEEN_WITHIN });
    const seenAt = Date.parse(String(seen.time));
    console.info(
      `${what}: seen ${seconds(seenAt - began)} s after its beginning, whole ${seconds(after - done)} s after its end`,
    );
    if (seenAt > done + SEEN_WITHIN) throw new Error(`seen ${seconds(seenAt - done)} s after its end: ${seen.msg}`);
    // It stays so.
    await this.compared();
  }

  /** Waits until all is as in an earlier picture; says what is not. */
  async becomes(before: readonly string[]): Promise<void> {
    const isWhole = () => this.picture().then((now) => now.join('\n') === before.join('\n'));
    await waitFor('all as it was', isWhole, { timeout: PATIENCE }).catch(async () =>
      diff(before, await this.picture()),
    );
  }

  /** A comparison that is made now finds nothing. */
  async compared(): Promise<void> {
    const report = await waitFor('a comparison', async () => {
      const { drift } = JSON.parse(await this.rig.agent.ctl('compare', '--json')) as {
        drift: { adds: number; deletes: number };
      };
      return drift;
    });
    if (report.adds + report.deletes > 0) throw new Error(`a comparison finds ${JSON.stringify(report)}`);
  }

  status(): Promise<StatusReport> {
    return statusOf(this.rig);
  }

  /** Comparisons that were logged. */
  compares(): LogLine[] {
    return this.rig.log().filter(({ msg }) => msg === 'compared with the switch');
  }
}

export async function statusOf(rig: AgentRig): Promise<StatusReport> {
  return JSON.parse((await rig.agent.get('/status')).body) as StatusReport;
}

/** Pids of the `ovs-ofctl monitor`s that a process has started, by bridge. */
export function monitorsOf(parent: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    const bridge = /\/(\S+)\.mgmt/.exec(commandOf(pid) ?? '')?.[1];
    if (bridge !== undefined && parentOf(pid) === parent && commandOf(pid)?.includes(' monitor ')) {
      found.set(bridge.split('/').at(-1) ?? '', pid);
    }
  }
  return found;
}

/** A process that has ended and waits for its parent counts as ended. */
export function isAlive(pid: number): boolean {
  return (commandOf(pid) ?? '') !== '';
}

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return undefined;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

function isFinding(msg: string): boolean {
  return /^(somebody else changes flows|flow monitor ended|tunnel port (made|adopted|deleted)|OVSDB)/.test(msg);
}

function named(line: string, names: ReadonlyMap<string, string>): string {
  return (
    line
      .replaceAll(/(in_port=|output:)(\d+)/g, (_, head: string, ofport: string) => head + (names.get(ofport) ?? ofport))
      // The copies of a flood go out in the order of ofports.
      .replace(/output:\D.*$/, (outputs) => outputs.split(',').sort().join())
  );
}

function diff(before: readonly string[], after: readonly string[]): never {
  const missing = before.filter((line) => !after.includes(line));
  const more = after.filter((line) => !before.includes(line));
  throw new Error([...missing.map((line) => `- ${line}`), ...more.map((line) => `+ ${line}`)].join('\n'));
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(2);
}

function remoteEntries(): Record<string, Entries> {
  const entries: Record<string, Entries> = {};
  for (let i = 0; i < MACS; i++) {
    const vtep = REMOTES[i % REMOTES.length]!;
    entries[vtep] = [...(entries[vtep] ?? ['flood']), [`fa:16:3e:99:00:0${i}`, `10.0.0.10${i}`]];
  }
  return entries;
}
