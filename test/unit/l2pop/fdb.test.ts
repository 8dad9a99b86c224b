import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NetworkFdb, nothingTouched, type Stamp, type Touched } from '../../../src/l2pop/fdb.ts';
import type { IpAddress, MacAddress, SegmentationId } from '../../../src/values.ts';

const [V1, V2] = ['172.30.0.12', '172.30.0.13'] as [IpAddress, IpAddress];
const [M1, M2] = ['fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'] as [MacAddress, MacAddress];
const [I1, I2] = ['10.0.0.1', '10.0.0.2'] as [IpAddress, IpAddress];

type Entry = readonly [MacAddress, IpAddress];
type Step =
  | { readonly kind: 'add' | 'snapshot' | 'remove'; readonly vtep: IpAddress; readonly entry: Entry }
  | { readonly kind: 'flood'; readonly vtep: IpAddress }
  | { readonly kind: 'unflood'; readonly vtep: IpAddress }
  | {
      readonly kind: 'chg';
      readonly vtep: IpAddress;
      readonly before: readonly Entry[];
      readonly after: readonly Entry[];
    };

/** The rules told naively: three lists of who said what when, searched from end to end. */
class Model {
  #floods = new Map<string, Stamp>();
  #macs = new Map<string, Stamp>();
  #ips = new Map<string, Stamp>();

  apply(step: Step, stamp: Stamp): void {
    const { vtep } = step;
    if (step.kind === 'flood') this.#assert(this.#floods, vtep, stamp);
    else if (step.kind === 'unflood') this.#floods.delete(vtep);
    else if (step.kind === 'chg') {
      for (const entry of step.before) this.#ips.delete(`${vtep} ${entry.join(' ')}`);
      for (const entry of step.after) this.#assert(this.#ips, `${vtep} ${entry.join(' ')}`, stamp);
    } else if (step.kind === 'remove') {
      const [mac] = step.entry;
      for (const key of [...this.#ips.keys()]) if (key.startsWith(`${vtep} ${mac} `)) this.#ips.delete(key);
      this.#macs.delete(`${vtep} ${mac}`);
    } else {
      this.#assert(this.#macs, `${vtep} ${step.entry[0]}`, stamp);
      this.#assert(this.#ips, `${vtep} ${step.entry.join(' ')}`, stamp);
    }
  }

  vtepOf(mac: string): string | undefined {
    return this.#newest(this.#macs, (key) => key.endsWith(` ${mac}`))?.split(' ')[0];
  }

  ownerOf(ip: string): { mac: string; vtep: string } | undefined {
    const isIt = (key: string) => key.endsWith(` ${ip}`) && this.#macs.has(key.slice(0, -ip.length - 1));
    const [vtep = '', mac = ''] = this.#newest(this.#ips, isIt)?.split(' ') ?? [];
    return vtep === '' ? undefined : { mac, vtep };
  }

  vteps(): string[] {
    const located = [...this.#macs.keys()].map((key) => key.split(' ')[0] ?? '');
    return [...new Set([...this.#floods.keys(), ...located])].sort();
  }

  claims(): string[] {
    return [...this.#floods.keys(), ...this.#macs.keys(), ...this.#ips.keys()].sort();
  }

  #assert(list: Map<string, Stamp>, key: string, stamp: Stamp): void {
    const known = list.get(key);
    list.set(key, stamp.snapshot && known !== undefined ? known : stamp);
  }

  #newest(list: Map<string, Stamp>, test: (key: string) => boolean): string | undefined {
    return [...list]
      .filter(([key]) => test(key))
      .sort(([a, x], [b, y]) => y.sequence - x.sequence || (a < b ? 1 : -1))[0]?.[0];
  }
}

const vtep = fc.constantFrom(V1, V2, '172.30.0.14' as IpAddress);
const mac = fc.constantFrom(M1, M2, 'fa:16:3e:00:00:03' as MacAddress);
const ip = fc.constantFrom(I1, I2, 'fd00::1' as IpAddress);
const entry: fc.Arbitrary<Entry> = fc.tuple(mac, ip);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('add' as const, 'snapshot' as const), vtep, entry }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), vtep, entry }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('flood' as const, 'unflood' as const), vtep }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('chg' as const),
      vtep,
      before: fc.array(entry, { maxLength: 2 }),
      after: fc.array(entry, { maxLength: 2 }),
    }),
  },
);

function apply(fdb: NetworkFdb, step: Step, stamp: Stamp): Touched {
  const touched = nothingTouched();
  const pair = ([mac, ip]: Entry) => ({ mac, ip });
  if (step.kind === 'flood') fdb.addFlooding(step.vtep, stamp, touched);
  else if (step.kind === 'unflood') fdb.removeFlooding(step.vtep, touched);
  else if (step.kind === 'remove') fdb.remove(step.vtep, pair(step.entry), touched);
  else if (step.kind === 'chg') {
    fdb.changeIp(step.vtep, { before: step.before.map(pair), after: step.after.map(pair) }, stamp, touched);
  } else fdb.add(step.vtep, pair(step.entry), stamp, touched);
  return touched;
}

const newFdb = () => new NetworkFdb('vxlan', 7419 as SegmentationId);
const MACS = [M1, M2, 'fa:16:3e:00:00:03' as MacAddress];
const IPS = [I1, I2, 'fd00::1' as IpAddress];

/** Everything that is rendered. */
function picture(fdb: NetworkFdb | Model) {
  return {
    macs: MACS.map((mac) => fdb.vtepOf(mac)),
    ips: IPS.map((ip) => fdb.ownerOf(ip)),
    vteps: [...fdb.vteps()].sort(),
  };
}

function claimsOf(fdb: NetworkFdb): string[] {
  return [...fdb.claims()]
    .map((one) => [one.vtep, one.mac, one.ip].filter((part) => part !== undefined).join(' '))
    .sort();
}

describe('against the naive model', () => {
  test('any sequence of messages: the same VTEPs, MACs and IPs', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const fdb = newFdb();
        const model = new Model();
        for (const [index, step] of steps.entries()) {
          const stamp: Stamp = {
            sequence: index + 1,
            at: index,
            ...(step.kind === 'snapshot' ? { snapshot: { since: Number.POSITIVE_INFINITY } } : {}),
          };
          const before = picture(fdb);
          const touched = apply(fdb, step, stamp);
          model.apply(step, stamp);
          const after = picture(fdb);
          expect(after).toEqual(picture(model));
          expect(claimsOf(fdb)).toEqual(model.claims());
          // What changed is named, else it is not rendered.
          for (const [i, mac] of MACS.entries())
            if (before.macs[i] !== after.macs[i]) expect(touched.macs).toContain(mac);
          for (const [i, ip] of IPS.entries()) {
            if (JSON.stringify(before.ips[i]) !== JSON.stringify(after.ips[i])) expect(touched.ips).toContain(ip);
          }
          for (const vtep of new Set(before.vteps).symmetricDifference(new Set(after.vteps))) {
            expect(touched.vteps).toContain(vtep);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('taking back every claim leaves nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const fdb = newFdb();
        for (const [index, step] of steps.entries()) apply(fdb, step, { sequence: index + 1, at: index });
        const touched = nothingTouched();
        const [vteps, macs] = [fdb.vteps(), [...fdb.macs()].filter((mac) => fdb.vtepOf(mac) !== undefined)];
        for (const claim of [...fdb.claims()]) fdb.drop(claim, touched);
        expect(fdb.isEmpty).toBe(true);
        expect([fdb.size, [...fdb.ips()], [...fdb.claims()]]).toEqual([0, [], []]);
        expect([...touched.vteps].sort()).toEqual(vteps.sort());
        expect([...touched.macs].sort()).toEqual(macs.sort());
      }),
    );
  });

  test('what is said to be touched is all that has to be written down', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const fdb = newFdb();
        const written = new Map<string, string[]>();
        for (const [at, step] of steps.entries()) {
          const { claims } = apply(fdb, step, { sequence: at + 1, at });
          for (const [vtep, macs] of claims)
            for (const mac of macs) written.set(`${vtep} ${mac}`, dated(fdb, vtep, mac));
        }
        const there = [...fdb.claims()].flatMap(({ vtep, mac }) => dated(fdb, vtep, mac));
        expect([...written.values()].flat().sort()).toEqual([...new Set(there)].sort());
      }),
    );
  });

  test('a message again changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.nat(19), (steps, index) => {
        const [once, twice] = [newFdb(), newFdb()];
        for (const [at, step] of steps.entries()) {
          apply(once, step, { sequence: at + 1, at });
          apply(twice, step, { sequence: at + 1, at });
          if (at === index) apply(twice, step, { sequence: at + 1, at });
        }
        expect(picture(twice)).toEqual(picture(once));
      }),
    );
  });

  test('what different VTEPs claim can come in any order, if nobody claims the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('add', 'remove', 'flood', 'unflood', 'chg'), fc.nat(2), fc.nat(2)), {
          maxLength: 30,
        }),
        fc.infiniteStream(fc.boolean()),
        (list, coin) => {
          const steps = list.map(([kind, owner, other]): Step => {
            const vtep = [V1, V2, '172.30.0.14' as IpAddress][owner] ?? V1;
            const entry: Entry = [
              `fa:16:3e:0${owner}:00:0${other}` as MacAddress,
              `10.0.${owner}.${other}` as IpAddress,
            ];
            if (kind === 'flood' || kind === 'unflood') return { kind, vtep };
            if (kind === 'chg')
              return { kind, vtep, before: [entry], after: [[entry[0], `10.1.${owner}.${other}` as IpAddress]] };
            return { kind: kind as 'add' | 'remove', vtep, entry };
          });
          const claims = (order: readonly Step[]) => {
            const fdb = newFdb();
            for (const [at, step] of order.entries()) apply(fdb, step, { sequence: at + 1, at });
            return claimsOf(fdb);
          };
          const lanes = [V1, V2].map((lane) => steps.filter(({ vtep }) => vtep === lane));
          const rest = steps.filter(({ vtep }) => vtep !== V1 && vtep !== V2);
          const mixed: Step[] = [...rest];
          for (const lane of lanes) {
            let at = 0;
            for (const one of lane) {
              while (at < mixed.length && coin.next().value) at++;
              mixed.splice(at++, 0, one);
            }
          }
          expect(claims(mixed)).toEqual(claims(steps));
        },
      ),
    );
  });
});

/** The claims of one VTEP for one MAC, or its flooding entry, with their order. */
function dated(fdb: NetworkFdb, vtep: IpAddress, mac: MacAddress | undefined): string[] {
  return [...fdb.claimsOf(vtep, mac)].map(({ ip, stamp }) => `${vtep} ${mac} ${ip} ${stamp.sequence}`);
}

describe('migration', () => {
  const at = (sequence: number): Stamp => ({ sequence, at: sequence });
  const entry = { mac: M1, ip: I1 };

  test('the add before the remove: the new host at once, and for good', () => {
    const fdb = newFdb();
    fdb.add(V1, entry, at(1), nothingTouched());
    fdb.add(V2, entry, at(2), nothingTouched());
    expect([fdb.vtepOf(M1), fdb.ownerOf(I1)]).toEqual([V2, { mac: M1, vtep: V2 }]);
    fdb.remove(V1, entry, nothingTouched());
    expect([fdb.vtepOf(M1), fdb.vteps()]).toEqual([V2, [V2]]);
  });

  test('the remove before the add', () => {
    const fdb = newFdb();
    fdb.add(V1, entry, at(1), nothingTouched());
    fdb.remove(V1, entry, nothingTouched());
    expect([fdb.vtepOf(M1), fdb.isEmpty]).toEqual([undefined, true]);
    fdb.add(V2, entry, at(2), nothingTouched());
    expect(fdb.vtepOf(M1)).toBe(V2);
  });

  test('the newer claim goes: the older returns', () => {
    const fdb = newFdb();
    fdb.add(V1, entry, at(1), nothingTouched());
    fdb.add(V2, entry, at(2), nothingTouched());
    const touched = nothingTouched();
    fdb.remove(V2, entry, touched);
    expect([fdb.vtepOf(M1), fdb.ownerOf(I1)?.vtep]).toEqual([V1, V1]);
    expect(touched).toMatchObject({ macs: new Set([M1]), ips: new Set([I1]), vteps: new Set([V2]) });
  });

  test('back again: an add that is repeated is newer', () => {
    const fdb = newFdb();
    for (const [index, vtep] of [V1, V2, V1].entries()) fdb.add(vtep, entry, at(index + 1), nothingTouched());
    expect(fdb.vtepOf(M1)).toBe(V1);
  });
});

describe('chg_ip', () => {
  const at = (sequence: number): Stamp => ({ sequence, at: sequence });

  test('moves the IP, never the MAC', () => {
    const fdb = newFdb();
    fdb.add(V1, { mac: M1, ip: I1 }, at(1), nothingTouched());
    const touched = nothingTouched();
    fdb.changeIp(V1, { before: [{ mac: M1, ip: I1 }], after: [{ mac: M1, ip: I2 }] }, at(2), touched);
    expect([fdb.vtepOf(M1), fdb.ownerOf(I1), fdb.ownerOf(I2)]).toEqual([V1, undefined, { mac: M1, vtep: V1 }]);
    expect(touched.macs.size + touched.vteps.size).toBe(0);
  });

  test('takes the last IP away: the MAC stays where it is until it is removed', () => {
    const fdb = newFdb();
    fdb.add(V1, { mac: M1, ip: I1 }, at(1), nothingTouched());
    fdb.changeIp(V1, { before: [{ mac: M1, ip: I1 }], after: [] }, at(2), nothingTouched());
    expect([fdb.vtepOf(M1), fdb.vteps()]).toEqual([V1, [V1]]);
    fdb.remove(V1, { mac: M1, ip: I1 }, nothingTouched());
    expect(fdb.isEmpty).toBe(true);
  });

  test('before the add: nothing is answered until the MAC has a place, and the VTEP is not flooded to', () => {
    const fdb = newFdb();
    fdb.changeIp(V1, { before: [], after: [{ mac: M1, ip: I2 }] }, at(1), nothingTouched());
    expect([fdb.vtepOf(M1), fdb.ownerOf(I2), fdb.vteps()]).toEqual([undefined, undefined, []]);
    const touched = nothingTouched();
    fdb.add(V1, { mac: M1, ip: I1 }, at(2), touched);
    expect([fdb.vtepOf(M1), fdb.ownerOf(I1)?.mac, fdb.ownerOf(I2)?.mac]).toEqual([V1, M1, M1]);
    expect([...touched.ips].sort()).toEqual([I1, I2]);
  });

  test('of a port that is not ACTIVE: it takes no IP from a MAC that has a place', () => {
    const fdb = newFdb();
    fdb.add(V1, { mac: M1, ip: I1 }, at(1), nothingTouched());
    fdb.changeIp(V2, { before: [], after: [{ mac: M2, ip: I1 }] }, at(2), nothingTouched());
    expect(fdb.ownerOf(I1)).toEqual({ mac: M1, vtep: V1 });
  });

  test('of a port that was not ACTIVE there and is elsewhere now: the add tells all its IPs', () => {
    const fdb = newFdb();
    fdb.changeIp(V1, { before: [], after: [{ mac: M1, ip: I2 }] }, at(1), nothingTouched());
    fdb.add(V2, { mac: M1, ip: I1 }, at(2), nothingTouched());
    expect([fdb.ownerOf(I1), fdb.ownerOf(I2)]).toEqual([{ mac: M1, vtep: V2 }, undefined]);
  });

  test('an IP goes from one MAC to another, and returns when the newer claim goes', () => {
    const fdb = newFdb();
    fdb.add(V1, { mac: M1, ip: I1 }, at(1), nothingTouched());
    fdb.add(V2, { mac: M2, ip: I1 }, at(2), nothingTouched());
    expect(fdb.ownerOf(I1)).toEqual({ mac: M2, vtep: V2 });
    fdb.changeIp(V2, { before: [{ mac: M2, ip: I1 }], after: [{ mac: M2, ip: I2 }] }, at(3), nothingTouched());
    expect(fdb.ownerOf(I1)).toEqual({ mac: M1, vtep: V1 });
  });
});

describe('corners', () => {
  const at = (sequence: number): Stamp => ({ sequence, at: sequence });

  test('flooding alone makes a VTEP; it goes with its last claim, whatever that is', () => {
    const fdb = newFdb();
    fdb.addFlooding(V1, at(1), nothingTouched());
    fdb.add(V1, { mac: M1, ip: I1 }, at(1), nothingTouched());
    fdb.removeFlooding(V1, nothingTouched());
    expect(fdb.vteps()).toEqual([V1]);
    const touched = nothingTouched();
    fdb.remove(V1, { mac: M1, ip: I1 }, touched);
    expect([fdb.vteps(), [...touched.vteps]]).toEqual([[], [V1]]);
  });

  test('a port that is removed under other addresses than it had is gone with all of them, from that VTEP alone', () => {
    const fdb = newFdb();
    for (const vtep of [V2, V1]) fdb.add(vtep, { mac: M1, ip: I1 }, at(vtep === V1 ? 2 : 1), nothingTouched());
    const touched = nothingTouched();
    fdb.remove(V1, { mac: M1, ip: I2 }, touched);
    expect([fdb.vtepOf(M1), fdb.ownerOf(I1), fdb.vteps()]).toEqual([V2, { mac: M1, vtep: V2 }, [V2]]);
    expect(touched).toMatchObject({ macs: new Set([M1]), ips: new Set([I1]), vteps: new Set([V1]) });
    fdb.remove(V2, { mac: M1, ip: I2 }, nothingTouched());
    expect(fdb.isEmpty).toBe(true);
  });

  test('what is read back from the switch makes nothing older that was heard before', () => {
    const fdb = newFdb();
    fdb.add(V2, { mac: M1, ip: I1 }, at(3), nothingTouched());
    fdb.add(V1, { mac: M1, ip: I1 }, at(5), nothingTouched());
    fdb.addFlooding(V1, at(5), nothingTouched());
    const beforeAll: Stamp = { sequence: 0, at: 0 };
    fdb.locate(V1, M1, beforeAll, nothingTouched());
    fdb.add(V1, { mac: M1, ip: I1 }, beforeAll, nothingTouched());
    fdb.addFlooding(V1, beforeAll, nothingTouched());
    expect([fdb.vtepOf(M1), fdb.ownerOf(I1)?.vtep]).toEqual([V1, V1]);
    for (const claim of fdb.claims()) expect(claim.stamp.at).toBeGreaterThan(0);
  });

  test('nor newer: a chg_ip says whose an IP is, not where the MAC is', () => {
    const fdb = newFdb();
    fdb.changeIp(V1, { before: [], after: [{ mac: M1, ip: I1 }] }, at(9), nothingTouched());
    fdb.add(V2, { mac: M1, ip: I2 }, at(3), nothingTouched());
    fdb.locate(V1, M1, { sequence: 0, at: 0 }, nothingTouched());
    expect(fdb.vtepOf(M1)).toBe(V2);
  });
});
