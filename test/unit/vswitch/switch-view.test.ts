import { describe, expect, test } from 'vitest';
import { tunnelKey } from '../../../src/tunnel/ports.ts';
import type { IpAddress } from '../../../src/values.ts';
import type { SwitchRow } from '../../../src/vswitch/monitors.ts';
import { SwitchView, type ViewChanges } from '../../../src/vswitch/switch-view.ts';
import { FakeSwitch } from '../fake-switch.ts';
import { portId } from '../host.ts';

const KEY = tunnelKey('vxlan', '172.30.0.12' as IpAddress);
const VIF = { externalIds: { 'iface-id': portId(1) } };
const TUNNEL = { type: 'vxlan', options: { remote_ip: '172.30.0.12' } };

/** A view kept up with a switch, and what it said of the last change. */
function watched() {
  const fake = new FakeSwitch();
  const view = new SwitchView({ integrationBridge: 'br-int', tunnelBridge: 'br-tun' });
  let last: ViewChanges | undefined;
  fake.onRows = (changes) => {
    last = view.applyRows(changes);
  };
  view.applyRows(fake.initial());
  for (const bridge of ['br-int', 'br-tun', 'br-ex']) fake.addBridge(bridge);
  const place = (bridge: string | undefined) =>
    view.applyMembership(new Map(view.portsWithoutBridge().map((port) => [port, bridge])));
  return { fake, view, place, last: () => last };
}

describe('VIFs', () => {
  test('on no bridge until it is known which, then on br-int', () => {
    const { fake, view, place, last } = watched();
    fake.plug('br-int', 'tap1', VIF);
    expect([view.vif(portId(1)), view.portsWithoutBridge().length, last()?.vifs]).toEqual([
      undefined,
      1,
      new Set([portId(1)]),
    ]);
    expect(place('br-int').vifs).toEqual(new Set([portId(1)]));
    expect([view.vif(portId(1))?.port.name, view.vifIds(), view.portsWithoutBridge()]).toEqual([
      'tap1',
      [portId(1)],
      [],
    ]);
  });

  test.each(['br-tun', 'br-ex', undefined])('not those on %s; and they are not asked for again', (bridge) => {
    const { fake, view, place } = watched();
    fake.plug('br-int', 'tap1', VIF);
    place(bridge);
    fake.set('Port', 'tap1', { tag: [1] });
    expect([view.vif(portId(1)), view.vifIds(), view.portsWithoutBridge()]).toEqual([undefined, [], []]);
  });

  test('every change of its port or interface is told', () => {
    const { fake, view, place, last } = watched();
    fake.plug('br-int', 'tap1', VIF);
    place('br-int');
    fake.vswitchd();
    expect([view.vif(portId(1))?.interface.ofport, last()?.vifs]).toEqual([1, new Set([portId(1)])]);
    fake.set('Port', 'tap1', { tag: [7] });
    expect([view.vif(portId(1))?.port.tag, last()?.vifs]).toEqual([7, new Set([portId(1)])]);
    fake.unplug('tap1');
    expect([view.vif(portId(1)), last()?.vifs]).toEqual([undefined, new Set([portId(1)])]);
  });

  test('an iface-id that changes is one gone and one come', () => {
    const { fake, view, place, last } = watched();
    fake.plug('br-int', 'tap1', VIF);
    place('br-int');
    fake.set('Interface', 'tap1', { external_ids: new Map([['iface-id', portId(2)]]) });
    expect(last()?.vifs).toEqual(new Set([portId(1), portId(2)]));
    expect([view.vif(portId(1)), view.vif(portId(2))?.port.name]).toEqual([undefined, 'tap1']);
  });

  test('two with the same iface-id: the last plugged, as long as it is there; on the bridge that counts', () => {
    const { fake, view, place } = watched();
    fake.plug('br-int', 'tap1', VIF);
    place('br-int');
    fake.plug('br-int', 'tap2', VIF);
    place('br-int');
    expect(view.vif(portId(1))?.port.name).toBe('tap2');
    fake.set('Interface', 'tap1', { ofport: [9] });
    expect(view.vif(portId(1))?.port.name, 'the first has merely changed').toBe('tap2');
    fake.plug('br-ex', 'tap3', VIF);
    place('br-ex');
    expect([view.vif(portId(1))?.port.name, view.vifIds()]).toEqual(['tap2', [portId(1)]]);
    fake.unplug('tap2');
    expect(view.vif(portId(1))?.port.name).toBe('tap1');
  });
});

describe('membership', () => {
  test('a port that is deleted while it is asked for: the answer is for nobody', () => {
    const { fake, view, place } = watched();
    fake.plug('br-int', 'tap1', VIF);
    const [asked = ''] = view.portsWithoutBridge();
    fake.unplug('tap1');
    expect(view.portsWithoutBridge()).toEqual([]);
    expect(view.applyMembership(new Map([[asked, 'br-int']])).vifs.size).toBe(0);
    fake.plug('br-int', 'tap1', VIF);
    expect(view.portsWithoutBridge(), 'the new one is asked for').toHaveLength(1);
    place('br-int');
    expect(view.vif(portId(1))?.port.name).toBe('tap1');
  });

  test('only ports with an interface of concern are asked for', () => {
    const { fake, view } = watched();
    fake.plug('br-ex', 'eth0');
    fake.plug('br-int', 'tap1', VIF);
    fake.plug('br-tun', 'vxlan-1', TUNNEL);
    fake.plug('br-tun', 'patch-int', { type: 'patch' });
    expect(view.portsWithoutBridge()).toHaveLength(3);
  });

  test('rows may come in any order, an interface long after its port', () => {
    const fake = new FakeSwitch();
    fake.addBridge('br-int');
    fake.plug('br-int', 'tap1', VIF);
    for (const order of [1, -1]) {
      const view = new SwitchView({ integrationBridge: 'br-int', tunnelBridge: 'br-tun' });
      for (const change of fake.initial().sort((a, b) => order * a.table.localeCompare(b.table)))
        view.applyRows([change]);
      view.applyMembership(new Map(view.portsWithoutBridge().map((port) => [port, 'br-int'])));
      expect(view.vif(portId(1))?.port.name, String(order)).toBe('tap1');
    }
  });

  test('an interface that moves from one port to another in one transaction', () => {
    const { fake, view, place } = watched();
    fake.plug('br-int', 'tap1', VIF);
    place('br-int');
    const before = fake.port('tap1') as SwitchRow<'Port'>;
    const [uuid = ''] = [...(fake.tables.get('Port') ?? [])].find(([, row]) => row.name === 'tap1') ?? [];
    const moved = {
      table: 'Port' as const,
      uuid: '00000000-0000-4000-8000-999999999999',
      before: undefined,
      after: { ...before, name: 'bond' },
    };
    view.applyRows([moved, { table: 'Port', uuid, before, after: undefined }]);
    place('br-int');
    expect(view.vif(portId(1))?.port.name).toBe('bond');
  });
});

describe('tunnels', () => {
  test('on br-tun, by type and remote IP', () => {
    const { fake, view, place, last } = watched();
    fake.plug('br-tun', 'vxlan-1', TUNNEL);
    place('br-tun');
    expect([view.tunnelKeys(), view.tunnel(KEY)?.port.name]).toEqual([[KEY], 'vxlan-1']);
    fake.vswitchd();
    expect([view.tunnel(KEY)?.interface.ofport, last()?.tunnels]).toEqual([1, new Set([KEY])]);
    fake.unplug('vxlan-1');
    expect([view.tunnel(KEY), view.tunnelKeys(), last()?.tunnels]).toEqual([undefined, [], new Set([KEY])]);
  });

  test('not on br-int; its remote may change', () => {
    const { fake, view, place, last } = watched();
    fake.plug('br-int', 'vxlan-1', TUNNEL);
    place('br-int');
    expect(view.tunnel(KEY)).toBeUndefined();
    fake.plug('br-tun', 'vxlan-2', TUNNEL);
    place('br-tun');
    fake.set('Interface', 'vxlan-2', { options: new Map([['remote_ip', '172.30.0.99']]) });
    const other = tunnelKey('vxlan', '172.30.0.99' as IpAddress);
    expect([view.tunnel(KEY), view.tunnel(other)?.port.name]).toEqual([undefined, 'vxlan-2']);
    expect(last()?.tunnels).toEqual(new Set([KEY, other]));
  });
});

describe('bridges, patch ports, tags', () => {
  test('patch ports by name, on our bridges only', () => {
    const { fake, view, place, last } = watched();
    fake.plug('br-tun', 'patch-int', { type: 'patch', options: { peer: 'patch-tun' } });
    expect([view.patch('patch-int'), last()?.bridges]).toEqual([undefined, true]);
    place('br-tun');
    expect(view.patch('patch-int')?.interface.options.get('peer')).toBe('patch-tun');
    fake.plug('br-ex', 'patch-x', { type: 'patch' });
    place('br-ex');
    expect(view.patch('patch-x')).toBeUndefined();
    fake.unplug('patch-int');
    expect(view.patch('patch-int')).toBeUndefined();
  });

  test('bridges by name', () => {
    const { fake, view, last } = watched();
    expect(view.bridge('br-int')?.failMode).toBe('secure');
    fake.deleteBridge('br-int');
    expect([view.bridge('br-int'), last()?.bridges]).toEqual([undefined, true]);
  });

  test('a tag is in use as long as any port has it, on whatever bridge', () => {
    const { fake, view } = watched();
    fake.plug('br-int', 'tap1', { ...VIF, tag: 7 });
    fake.plug('br-ex', 'eth1', { tag: 7 });
    expect([view.tagInUse(7), view.tagInUse(8)]).toEqual([true, false]);
    fake.unplug('tap1');
    expect(view.tagInUse(7)).toBe(true);
    fake.set('Port', 'eth1', { tag: [8] });
    expect([view.tagInUse(7), view.tagInUse(8)]).toEqual([false, true]);
    fake.set('Port', 'eth1', { tag: [] });
    expect(view.tagInUse(8)).toBe(false);
  });

  test("controllers: the connected ones of our bridges, not other bridges', not ours gone", () => {
    const { view } = watched();
    const bridge = (uuid: string, name: string, controller: string[]) => ({
      table: 'Bridge' as const,
      uuid,
      before: undefined,
      after: { name, datapath_type: '', fail_mode: [], protocols: [], controller },
    });
    const controller = (uuid: string, is_connected: boolean) => ({
      table: 'Controller' as const,
      uuid,
      before: undefined,
      after: { target: `tcp:${uuid}`, is_connected },
    });
    const fresh = new SwitchView({ integrationBridge: 'br-int', tunnelBridge: 'br-tun' });
    fresh.applyRows([bridge('1', 'br-int', ['a']), bridge('2', 'br-tun', ['b']), bridge('3', 'br-ex', ['c'])]);
    fresh.applyRows([controller('a', true), controller('b', false), controller('c', true)]);
    expect(fresh.connectedControllers()).toEqual(['tcp:a']);
    expect(fresh.applyRows([{ table: 'Controller', uuid: 'a', before: undefined, after: undefined }]).bridges).toBe(
      true,
    );
    expect(fresh.connectedControllers()).toEqual([]);
    expect(view.connectedControllers()).toEqual([]);
  });

  test('the one row of Open_vSwitch', () => {
    const { fake, view, last } = watched();
    expect(view.root?.curCfg).toBe(0);
    fake.setRoot({ other_config: new Map([['flow-restore-wait', 'true']]) });
    expect([view.root?.restoring, last()?.bridges]).toEqual([true, true]);
  });

  test('of a database made anew: the new row, though the old one goes after it came', () => {
    const { view } = watched();
    const [row] = new FakeSwitch().initial().filter(({ table }) => table === 'Open_vSwitch');
    const old = view.root?.uuid;
    if (row?.table !== 'Open_vSwitch' || old === undefined) throw new Error('no row');
    const gone = { table: 'Open_vSwitch', uuid: old, before: row.after, after: undefined } as const;
    view.applyRows([{ ...row, uuid: 'anew' }, gone]);
    expect(view.root?.uuid).toBe('anew');
    view.applyRows([{ ...gone, uuid: 'anew' }]);
    expect(view.root).toBeUndefined();
  });
});
