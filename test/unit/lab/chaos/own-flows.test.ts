import { expect, it } from 'vitest';
import { ownFlows } from '../../../../lab/chaos/switch-faults.ts';

it('a hand changes what the daemon has put there, not what is learned, and not what is another fault’s', () => {
  const dump = [
    'OFPST_FLOW reply (OF1.4) (xid=0x2):',
    ' cookie=0x6c32400100000000, table=22, priority=1,dl_vlan=1 actions=pop_vlan,output:2',
    ' cookie=0x6c32100000000000, priority=1,in_port=1 actions=resubmit(,2)',
    ' cookie=0x6c32700000000000, table=20, hard_timeout=300, priority=1,dl_vlan=1 actions=output:2',
    ' cookie=0x6c32700000000000, table=20, priority=1,dl_vlan=1 actions=output:2',
    ' cookie=0xf0e1, priority=7,ip,nw_dst=192.0.2.77,nw_proto=201 actions=drop',
    ' cookie=0x0, priority=0 actions=NORMAL',
  ].join('\n');
  expect(ownFlows(dump)).toEqual(['table=0,priority=1,in_port=1', 'table=22,priority=1,dl_vlan=1']);
});
