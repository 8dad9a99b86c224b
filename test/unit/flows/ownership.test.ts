import { describe, expect, test } from 'vitest';
import * as brInt from '../../../src/flows/br-int.ts';
import * as brTun from '../../../src/flows/br-tun.ts';
import { formatCookie } from '../../../src/flows/cookie.ts';
import { addLine, type DumpedFlow, parseFlow } from '../../../src/flows/flow.ts';
import { ownership } from '../../../src/flows/ownership.ts';
import { BR_INT, BR_TUN } from '../../../src/flows/tables.ts';
import type { Ofport } from '../../../src/values.ts';
import { PREDECESSOR, recordedLines } from './recorded.ts';

const structural = brTun.structuralFlows(1 as Ofport, true);

function read(lines: readonly string[]): DumpedFlow[] {
  return lines.map(parseFlow).filter((flow) => flow !== undefined);
}

function owners(lines: readonly string[]): Record<string, string[]> {
  const dump = read(lines);
  const owner = ownership(dump, structural, BR_TUN);
  return Object.groupBy(lines, (_, index) => owner(dump[index] as DumpedFlow)) as Record<string, string[]>;
}

describe("a predecessor's bridge", () => {
  test('br-tun: all is its own but what it learned', () => {
    const found = owners(recordedLines('br-tun.09-gre-network.host1'));
    expect(Object.keys(found).sort()).toEqual(['learned', 'predecessor']);
    expect(found.learned?.every((line) => line.includes('hard_timeout=300'))).toBe(true);
    expect(found.learned).toHaveLength(3);
  });

  test('br-int: all is its own, of every table that Neutron has', () => {
    const dump = read(recordedLines('br-int.11-port-admin-down.host2'));
    const owner = ownership(dump, brInt.structuralFlows(), BR_INT);
    expect(new Set(dump.map(owner))).toEqual(new Set(['predecessor']));
  });

  test('the structural flows of an agent without ARP responder are enough to know it', () => {
    const lines = recordedLines('br-tun.09-gre-network.host1').filter((line) => !/table=21|arp,/.test(line));
    expect(owners(lines).foreign).toBeUndefined();
  });

  test("learned flows of the predecessor's predecessor, whose cookie is left in learn() only", () => {
    const older = '0x1111111111111111';
    const lines = recordedLines('br-tun.09-gre-network.host1').map((line) =>
      / hard_timeout=/.test(line)
        ? line.replace(`cookie=${PREDECESSOR}`, `cookie=${older}`)
        : line.replace(`priority=1,cookie=${PREDECESSOR}`, `priority=1,cookie=${older}`),
    );
    expect(owners(lines).learned).toHaveLength(3);
    expect(owners(lines).foreign).toBeUndefined();
  });
});

describe('others', () => {
  const ours = structural.map(
    (flow) =>
      ` cookie=${flow.cookie}, ${addLine(flow).replace(/^add cookie=\w+,table=(\d+),(.*),actions=/, 'table=$1, $2 actions=')}`,
  );

  test('ours by cookie, in whatever table', () => {
    expect(Object.keys(owners(ours))).toEqual(['ours']);
    expect(owners([` cookie=${formatCookie('unicast')}, table=99, priority=1 actions=drop`]).ours).toHaveLength(1);
  });

  test('learned through our learn()', () => {
    const line = ` cookie=${formatCookie('learned')}, table=20, hard_timeout=300, priority=1,vlan_tci=0x0001/0x0fff,dl_dst=fa:16:3e:00:00:01 actions=output:2`;
    expect(owners([...ours, line]).learned).toEqual([line]);
  });

  test.each([
    ['another cookie', ' cookie=0xfeed, table=20, priority=2,dl_vlan=1 actions=drop'],
    ['cookie 0, even where a structural flow of ours belongs', ' cookie=0x0, priority=0 actions=NORMAL'],
    [
      "the predecessor's cookie in a table that is nobody's of us",
      ` cookie=${PREDECESSOR}, table=77, priority=1 actions=drop`,
    ],
    ['no cookie at all', ' table=22, priority=7,dl_vlan=9 actions=drop'],
    ['another cookie that times out', ' cookie=0xfeed, table=20, hard_timeout=300, priority=1,dl_vlan=1 actions=drop'],
  ])('foreign: %s', (_, line) => {
    expect(
      owners([
        ...recordedLines('br-tun.09-gre-network.host1').filter(
          (other) => !other.startsWith(` cookie=${PREDECESSOR}, priority=0`),
        ),
        line,
      ]).foreign,
    ).toEqual([line]);
    expect(owners([...ours, line]).foreign).toEqual([line]);
  });
});
