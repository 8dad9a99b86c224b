import { describe, expect, test } from 'vitest';
import { parseFlowEvent } from '../../../src/flows/monitor-events.ts';

/** As ovs-ofctl 3.1.0 wrote them. */
describe('lines of ovs-ofctl monitor', () => {
  test.each([
    [
      ' event=ADDED table=20 cookie=0x6c324001ac1e000c dl_vlan=1,dl_dst=fa:16:3e:00:00:00 actions=pop_vlan,set_field:0x5->tun_id,output:2',
      {
        ...{ kind: 'added', table: 20, cookie: '0x6c324001ac1e000c', match: 'dl_vlan=1,dl_dst=fa:16:3e:00:00:00' },
        actions: 'pop_vlan,set_field:0x5->tun_id,output:2',
      },
    ],
    [
      ' event=DELETED reason=delete table=21 cookie=0x6c32 arp,dl_vlan=1,arp_tpa=10.0.0.1',
      { kind: 'deleted', table: 21, cookie: '0x6c32', match: 'arp,dl_vlan=1,arp_tpa=10.0.0.1', actions: 'drop' },
    ],
    [
      ' event=MODIFIED table=4 cookie=0x6c325001ac1e000c tun_id=0x1cfb',
      { kind: 'modified', table: 4, cookie: '0x6c325001ac1e000c', match: 'tun_id=0x1cfb', actions: 'drop' },
    ],
    // A cookie of zero is written as dumps write it.
    [' event=ADDED table=0 cookie=0', { kind: 'added', table: 0, cookie: '0x0', match: '', actions: 'drop' }],
    [
      ' event=DELETED reason=delete table=0 cookie=0 ',
      { kind: 'deleted', table: 0, cookie: '0x0', match: '', actions: 'drop' },
    ],
    // What stands between table and cookie.
    [
      ' event=ADDED table=77 hard_timeout=1 cookie=0 actions=NORMAL',
      { kind: 'added', table: 77, cookie: '0x0', match: '', actions: 'NORMAL' },
    ],
    [
      ' event=DELETED reason=group_delete table=77 idle_timeout=3 hard_timeout=1 cookie=0x1 ip,in_port=ANY actions=group:1',
      { kind: 'deleted', table: 77, cookie: '0x1', match: 'ip,in_port=ANY', actions: 'group:1' },
    ],
  ])('%s', (line, event) => {
    expect(parseFlowEvent(line, true)).toEqual(event);
    expect(parseFlowEvent(line, false)).toEqual({ ...event, actions: undefined });
  });

  test.each([
    'NXST_FLOW_MONITOR reply (xid=0x0):',
    'NXT_FLOW_MONITOR_PAUSED (xid=0x0):',
    'OFPT_PORT_STATUS (xid=0x0): ADD: 3(vxlan-ac1e0063): addr:de:4c:ce:ad:52:5d',
    'ovs-ofctl: vconn_recv (End of file)',
    // Of our own connection, on which nothing is changed.
    ' event=ABBREV xid=0x5',
    '',
  ])('no flow: %s', (line) => {
    expect(parseFlowEvent(line, true)).toBeUndefined();
  });
});
