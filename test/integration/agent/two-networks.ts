/** Two networks with one VIF each here and entries behind remote VTEPs, and a server that remembers what it has said of them. */
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, waitFor } from './rig.ts';
import { statusOf } from './switch-scene.ts';

export const REMOTE = '172.30.0.99';
/** That many are known of each network at first. */
export const KNOWN = 3;

/** An entry behind {@link REMOTE}; no two networks and numbers give the same. */
export function entry(network: 0 | 1, n: number): [mac: string, ip: string] {
  const byte = n.toString(16).padStart(2, '0');
  return [`fa:16:3e:9${network}:00:${byte}`, `10.${network}.0.${n}`];
}

export class TwoNetworks {
  readonly rig: AgentRig;
  readonly ports: readonly [Port, Port];
  /** Numbers of the entries of each network, as the server has them. */
  readonly #said = [new Set<number>(), new Set<number>()] as const;

  /** Before the daemon starts. */
  constructor(rig: AgentRig) {
    this.rig = rig;
    this.ports = [
      portOn(rig.host.name, { mac: 'fa:16:3e:00:00:00', segmentationId: 70 }),
      portOn(rig.host.name, { mac: 'fa:16:3e:00:00:01', segmentationId: 71 }),
    ];
    for (let n = 1; n <= KNOWN; n++) for (const said of this.#said) said.add(n);
    rig.server.onUpdate = async ({ up, refresh }) => {
      for (const network of [0, 1] as const) {
        const port = this.ports[network];
        // As ML2 does it: the first port that comes up on a host, and whoever asks, gets the network's table by name.
        if (!up.includes(port.id) || (!refresh && rig.server.ports.get(port.id)?.status === 'ACTIVE')) continue;
        const entries = [...this.#said[network]].map((n) => entry(network, n));
        await rig.server.fdb('add', port, { [REMOTE]: ['flood', ...entries] }, rig.host.name);
      }
    };
  }

  /** Of a daemon that runs: both VIFs are up, their entries in the switch. */
  async wire(): Promise<void> {
    for (const port of this.ports) await this.rig.wire(port);
    await this.hasAll();
    await this.rig.settled();
  }

  /** News for everybody. */
  async say(kind: 'add' | 'remove', network: 0 | 1, n: number): Promise<void> {
    this.#said[network][kind === 'add' ? 'add' : 'delete'](n);
    await this.rig.server.fdb(kind, this.ports[network], { [REMOTE]: [entry(network, n)] });
  }

  /** Waits until the switch has what was said, and nothing else. */
  async hasAll(): Promise<void> {
    const wanted = ([0, 1] as const).flatMap((network) => [...this.#said[network]].map((n) => entry(network, n)[0]));
    wanted.sort();
    await waitFor('the switch to have what was said', async () => (await this.macs()).join() === wanted.join());
  }

  /** With a disk that is full: news until the journal's file is given up, and then more; the switch has all of it. */
  async sayUntilGivenUp(): Promise<void> {
    let n = 10;
    await waitFor('the file to be given up', async () => {
      await this.say('add', 0, ++n);
      return (await statusOf(this.rig)).journal.path === null;
    });
    await this.say('add', 1, 10);
    await this.hasAll();
  }

  /** MACs of table 20. */
  async macs(): Promise<string[]> {
    return (await this.rig.table(20)).map((flow) => /dl_dst=([\da-f:]+)/.exec(flow)?.[1] ?? '').sort();
  }

  /** The networks that were asked for, as often as they were; 0 and 1. */
  asked(): number[] {
    const devices = this.rig.server.updates.filter(({ refresh }) => refresh).flatMap(({ up }) => up);
    return devices.map((id) => this.ports.findIndex((port) => port.id === id)).sort();
  }
}
