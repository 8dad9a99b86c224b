/**
 * What is between the hosts: a namespace of its own with two Linux bridges. `underlay` carries the tunnels, `mgmt` leads
 * from the hosts to the broker and to nothing else: no host has a default route, and the namespace forwards nothing.
 * A point-to-point link joins it to the root namespace, for those who look after the broker from outside.
 */
import { Namespace } from './netns.ts';
import { run } from './run.ts';
import type { RunDirectory } from './run-directory.ts';

/** Room for 1500 bytes of the tenants and the tunnel headers, IPv6 outside included. */
export const UNDERLAY_MTU = 1600;
/** The address of the `mgmt` bridge: where the hosts find the broker. The hosts are at `.11`, `.12`, …. */
export const MGMT_ADDRESS = '172.30.1.1';

export class Underlay {
  readonly namespace: Namespace;
  /** The underlay namespace's address as seen from the root namespace (IPv4 link-local, differs between runs). */
  readonly address: string;

  private constructor(namespace: Namespace, address: string) {
    this.namespace = namespace;
    this.address = address;
  }

  static async create(directory: RunDirectory): Promise<Underlay> {
    const namespace = await Namespace.create(directory, 'underlay');
    await namespace.ip(
      ...['underlay', 'mgmt'].flatMap((bridge) => [
        `link add ${bridge} type bridge mcast_snooping 0 forward_delay 0`,
        `link set ${bridge} up mtu ${UNDERLAY_MTU}`,
      ]),
      `addr add ${MGMT_ADDRESS}/24 dev mgmt`,
    );
    const [outside, inside] = pointToPoint(directory.id);
    const link = directory.claimLink('');
    await run(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'root0', 'netns', namespace.name]);
    await namespace.ip(`addr add ${inside}/31 dev root0`, 'link set root0 up');
    await run(['ip', '-batch', '-'], { input: `addr add ${outside}/31 dev ${link}\nlink set ${link} up\n` });
    return new Underlay(namespace, inside);
  }

  /** The underlay of a run that is up. */
  static of(directory: RunDirectory): Underlay {
    return new Underlay(Namespace.of(`l2p-${directory.id}-underlay`), pointToPoint(directory.id)[1]);
  }
}

/** Two neighbouring addresses of 169.254/16 (RFC 3927) made from the run's id; clear of both ends and of 169.254.169.254. */
function pointToPoint(id: string): [outside: string, inside: string] {
  const n = Number.parseInt(id, 16);
  const third = 1 + ((n >> 8) % 160);
  const fourth = (n & 0x7f) * 2;
  return [`169.254.${third}.${fourth}`, `169.254.${third}.${fourth + 1}`];
}
