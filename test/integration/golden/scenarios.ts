/**
 * What happens on a host in each recorded scenario: what its hypervisor does, what its agent is to say, and what the server
 * knows meanwhile. The messages are in the recordings; `notes.txt` there is the source of this table.
 */
import type { Port } from '../agent/port-object.ts';
import type { HostName } from './recording.ts';

const VX = { network: '00f2d01f-cb41-490d-bb30-f7e4e515e5d6', type: 'vxlan', segmentationId: 7419 };
const GR = { network: '09efaef8-8f82-4973-918e-5f83d68fe37d', type: 'gre', segmentationId: 5608 };

/** Recording `03`. */
export const PORTS = {
  vx1: port(VX, 'e3342ff1-3feb-450b-92ff-f75ea08f697c', 'fa:16:3e:58:b5:cf', ['10.10.0.94', 'fd10::6'], 'host1'),
  vx2: port(VX, '83ec5431-b0ed-4ec8-916b-0611756484af', 'fa:16:3e:82:30:63', ['10.10.0.159', 'fd10::103'], 'host2'),
  vx1b: port(VX, 'f4485157-612a-4773-8fe1-48718e869c74', 'fa:16:3e:e1:7b:90', ['10.10.0.232', 'fd10::112'], 'host1'),
  vx2b: port(VX, '4bae99bb-fda6-4b94-9034-06edbc1f832b', 'fa:16:3e:4e:ed:a9', ['10.10.0.75', 'fd10::182'], 'host2'),
  gr1: port(GR, '58aebe93-f9dc-41f7-9d2a-4da910a3e480', 'fa:16:3e:fa:8a:90', ['10.20.0.187', 'fd20::6f'], 'host1'),
  gr2: port(GR, '431c1978-c584-44af-9c89-d647b1220cc1', 'fa:16:3e:be:34:91', ['10.20.0.200', 'fd20::1bb'], 'host2'),
} as const;
export type PortName = keyof typeof PORTS;

export type Step =
  | { readonly do: 'plug' | 'unplug' | 'delete-interface'; readonly port: PortName }
  | { readonly do: 'restart' }
  /** The server changes what it knows of a port; `undefined`: the port is deleted. */
  | { readonly do: 'server'; readonly port: PortName; readonly change: Partial<Port> | undefined }
  /** The agent is to say this of one of the ports; it is answered with what the server published at the recorded call. */
  | { readonly do: 'told'; readonly direction: 'up' | 'down'; readonly ports: readonly PortName[] }
  /** FDB messages that the recordings do not have, between two scenarios. */
  | { readonly do: 'between' }
  /** The rest of the recorded messages is published first. */
  | { readonly do: 'rest' };

export interface Scenario {
  readonly name: string;
  readonly steps: Partial<Record<HostName, readonly Step[]>>;
}

const plug = (port: PortName): Step[] => [
  { do: 'plug', port },
  { do: 'told', direction: 'up', ports: [port] },
];
const unplug = (port: PortName): Step[] => [
  { do: 'unplug', port },
  { do: 'told', direction: 'down', ports: [port] },
];
const server = (port: PortName, change: Partial<Port> | undefined): Step => ({ do: 'server', port, change });

/** `15` to `17` are not recorded; what `18` builds on: vx1b has moved from host1 to host3. */
export const SCENARIOS: readonly Scenario[] = [
  { name: '04-first-port-on-network', steps: { host1: plug('vx1') } },
  { name: '05-second-host-port', steps: { host2: plug('vx2') } },
  { name: '07-second-port-same-host', steps: { host1: plug('vx1b') } },
  { name: '08-second-port-other-host', steps: { host2: plug('vx2b') } },
  { name: '09-gre-network', steps: { host1: plug('gr1'), host2: plug('gr2') } },
  { name: '10-port-ip-change', steps: { host2: [server('vx2', { ips: ['10.10.0.200', 'fd10::103'] })] } },
  {
    name: '11-port-admin-down',
    steps: { host2: [server('vx2b', { adminStateUp: false }), { do: 'told', direction: 'down', ports: ['vx2b'] }] },
  },
  {
    name: '12-port-admin-up',
    steps: { host2: [server('vx2b', { adminStateUp: true }), { do: 'told', direction: 'up', ports: ['vx2b'] }] },
  },
  { name: '13-unplug-replug', steps: { host2: [...unplug('vx2b'), ...plug('vx2b')] } },
  {
    name: '14-agent1-restart',
    // Our agent asks for nothing: its queues have kept everything. What the server told the reference is told all the same.
    steps: { host1: [{ do: 'restart' }, { do: 'rest' }] },
  },
  {
    name: '18-port-delete',
    steps: {
      host1: [server('vx1b', { host: 'host3' }), { do: 'between' }, { do: 'delete-interface', port: 'vx1b' }],
      host2: [{ do: 'between' }, server('vx2b', undefined), { do: 'rest' }, { do: 'delete-interface', port: 'vx2b' }],
    },
  },
  {
    name: '19-last-port-delete',
    steps: { host2: [server('vx2', undefined), { do: 'rest' }, { do: 'delete-interface', port: 'vx2' }] },
  },
  {
    name: '20-last-gre-port-delete',
    steps: { host2: [server('gr2', undefined), { do: 'rest' }, { do: 'delete-interface', port: 'gr2' }] },
  },
];

function port(
  network: Pick<Port, 'network' | 'type' | 'segmentationId'>,
  id: string,
  mac: string,
  ips: readonly string[],
  host: HostName,
): Port {
  return { ...network, id, mac, ips, host, status: 'DOWN', adminStateUp: true };
}
