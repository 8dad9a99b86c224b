/**
 * Ways to tell one story: lanes of steps whose order among each other does not matter, interleaved, with rests and
 * disturbances between, messages whole, twice or in pieces.
 */
import fc from 'fast-check';
import { type ConfigChanges, testConfig } from './config.ts';
import { FakeSwitch } from './fake-switch.ts';
import { Host } from './host.ts';

export type Step = (host: Host) => void;
export type Lanes = Readonly<Record<string, readonly Step[]>>;

/** A switch with both bridges, as somebody else may have made them. */
export function bridges(): FakeSwitch {
  const fake = new FakeSwitch();
  fake.addBridge('br-int');
  fake.addBridge('br-tun');
  return fake;
}

export async function settle(host: Host): Promise<void> {
  if (host.state.connected) await host.settle();
}

/** Told lane after lane, at rest after each step. */
export async function plainly(lanes: Lanes, changes?: ConfigChanges): Promise<Host> {
  const host = new Host(testConfig(changes), bridges());
  host.connect();
  for (const lane of Object.values(lanes)) {
    for (const step of lane) {
      step(host);
      await settle(host);
    }
  }
  await settle(host);
  return host;
}

export interface Telling {
  /** Which lane goes on next; the one of connecting among them. */
  readonly choices: readonly number[];
  /** After which steps the switch comes to rest. */
  readonly rests: readonly boolean[];
  readonly style: Host['style'];
  readonly disturbances: readonly ('none' | 'compare' | 'reconnect' | 'answer' | 'vswitchd')[];
}

export const telling: fc.Arbitrary<Telling> = fc.record({
  choices: fc.array(fc.nat(20), { minLength: 25, maxLength: 25 }),
  rests: fc.array(fc.boolean(), { minLength: 25, maxLength: 25 }),
  style: fc.constantFrom('whole', 'twice', 'split'),
  disturbances: fc.array(fc.constantFrom('none', 'none', 'answer', 'compare', 'reconnect', 'vswitchd'), {
    minLength: 25,
    maxLength: 25,
  }),
});

export async function told(
  lanes: Lanes,
  { choices, rests, style, disturbances }: Telling,
  changes?: ConfigChanges,
): Promise<Host> {
  const host = new Host(testConfig(changes), bridges());
  host.style = style;
  const left = [[(host: Host) => host.connect()], ...Object.values(lanes).map((lane) => [...lane])];
  for (let index = 0; left.some((lane) => lane.length > 0); index++) {
    const open = left.filter((lane) => lane.length > 0);
    const step = open[(choices[index] ?? 0) % open.length]?.shift();
    step?.(host);
    disturb(host, disturbances[index] ?? 'none');
    if (rests[index]) await settle(host);
  }
  await settle(host);
  return host;
}

function disturb(host: Host, disturbance: Telling['disturbances'][number]): void {
  if (!host.state.connected) return;
  if (disturbance === 'compare') host.apply({ kind: 'compare' });
  if (disturbance === 'answer') host.answer();
  if (disturbance === 'vswitchd') host.switch.vswitchd();
  if (disturbance === 'reconnect') {
    host.apply({ kind: 'ovsdb-lost' });
    host.apply({ kind: 'rows', changes: [], initial: true });
  }
}
