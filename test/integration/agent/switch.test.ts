/** What of the switch is ours and what is not: bridges, foreign flows and ports, tunnel ports of others, drift. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../../lab/oracle/ovsdb-rows.ts';
import { TUNNEL_DELETE_TOPIC } from '../../../src/neutron/topics.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';
import { statusOf } from './switch-scene.ts';

const REMOTE = '172.30.0.99';
const MAC = 'fa:16:3e:99:00:01';

let rig: AgentRig;
let port: Port;

rigForAll((up) => {
  rig = up;
});

beforeEach(async () => {
  await rig.reset();
  port = portOn(rig.host.name);
});

describe('bridges', () => {
  it('are made secure, with a patch pair between them', async () => {
    await rig.start();
    const bridges = await rows(rig.host, 'Bridge', ['name', 'fail_mode', 'datapath_type']);
    for (const name of ['br-int', 'br-tun']) {
      expect(bridges).toContainEqual({ name, fail_mode: 'secure', datapath_type: 'netdev' });
    }
    expect(await patches()).toEqual([
      { name: 'patch-int', options: { peer: 'patch-tun' }, bridge: 'br-tun', ofport: expect.any(Number) },
      { name: 'patch-tun', options: { peer: 'patch-int' }, bridge: 'br-int', ofport: expect.any(Number) },
    ]);
  });

  it('that are there stay, and become secure', async () => {
    await rig.host.vsctl(
      ...['add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'datapath_type=netdev', 'other_config:of=theirs'],
      ...['--', 'add-port', 'br-int', 'patch-tun', '--', 'set', 'Interface', 'patch-tun', 'type=patch'],
      ...['options:peer=patch-int', 'ofport_request=42'],
    );
    const before = await rows(rig.host, 'Bridge', ['_uuid', 'name', 'other_config']);
    await rig.start();
    const after = await rows(rig.host, 'Bridge', ['_uuid', 'name', 'other_config', 'fail_mode']);
    const [theirs] = before.filter(({ name }) => name === 'br-int');
    expect(after).toContainEqual({ ...theirs, fail_mode: 'secure' });
    expect(await patches()).toContainEqual(expect.objectContaining({ name: 'patch-tun', ofport: 42 }));
  });
});

it('programs nothing while flow-restore-wait is true, and everything when it is cleared', async () => {
  await rig.start();
  await rig.wire(port);
  await rig.server.fdb('add', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
  await waitFor('the flows of the network', async () => (await rig.table(20)).length === 1);
  const complete = await rig.flows();
  await rig.agent.stop();
  await rig.host.ofctl('del-flows', 'br-tun');
  await rig.host.vsctl('set', 'Open_vSwitch', '.', 'other_config:flow-restore-wait=true');
  rig.forgetLog();
  await rig.agent.start();
  await rig.logged('waiting for other_config:flow-restore-wait to be cleared');
  await rig.logged('registered with neutron-server');
  await rig.server.fdb('add', port, { [REMOTE]: [['fa:16:3e:99:00:02', '10.0.0.2']] });
  const reports = rig.server.asked('report_state').length;
  await waitFor('two reports more', () => rig.server.asked('report_state').length >= reports + 2);
  expect(await rig.flows()).toEqual([]);

  await rig.host.vsctl('remove', 'Open_vSwitch', '.', 'other_config', 'flow-restore-wait');
  await waitFor('the flow of the entry heard meanwhile', async () => (await rig.table(20)).join().includes('00:02'));
  expect(await rig.flows()).toEqual(expect.arrayContaining(complete));
});

describe('with ovs-vswitchd dead before the start the host is not reported alive until it is there', () => {
  // The VTEP of a host of the lab is on a bridge, and goes with ovs-vswitchd.
  const settings = () => ({ ovs: { local_ip: rig.host.mgmtAddress } });
  const settled = async () => {
    await rig.start(settings());
    await rig.agent.stop();
  };
  const RESTORE_WAIT = 'other_config:flow-restore-wait';

  it.each([
    { name: 'a fresh host', waitsFor: 'ovs-vswitchd to make the bridges' },
    {
      name: 'bridges that it never made',
      before: async () => {
        await rig.launch(settings());
        await rig.logged('bridges set up');
        await rig.agent.stop();
      },
      waitsFor: 'ovs-vswitchd to give patch-int its ofport',
    },
    { name: 'everything set up', prepare: settled, problem: /br-(int|tun)\.mgmt/ },
    {
      name: 'flows that are to be restored',
      prepare: settled,
      before: () => rig.host.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', `${RESTORE_WAIT}=true`),
      waitsFor: `${RESTORE_WAIT} to be cleared`,
    },
  ])('$name', async ({ prepare, before, waitsFor, problem }) => {
    await prepare?.();
    await rig.host.daemon('ovs-vswitchd').kill();
    const said = waitsFor === undefined ? 'the switch cannot be programmed now' : `waiting for ${waitsFor}`;
    try {
      await before?.();
      rig.server.calls.length = 0;
      rig.forgetLog();
      await rig.launch(settings());
      await rig.logged(said);
      await waitFor('the server to be looked for', () => rig.server.asked('has_alive_neutron_server').length > 0);
      await waitFor('the time of two reports', () => rig.sinceLine(said) > 4_000);
      expect(['report_state', 'tunnel_sync'].flatMap((method) => rig.server.asked(method))).toEqual([]);
      const { switch: facts, links } = await statusOf(rig);
      expect(links).toMatchObject({ ovsdb: { connected: true }, broker: { up: true }, server: { registered: false } });
      expect([facts.waitsFor, facts.problem]).toEqual([
        waitsFor ?? null,
        problem === undefined ? null : expect.stringMatching(problem),
      ]);
      expect(await rig.agent.ctl('status')).toMatch(
        waitsFor === undefined ? /problem +cannot be programmed now: / : new RegExp(`waits +for ${waitsFor}\n`),
      );
      expect(rig.log().filter(({ msg }) => /waiting for|cannot be/.test(msg))).toMatchObject([
        { msg: expect.stringContaining(said) },
      ]);
    } finally {
      await rig.host.startVswitchd();
    }
    await rig.logged('registered with neutron-server');
    expect(rig.server.asked('report_state')[0]).toMatchObject({ agent_state: { agent_state: { start_flag: true } } });
    await rig.host.vsctl('remove', 'Open_vSwitch', '.', 'other_config', 'flow-restore-wait');
    await rig.ready();
    await rig.wire(port);
    expect(rig.problems()).toEqual([]);
  });
});

describe('what others have on our bridges', () => {
  const FOREIGN = {
    'br-tun': [
      'cookie=0x1234, priority=50,in_port=99 actions=drop',
      'cookie=0x1234, table=20, priority=3,dl_vlan=9,dl_dst=fa:16:3e:77:00:01 actions=drop',
      'cookie=0x1234, table=22, priority=7,dl_vlan=9 actions=output:99',
      'cookie=0x5678, table=77, priority=1,ip actions=NORMAL',
    ],
    'br-int': ['cookie=0x1234, table=60, priority=9,dl_vlan=9 actions=drop'],
  } as const;
  const bridges = ['br-tun', 'br-int'] as const;

  it('flows under other cookies are counted and never touched', async () => {
    await rig.start();
    await rig.wire(port);
    await rig.agent.stop();
    for (const bridge of bridges) {
      for (const flow of FOREIGN[bridge])
        await rig.host.ofctl('add-flow', bridge, flow.replace(' actions', ',actions'));
    }
    rig.forgetLog();
    await rig.agent.start({ l2pop_agent: { compare_interval: '1' } });
    await rig.server.fdb('add', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('a second comparison', () => compares().length >= 2);
    await rig.unplug(port);
    await waitFor('the network to be forgotten', async () => (await rig.table(4)).length === 0);
    expect(compares().at(-1)).toMatchObject({ foreign: 5 });
    for (const bridge of bridges) expect(await rig.flows(bridge)).toEqual(expect.arrayContaining([...FOREIGN[bridge]]));
  });

  it('ports of br-tun without our mark stay, tunnels to VTEPs that nobody needs among them', async () => {
    await rig.start();
    await rig.host.vsctl(
      ...['add-port', 'br-tun', 'foreign0', '--', 'set', 'Interface', 'foreign0', 'type=internal'],
      ...['--', 'add-port', 'br-tun', 'foreign1', '--', 'set', 'Interface', 'foreign1', 'type=gre'],
      'options:remote_ip=172.30.0.98',
    );
    await rig.wire(port);
    await rig.server.fdb('add', port, { [REMOTE]: ['flood'] });
    await waitFor('our tunnel', async () => (await rig.tunnels()).includes('vxlan-ac1e0063'));
    await rig.restart();
    await rig.unplug(port);
    await waitFor('our tunnel to go', async () => !(await rig.tunnels()).includes('vxlan-ac1e0063'));
    expect(await rig.tunnels()).toEqual(['foreign1']);
    expect((await rig.host.vsctl('list-ports', 'br-tun')).split('\n')).toContain('foreign0');
  });
});

it('other bridges, and what joins them to br-int, stay as they are', async () => {
  await rig.start();
  const patch = (name: string, peer: string) => [
    name,
    '--',
    'set',
    'Interface',
    name,
    'type=patch',
    `options:peer=${peer}`,
  ];
  await rig.host.vsctl(
    ...['add-br', 'br-ex', '--', 'set', 'Bridge', 'br-ex', 'datapath_type=netdev', 'fail_mode=secure'],
    ...['--', 'add-br', 'tbr-1', '--', 'set', 'Bridge', 'tbr-1', 'datapath_type=netdev'],
    ...['--', 'add-port', 'br-ex', ...patch('phy-br-ex', 'int-br-ex')],
    ...['--', 'add-port', 'br-int', ...patch('int-br-ex', 'phy-br-ex')],
    // A trunk's parent and one of its sub-ports, as Neutron names them.
    ...['--', 'add-port', 'tbr-1', 'tap-parent', '--', 'set', 'Interface', 'tap-parent', 'type=internal'],
    `external_ids:iface-id=${randomUUID()}`,
    ...['--', 'add-port', 'br-int', ...patch('tpi-1', 'tpt-1')],
    ...['--', 'add-port', 'tbr-1', ...patch('tpt-1', 'tpi-1'), '--', 'set', 'Port', 'tpt-1', 'tag=7'],
  );
  await rig.host.ofctl('add-flow', 'br-ex', 'cookie=0x1234,priority=4,dl_vlan=9,actions=strip_vlan,NORMAL');
  const bridges = async () => ({
    rows: (await rows(rig.host, 'Bridge', ['name', 'fail_mode', 'protocols', 'other_config', 'controller'])).filter(
      ({ name }) => name === 'br-ex' || name === 'tbr-1',
    ),
    ports: await Promise.all(['phy-br-ex', 'int-br-ex', 'tap-parent', 'tpi-1', 'tpt-1'].map((name) => rig.port(name))),
    flows: await rig.host.ofctl('--no-stats', 'dump-flows', 'br-ex'),
  });
  const before = await bridges();
  await rig.wire(port);
  await rig.restart();
  await rig.unplug(port);
  await rig.server.told('down', port.id);
  await rig.settled();
  expect(await bridges()).toEqual(before);
});

describe('a tunnel port that is wanted and there already', () => {
  const OPTIONS = {
    remote_ip: REMOTE,
    local_ip: '172.30.0.11',
    in_key: 'flow',
    out_key: 'flow',
    df_default: 'true',
    egress_pkt_mark: '0',
  };

  it('is adopted with the name and the ofport it has', async () => {
    await rig.start();
    await rig.wire(port);
    await addTunnel('vxlan-theirs', OPTIONS);
    const before = await tunnel('vxlan-theirs');
    await rig.server.fdb('add', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('the unicast flow', async () => (await rig.table(20)).length === 1);
    expect(await rig.tunnels()).toEqual(['vxlan-theirs']);
    expect(await tunnel('vxlan-theirs')).toEqual({ ...before, external_ids: { 'l2pop-agent': 'tunnel' } });
    expect(await rig.table(20)).toEqual([expect.stringMatching(new RegExp(`output:${before.ofport}$`))]);

    await rig.server.fdb('remove', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('it to go when nobody needs it', async () => (await rig.tunnels()).length === 0);
  });

  it('over IPv6, whose names differ between releases, too: known by its remote_ip, in any spelling', async () => {
    const settings = { ovs: { local_ip: rig.host.vtep.ipv6 } };
    await rig.start(settings);
    await rig.wire(port);
    await rig.server.fdb('add', port, { 'fd30::63': ['flood', [MAC, '10.0.0.1']] });
    await waitFor('the unicast flow', async () => (await rig.table(20)).length === 1);
    const flows = await rig.flows();
    const [ours = ''] = await rig.tunnels();
    const { ofport } = await tunnel(ours);
    await rig.agent.stop();
    // As if another release had made it.
    const theirs = 'vxlan-5svt3ublz';
    const options = { ...OPTIONS, local_ip: rig.host.vtep.ipv6, remote_ip: 'fd30:0:0::63' };
    await rig.host.vsctl('del-port', 'br-tun', ours);
    await rig.host.vsctl(...addTunnelWords(theirs, options), `ofport_request=${ofport}`);
    const before = await tunnel(theirs);
    expect(before.ofport).toBe(ofport);
    rig.server.ports.set(port.id, { ...port, status: 'ACTIVE' });
    await rig.agent.start({ agent: { report_interval: '2' }, ...settings });
    await rig.ready();
    await rig.settled();
    expect(await rig.tunnels()).toEqual([theirs]);
    expect(await tunnel(theirs)).toMatchObject({ _uuid: before._uuid, ofport });
    expect(await rig.flows()).toEqual(flows);
  });

  it('stays when tunnel_delete tells of its VTEP, as long as entries need it', async () => {
    await rig.start();
    await rig.wire(port);
    await rig.server.fdb('add', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('the unicast flow', async () => (await rig.table(20)).length === 1);
    const before = [await rig.flows(), await rig.interfaces()];
    await rig.server.fanout(TUNNEL_DELETE_TOPIC, 'tunnel_delete', { tunnel_ip: REMOTE, tunnel_type: 'vxlan' });
    await rig.settled();
    expect([await rig.flows(), await rig.interfaces()]).toEqual(before);
    await rig.server.fdb('remove', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('it to go when nobody needs it', async () => (await rig.tunnels()).length === 0);
    expect(rig.problems()).toEqual([]);
  });

  it.each([
    ['with options missing', { remote_ip: REMOTE, local_ip: '172.30.0.11' }],
    ['with options too many', { ...OPTIONS, csum: 'true' }],
  ])('%s is mended in place', async (_, options) => {
    await rig.start();
    await rig.wire(port);
    await addTunnel('vxlan-ac1e0063', options);
    const before = await tunnel('vxlan-ac1e0063');
    await rig.server.fdb('add', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('the unicast flow', async () => (await rig.table(20)).length === 1);
    const after = await tunnel('vxlan-ac1e0063');
    expect(after).toMatchObject({ _uuid: before._uuid, ofport: before.ofport, options: OPTIONS });
    expect(await rig.table(22)).toEqual([expect.stringMatching(new RegExp(`output:${before.ofport}$`))]);
  });

  it('whose local_ip somebody changes is mended in place', async () => {
    await rig.start();
    await rig.wire(port);
    await rig.server.fdb('add', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('the unicast flow', async () => (await rig.table(20)).length === 1);
    const before = await tunnel('vxlan-ac1e0063');
    await rig.host.vsctl('set', 'Interface', 'vxlan-ac1e0063', 'options:local_ip=172.30.0.77');
    await waitFor('our local_ip again', async () => {
      const { options } = await tunnel('vxlan-ac1e0063');
      return (options as { local_ip?: string }).local_ip === OPTIONS.local_ip;
    });
    expect(await tunnel('vxlan-ac1e0063')).toEqual(before);
  });

  it('that somebody deletes is made again, and its flows follow it', async () => {
    await rig.start();
    await rig.wire(port);
    await rig.server.fdb('add', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('the unicast flow', async () => (await rig.table(20)).length === 1);
    const before = await tunnel('vxlan-ac1e0063');
    await rig.host.vsctl('del-port', 'br-tun', 'vxlan-ac1e0063');
    await waitFor('another port in its place', async () => {
      const [found] = (await rig.interfaces()).filter(({ name }) => name === 'vxlan-ac1e0063');
      return found !== undefined && found._uuid !== before._uuid && typeof found.ofport === 'number';
    });
    const { ofport } = await tunnel('vxlan-ac1e0063');
    await waitFor('all flows to use it', async () => {
      const [unicast = '', flood = ''] = [...(await rig.table(20)), ...(await rig.table(22))];
      return [unicast, flood].every((line) => line.endsWith(`output:${ofport}`));
    });
    expect(await rig.table(0)).toContainEqual(expect.stringContaining(`in_port=${ofport} actions=goto_table:4`));
  });
});

describe('the slow comparison', () => {
  it('brings back what is missing, mends what is different, deletes what is ours and not wanted', async () => {
    await rig.start({ l2pop_agent: { compare_interval: '1' } });
    await rig.wire(port);
    await rig.server.fdb('add', port, { [REMOTE]: ['flood', [MAC, '10.0.0.1']] });
    await waitFor('the flows of the entry', async () => (await rig.table(20)).length === 1);
    const right = await rig.flows();
    const tunnel = (await rig.interfaces()).find(({ type }) => type === 'vxlan');
    const learned =
      'cookie=0x6c32700000000000, table=20, hard_timeout=300, priority=1,vlan_tci=0x0001/0x0fff,dl_dst=fa:16:3e:99:00:09 ' +
      `actions=load:0->NXM_OF_VLAN_TCI[],load:0x4d->NXM_NX_TUN_ID[],output:${tunnel?.ofport}`;
    await rig.host.ofctl('add-flow', 'br-tun', learned.replace(' actions', ',actions'));

    await rig.host.ofctl('--strict', 'del-flows', 'br-tun', `table=20,priority=2,dl_vlan=1,dl_dst=${MAC}`);
    await rig.host.ofctl('--strict', 'del-flows', 'br-tun', 'table=10,priority=1');
    await rig.host.ofctl('--strict', 'mod-flows', 'br-tun', 'table=22,priority=1,dl_vlan=1,actions=drop');
    await rig.host.ofctl(
      'add-flow',
      'br-tun',
      'cookie=0x6c32400100000000,table=21,priority=9,arp,dl_vlan=9,actions=drop',
    );
    const complete = [...right, learned].sort();
    // What is not as it was says more than that a deadline has passed.
    await waitFor('the flows to be as they were', async () => (await rig.flows()).sort().join() === complete.join(), {
      timeout: 15_000,
    }).catch(() => undefined);
    expect((await rig.flows()).sort()).toEqual(complete);
    expect(compares().some(({ adds, deletes }) => Number(adds) > 0 || Number(deletes) > 0)).toBe(true);
  });
});

/** Every line that a comparison wrote. */
function compares(): readonly Record<string, unknown>[] {
  return rig.log().filter(({ msg }) => msg === 'compared with the switch');
}

async function patches(): Promise<object[]> {
  const found = (await rig.interfaces()).filter(({ type }) => type === 'patch');
  const described = found.map(async ({ name, options, ofport }) => {
    const bridge = await rig.host.vsctl('port-to-br', String(name));
    return { name, options, ofport, bridge };
  });
  return (await Promise.all(described)).sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
}

async function addTunnel(name: string, options: Readonly<Record<string, string>>): Promise<void> {
  await rig.host.vsctl(...addTunnelWords(name, options));
}

function addTunnelWords(name: string, options: Readonly<Record<string, string>>): string[] {
  return [
    ...['add-port', 'br-tun', name, '--', 'set', 'Interface', name, 'type=vxlan'],
    ...Object.entries(options).map(([key, value]) => `options:${key}="${value}"`),
  ];
}

async function tunnel(name: string) {
  const [found] = (await rig.interfaces()).filter((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no interface ${name}`);
  return found;
}
