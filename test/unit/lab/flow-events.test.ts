import { describe, expect, it } from 'vitest';
import { harmful } from '../../../lab/oracle/flow-events.ts';

const INITIAL = [
  ' event=INITIAL table=0 cookie=0x1 in_port=3',
  ' event=INITIAL table=10 cookie=0x1 actions=learn(table=20,hard_timeout=300,priority=1,cookie=0x1,output:OXM_OF_IN_PORT[]),output:2',
  ' event=INITIAL table=20 cookie=0x1 dl_vlan=1,dl_dst=fa:16:3e:00:00:01 actions=pop_vlan,output:4',
  ' event=INITIAL table=20 hard_timeout=300 cookie=0x1 vlan_tci=0x0001/0x0fff actions=output:4',
];

/** Lines as ovs-ofctl 3.1 printed them. */
describe('what harms a flow', () => {
  it.each([
    ['a drop made a forward', ' event=ADDED table=0 cookie=0x2 in_port=3 actions=output:4'],
    ['a forward made a drop', ' event=ADDED table=20 cookie=0x1 dl_vlan=1,dl_dst=fa:16:3e:00:00:01'],
    [
      'other actions',
      ' event=MODIFIED table=20 cookie=0x1 dl_vlan=1,dl_dst=fa:16:3e:00:00:01 actions=pop_vlan,output:9',
    ],
    [
      'learning for another time',
      ' event=ADDED table=10 cookie=0x1 actions=learn(table=20,hard_timeout=30,priority=1,cookie=0x1,output:OXM_OF_IN_PORT[]),output:2',
    ],
    ['its end', ' event=DELETED reason=delete table=0 cookie=0x1 in_port=3'],
  ])('%s', (_, event) => {
    expect(harmful(INITIAL, [event])).toEqual([event]);
  });

  it.each([
    ['another cookie', ' event=ADDED table=0 cookie=0x2 in_port=3'],
    ['no cookie', ' event=ADDED table=0 cookie=0 in_port=3'],
    [
      'another cookie in what it learns',
      ' event=ADDED table=10 cookie=0x2 actions=learn(table=20,hard_timeout=300,priority=1,cookie=0x2,output:OXM_OF_IN_PORT[]),output:2',
    ],
    ['a new flow', ' event=ADDED table=20 cookie=0x1 dl_vlan=1,dl_dst=fa:16:3e:00:00:02 actions=pop_vlan,output:4'],
    [
      'a learned flow that leads elsewhere',
      ' event=MODIFIED table=20 hard_timeout=300 cookie=0x1 vlan_tci=0x0001/0x0fff actions=output:5',
    ],
    [
      'the end of a learned flow',
      ' event=DELETED reason=hard table=20 hard_timeout=300 cookie=0x1 vlan_tci=0x0001/0x0fff actions=output:4',
    ],
  ])('not %s', (_, event) => {
    expect(harmful(INITIAL, [event])).toEqual([]);
  });

  it('a new flow that is corrected afterwards', () => {
    const added = ' event=ADDED table=20 cookie=0x1 dl_vlan=1,dl_dst=fa:16:3e:00:00:02 actions=pop_vlan,output:4';
    const corrected = added.replace('output:4', 'output:5');
    expect(harmful(INITIAL, [added, corrected])).toEqual([corrected]);
  });
});
