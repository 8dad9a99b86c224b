/** The flows that a host must have after VMs elsewhere have moved, gone or come, from those that it had before. Pure. */
import type { Bridge } from '../../lab/oracle/normal-flows.ts';

/** Both bridges in the oracle's normal form; learned flows left out. */
export type Flows = Readonly<Record<Bridge, ReadonlySet<string>>>;

/** What a change in the cloud makes of the flows that a host had. */
export interface Change {
  /** Of these addresses nothing is left. */
  readonly gone: readonly string[];
  /** Every flow with the first address has a twin with the second. */
  readonly twins: readonly (readonly [like: Addresses, made: Addresses])[];
}

export interface Addresses {
  readonly mac: string;
  readonly ipv4: string;
}

/** The flows that a host must have after a change, from those that it had. */
export function changed(before: Flows, { gone, twins }: Change): Flows {
  const tunnel = [...before['br-tun']];
  const made = twins.flatMap(([like, twin]) =>
    tunnel.filter((flow) => mentions(flow, [like.mac, like.ipv4])).map((flow) => exchange(flow, like, twin)),
  );
  const kept = tunnel.filter((flow) => !mentions(flow, gone));
  return { ...before, 'br-tun': new Set([...kept, ...made.filter((flow) => !mentions(flow, gone))]) };
}

function mentions(flow: string, addresses: readonly string[]): boolean {
  return addresses.some((address) => notations(address).some((text) => wordOf(text).test(flow)));
}

function exchange(flow: string, like: Addresses, twin: Addresses): string {
  let made = flow;
  for (const key of ['mac', 'ipv4'] as const) {
    for (const [i, text] of notations(like[key]).entries()) {
      made = made.replace(new RegExp(wordOf(text), 'g'), notations(twin[key])[i] ?? '');
    }
  }
  return made;
}

function wordOf(text: string): RegExp {
  return new RegExp(`(?<![\\w.])${text.replaceAll('.', '\\.')}(?![\\w:]|\\.\\d)`);
}

/** As Open vSwitch prints an address in a match, and in a `load` of it. */
function notations(address: string): [text: string, hex: string] {
  const bytes = address.includes(':')
    ? address.split(':').map((byte) => Number.parseInt(byte, 16))
    : address.split('.').map(Number);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [address, `0x${hex.replace(/^0+/, '')}`];
}
