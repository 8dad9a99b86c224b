/** A configuration as `config/load.ts` would give it, and with what a test changes in it. */
import { RPC_DEFAULTS } from '../../lab/server/rpc-config.ts';
import type { AgentConfig, Config, OvsConfig, OwnConfig } from '../../src/config/config.ts';
import type { IpAddress } from '../../src/values.ts';

export interface ConfigChanges {
  readonly ovs?: Partial<OvsConfig>;
  readonly agent?: Partial<AgentConfig>;
  readonly own?: Partial<OwnConfig>;
}

export function testConfig({ ovs, agent, own }: ConfigChanges = {}): Config {
  return {
    host: 'host1',
    debug: false,
    statePath: '/var/lib/neutron',
    rpc: {
      brokers: [{ host: '127.0.0.1', port: 5672, username: 'u', password: 'p' }],
      virtualHost: '/',
      ...RPC_DEFAULTS,
      hostname: 'host1',
      processname: 'l2pop-agent',
      retryInterval: 1,
      retryBackoff: 2,
      intervalMax: 30,
    },
    ovs: {
      integrationBridge: 'br-int',
      tunnelBridge: 'br-tun',
      intPeerPatchPort: 'patch-tun',
      tunPeerPatchPort: 'patch-int',
      localIp: '172.30.0.11' as IpAddress,
      ovsdbConnection: 'unix:/run/openvswitch/db.sock',
      ovsdbFallback: undefined,
      sslKeyFile: undefined,
      sslCertFile: undefined,
      sslCaCertFile: undefined,
      datapathType: 'netdev',
      ovsdbTimeout: 10,
      bridgeMacTableSize: 50_000,
      runDir: '/run/openvswitch',
      ...ovs,
    },
    agent: {
      tunnelTypes: ['vxlan', 'gre'],
      l2Population: true,
      arpResponder: true,
      vxlanUdpPort: 4789,
      dontFragment: true,
      tunnelCsum: false,
      dscp: undefined,
      dscpInherit: false,
      reportInterval: 30,
      dropFlowsOnStart: false,
      ...agent,
    },
    own: {
      acceptMissing: [],
      controlSocket: '/run/l2pop-agent/control.sock',
      compareInterval: 300,
      snapshotGrace: 30,
      snapshotConfirm: 60,
      resyncJitter: 10,
      auditInterval: 0,
      ofctlTimeout: 10_000,
      journalKeep: 86_400,
      journalKeepEntries: 10_000,
      journalAttempts: 5,
      journalRetry: 2,
      maintenanceInterval: 600,
      ...own,
    },
  };
}
