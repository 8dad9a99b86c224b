import { expect, test } from 'vitest';
import { factsOf, Host, portId } from './host.ts';

test('a VIF that found no local VLAN gets the first that is given back', async () => {
  const host = await Host.ready();
  host.plug(portId(1));
  host.serve(factsOf(portId(1)));
  await host.settle();
  for (let vlan = 2; vlan <= 4094; vlan++) {
    host.state.vlans.allocate(`net ${vlan}` as never, { tag: undefined, hint: undefined }, () => false);
  }
  host.plug(portId(2));
  host.serve(factsOf(portId(2), {}, 'gre'));
  await host.settle();
  expect(host.tag(`tap${portId(2).slice(-4)}`)).toBe(4095);
  host.switch.unplug(`tap${portId(1).slice(-4)}`);
  await host.settle();
  expect(host.tag(`tap${portId(2).slice(-4)}`)).toBe(1);
});
