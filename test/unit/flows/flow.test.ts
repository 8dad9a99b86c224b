import { describe, expect, test } from 'vitest';
import { addLine, deleteLine, flowKey, hex, parseDump, parseFlow } from '../../../src/flows/flow.ts';
import { recordedLines } from './recorded.ts';

/** The words of a dump line without statistics, as the switch would print this flow. */
function words(line: string): string {
  const flow = parseFlow(line);
  if (flow === undefined) return 'no flow';
  const timeouts = [
    flow.idleTimeout === undefined ? '' : `idle_timeout=${flow.idleTimeout}, `,
    flow.hardTimeout === undefined ? '' : `hard_timeout=${flow.hardTimeout}, `,
  ].join('');
  const cookie = flow.cookie === '0x0' ? '' : `cookie=${flow.cookie}, `;
  const table = flow.table === 0 ? '' : `table=${flow.table}, `;
  const priority = [flow.priority === 32768 ? '' : `priority=${flow.priority}`, flow.match].filter(
    (part) => part !== '',
  );
  return ` ${cookie}${table}${timeouts}${[...(priority.length > 0 ? [priority.join(',')] : []), `actions=${flow.actions}`].join(' ')}`;
}

describe('every recorded line', () => {
  const lines = [...recordedLines('all.br-tun'), ...recordedLines('all.br-int')];

  test.each(lines)('%s', (line) => {
    expect(words(line)).toBe(line);
  });
});

// Printed by ovs-ofctl 3.1.0, with and without --no-stats.
describe('lines of other forms', () => {
  test.each([
    [
      ' cookie=0x6c32, duration=0.007s, table=8, n_packets=17, n_bytes=1054, hard_timeout=300, idle_age=3, priority=1,tcp,tp_dst=80 actions=output:1',
      {
        table: 8,
        priority: 1,
        match: 'tcp,tp_dst=80',
        actions: 'output:1',
        cookie: '0x6c32',
        packets: 17,
        bytes: 1054,
        hardTimeout: 300,
      },
    ],
    [
      ' cookie=0x0, duration=0.007s, table=0, n_packets=0, n_bytes=0, send_flow_rem actions=drop',
      { table: 0, priority: 32768, match: '', actions: 'drop', cookie: '0x0', packets: 0, bytes: 0 },
    ],
    [
      ' table=1, send_flow_rem reset_counts no_packet_counts in_port=1 actions=drop',
      { table: 1, priority: 32768, match: 'in_port=1', actions: 'drop', cookie: '0x0' },
    ],
    [
      ' table=2, send_flow_rem priority=5 actions=drop',
      { table: 2, priority: 5, match: '', actions: 'drop', cookie: '0x0' },
    ],
    [' send_flow_rem actions=drop', { table: 0, priority: 32768, match: '', actions: 'drop', cookie: '0x0' }],
    [' table=3, actions=drop', { table: 3, priority: 32768, match: '', actions: 'drop', cookie: '0x0' }],
    [
      ' table=3, in_port=7 actions=drop',
      { table: 3, priority: 32768, match: 'in_port=7', actions: 'drop', cookie: '0x0' },
    ],
    [' actions=drop', { table: 0, priority: 32768, match: '', actions: 'drop', cookie: '0x0' }],
    [
      ' table=5, idle_timeout=60, importance=3, priority=2,tun_id=0xffffffff actions=set_field:0xffffffff->tun_id,output:1',
      {
        table: 5,
        priority: 2,
        match: 'tun_id=0xffffffff',
        actions: 'set_field:0xffffffff->tun_id,output:1',
        cookie: '0x0',
        idleTimeout: 60,
      },
    ],
    [
      ' table=7, ct_state=+est+trk,ip,reg0=0x1/0xff actions=ct(commit,zone=1,exec(set_field:0x1->ct_mark)),resubmit(,20)',
      {
        table: 7,
        priority: 32768,
        match: 'ct_state=+est+trk,ip,reg0=0x1/0xff',
        actions: 'ct(commit,zone=1,exec(set_field:0x1->ct_mark)),resubmit(,20)',
        cookie: '0x0',
      },
    ],
  ])('%s', (line, expected) => {
    expect(parseFlow(line)).toEqual(expected);
  });

  test.each(['', 'OFPST_FLOW reply (OF1.4) (xid=0x2):', 'NXST_FLOW reply (xid=0x4): flags=[more]'])(
    '%j is no flow',
    (line) => {
      expect(parseFlow(line)).toBeUndefined();
    },
  );

  test('a dump: head lines and the empty end are passed over', () => {
    const text = [
      'OFPST_FLOW reply (OF1.4) (xid=0x2):',
      ' cookie=0x1, priority=0 actions=drop',
      ' table=3, actions=drop',
      '',
    ].join('\n');
    expect(parseDump(text).map(({ table }) => table)).toEqual([0, 3]);
    expect(parseDump('')).toEqual([]);
  });
});

describe('lines for ovs-ofctl', () => {
  const flow = {
    table: 22,
    priority: 1,
    match: 'dl_vlan=1',
    actions: 'pop_vlan,output:2',
    cookie: '0x6c32600100000000',
  };

  test('add names the cookie and the table, also table 0', () => {
    expect(addLine(flow)).toBe('add cookie=0x6c32600100000000,table=22,priority=1,dl_vlan=1,actions=pop_vlan,output:2');
    expect(addLine({ ...flow, table: 0, match: '' })).toBe(
      'add cookie=0x6c32600100000000,table=0,priority=1,actions=pop_vlan,output:2',
    );
  });

  test('delete is strict, without a cookie', () => {
    expect(deleteLine(flowKey(flow))).toBe('delete_strict table=22,priority=1,dl_vlan=1');
    expect(deleteLine(flowKey({ ...flow, priority: 0, match: '' }))).toBe('delete_strict table=22,priority=0');
  });

  test('numbers as OVS prints them with %#x', () => {
    expect([0, 1, 7419, 2 ** 24 - 1, 2 ** 32 - 1].map(hex)).toEqual(['0', '0x1', '0x1cfb', '0xffffff', '0xffffffff']);
  });
});
