import { describe, expect, test } from 'vitest';
import { NetworkFdb, nothingTouched } from '../../../src/l2pop/fdb.ts';
import type { EntriesChange } from '../../../src/l2pop/parse.ts';
import { NetworkSync } from '../../../src/l2pop/sync.ts';
import type { IpAddress, MacAddress, NetworkId, SegmentationId } from '../../../src/values.ts';

const VTEP = '172.30.0.12' as IpAddress;
const GONE = '172.30.0.13' as IpAddress;
const [KEPT, LOST] = ['fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'] as [MacAddress, MacAddress];
const IP = '10.0.0.1' as IpAddress;
const IP2 = '10.0.0.2' as IpAddress;
const SECOND = 1000;
const TIMES = { grace: 30 * SECOND, confirm: 60 * SECOND };

type SnapshotEntry = readonly [IpAddress, MacAddress | undefined, IpAddress?];

/** A network, its FDB, and a clock in seconds. */
class Story {
  readonly fdb = new NetworkFdb('vxlan', 7419 as SegmentationId);
  readonly sync = new NetworkSync(0);
  touched = nothingTouched();
  now = 0;
  #sequence = 0;
  #ask = '';

  at(seconds: number): this {
    this.now = seconds * SECOND;
    return this;
  }

  delta(vtep: IpAddress, mac?: MacAddress, ip: IpAddress = IP): this {
    const stamp = { sequence: ++this.#sequence, at: this.now };
    if (mac === undefined) this.fdb.addFlooding(vtep, stamp, nothingTouched());
    else this.fdb.add(vtep, { mac, ip }, stamp, nothingTouched());
    return this;
  }

  ask(id: string, refresh = true): this {
    this.#ask = id;
    this.sync.asked(id, refresh, this.now);
    return this.marker('start');
  }

  marker(edge: 'start' | 'end', id = this.#ask): this {
    this.touched = nothingTouched();
    this.sync.marker(id, edge, this.fdb, { ...TIMES, sweep: true, audit: undefined }, this.now, this.touched);
    return this;
  }

  /** Heard by name: added like any other, then counted. */
  snapshot(...entries: readonly SnapshotEntry[]): this {
    const changes = entries.map(
      ([vtep, mac, ip = IP]): EntriesChange => ({
        kind: 'add',
        network: '00f2d01f-cb41-490d-bb30-f7e4e515e5d6' as NetworkId,
        segment: { type: 'vxlan', segmentationId: 7419 as SegmentationId },
        vtep,
        flooding: mac === undefined,
        entries: mac === undefined ? [] : [{ mac, ip }],
      }),
    );
    for (const [vtep, mac, ip] of entries) this.delta(vtep, mac, ip);
    this.sync.snapshot(changes, this.now);
    return this;
  }

  end(): this {
    return this.marker('end');
  }

  /** Asked, answered with these entries, ended. */
  refresh(id: string, ...entries: readonly SnapshotEntry[]): this {
    return this.ask(id)
      .snapshot(...entries)
      .end();
  }
}

describe('asking', () => {
  test('a new network wants a refresh, one that asked does not, one that is synced does not', () => {
    const story = new Story();
    expect([story.sync.status, story.sync.wantsRefresh(0)]).toEqual(['unsynced', true]);
    story.at(1).ask('a');
    expect([story.sync.status, story.sync.since, story.sync.wantsRefresh(300 * SECOND)]).toEqual([
      'asked',
      SECOND,
      false,
    ]);
    // Its marker was lost: not waited for without end.
    expect(story.sync.wantsRefresh(302 * SECOND)).toBe(true);
    story.at(2).snapshot([VTEP, undefined]).end();
    expect([story.sync.status, story.sync.since, story.sync.wantsRefresh(1e12)]).toEqual(['synced', 2 * SECOND, false]);
  });

  test.each(['asked', 'synced'])('a gap or a failure while %s: unsynced, asked anew', (status) => {
    const story = new Story().at(1).ask('a');
    if (status === 'synced') story.end();
    story.sync.lost(3 * SECOND);
    expect([story.sync.status, story.sync.wantsRefresh(3 * SECOND)]).toEqual(['unsynced', true]);
    // The old question's markers say nothing any more.
    story.marker('end', 'a');
    expect(story.sync.status).toBe('unsynced');
  });

  test('a device reported up that brought no snapshot proves nothing: a refresh is wanted still', () => {
    const story = new Story().at(1).delta(VTEP, LOST).at(100).ask('a', false).end();
    expect([story.sync.status, story.sync.suspects]).toEqual(['unsynced', 0]);
  });

  test('a device reported up that brought one is as good as a refresh', () => {
    const story = new Story().at(1).ask('a', false).snapshot([VTEP, KEPT]).end();
    expect(story.sync.status).toBe('synced');
  });

  test("markers of others' questions are passed over", () => {
    const story = new Story().at(1).ask('a').marker('end', 'b');
    expect(story.sync.status).toBe('asked');
    expect(new Story().marker('end', 'x').sync.status).toBe('unsynced');
  });
});

describe('sweeping', () => {
  /** Known for long: two MACs behind two VTEPs. */
  const story = () => new Story().at(0).delta(VTEP).delta(VTEP, KEPT).delta(GONE).delta(GONE, LOST).at(1000);
  const KEEP = [
    [VTEP, undefined],
    [VTEP, KEPT],
  ] as const;

  test('what one snapshot lacks is suspect and stays; what a second lacks too, a while later, goes', () => {
    const told = story().refresh('a', ...KEEP);
    // GONE's flooding entry, its MAC, and the MAC's IP.
    expect([told.sync.suspects, told.sync.confirmAt]).toEqual([3, 1060 * SECOND]);
    expect(told.fdb.vtepOf(LOST)).toBe(GONE);
    expect([told.sync.wantsRefresh(1059 * SECOND), told.sync.wantsRefresh(1060 * SECOND)]).toEqual([false, true]);
    told.at(1060).refresh('b', ...KEEP);
    expect([told.fdb.vtepOf(LOST), told.fdb.vteps()]).toEqual([undefined, [VTEP]]);
    expect(told.touched).toMatchObject({ macs: new Set([LOST]), ips: new Set(), vteps: new Set([GONE]) });
    expect(told.touched.claims.get(GONE)).toEqual(new Set([undefined, LOST]));
    expect([told.sync.suspects, told.sync.confirmAt, told.sync.status]).toEqual([0, undefined, 'synced']);
  });

  test('a second snapshot too soon proves nothing new', () => {
    const told = story()
      .refresh('a', ...KEEP)
      .at(1030)
      .refresh('b', ...KEEP);
    expect([told.fdb.vtepOf(LOST), told.sync.suspects]).toEqual([GONE, 3]);
    told.at(1060).refresh('c', ...KEEP);
    expect(told.fdb.vtepOf(LOST)).toBeUndefined();
  });

  test('a suspect that the second snapshot has is none', () => {
    const told = story()
      .refresh('a', ...KEEP)
      .at(1060)
      .refresh('b', ...KEEP, [GONE, undefined], [GONE, LOST]);
    expect([told.sync.suspects, told.sync.confirmAt, told.fdb.vtepOf(LOST)]).toEqual([0, undefined, GONE]);
  });

  test('no snapshot to a refresh: there are no remote VTEPs, in two steps as well', () => {
    const told = story().refresh('a');
    expect([told.sync.status, told.fdb.vteps().length]).toEqual(['synced', 2]);
    told.at(1060).refresh('b');
    expect(told.fdb.isEmpty).toBe(true);
  });

  test('a snapshot before the start marker was meant for somebody else', () => {
    const told = story();
    told.sync.asked('a', true, told.now);
    told.snapshot(...KEEP, [GONE, undefined], [GONE, LOST]);
    told
      .marker('start', 'a')
      .at(1001)
      .snapshot(...KEEP)
      .marker('end', 'a');
    // It did add, though, and so dated the entries anew.
    expect([told.sync.suspects, told.fdb.vtepOf(LOST)]).toEqual([0, GONE]);
    expect(told.sync.status).toBe('synced');
  });

  test('an entry that a delta spoke of since shortly before the question is left alone', () => {
    for (const [heard, suspects] of [
      [971, 0],
      [970, 0],
      [969, 3],
      [1000.5, 0],
    ] as const) {
      const told = story().at(heard).delta(GONE).delta(GONE, LOST);
      told
        .at(1000)
        .ask('a')
        .at(1001)
        .snapshot(...KEEP)
        .end();
      expect([told.sync.suspects, heard]).toEqual([suspects, heard]);
    }
  });

  test('said again while suspect: it begins anew, even if the next snapshot lacks it', () => {
    const told = story().refresh('a', ...KEEP);
    told.at(1010).delta(GONE).delta(GONE, LOST);
    told.at(1100).refresh('b', ...KEEP);
    expect([told.fdb.vtepOf(LOST), told.sync.suspects]).toEqual([GONE, 3]);
    told.at(1160).refresh('c', ...KEEP);
    expect(told.fdb.vtepOf(LOST)).toBeUndefined();
  });

  test('only one IP of a MAC is lacking', () => {
    const told = story().at(0).delta(VTEP, KEPT, IP2).at(1000);
    const all = [...KEEP, [GONE, undefined], [GONE, LOST]] as const;
    told
      .refresh('a', ...all)
      .at(1060)
      .refresh('b', ...all);
    expect([told.fdb.ownerOf(IP2), told.fdb.vtepOf(KEPT), told.fdb.vteps()]).toEqual([undefined, VTEP, [VTEP, GONE]]);
  });

  test('several messages by name between the markers are one snapshot', () => {
    const told = story()
      .ask('a')
      .snapshot([VTEP, undefined], [VTEP, KEPT])
      .snapshot([GONE, undefined], [GONE, LOST])
      .end();
    expect(told.sync.suspects).toBe(0);
  });

  test('a gap between the two steps does not lose the first', () => {
    const told = story().refresh('a', ...KEEP);
    told.sync.lost(1020 * SECOND);
    expect(told.sync.wantsRefresh(1020 * SECOND)).toBe(true);
    told.at(1061).refresh('b', ...KEEP);
    expect(told.fdb.vtepOf(LOST)).toBeUndefined();
  });
});
