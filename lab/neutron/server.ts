/** A private neutron-server: ML2 with the Open vSwitch and l2population drivers, no authentication, one API and one RPC worker. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, recordedDaemons, startDaemon } from '../processes.ts';
import { run } from '../run.ts';
import type { RunDirectory } from '../run-directory.ts';
import { mergeSettings, renderSettings, type Settings } from '../settings.ts';
import type { Database } from './database.ts';
import { Rest } from './rest.ts';

const NAME = 'neutron-server';

export interface ServerOptions {
  readonly transportUrl: string;
  readonly database: Database;
  /** Of the REST API, on 127.0.0.1. */
  readonly port: number;
  /** Added to, or in place of, what is set here. */
  readonly settings?: Settings;
}

export class NeutronServer {
  readonly #run: RunDirectory;
  readonly #port: number;

  private constructor(directory: RunDirectory, port: number) {
    this.#run = directory;
    this.#port = port;
  }

  /** The server of a run that is up. */
  static of(directory: RunDirectory, port: number): NeutronServer {
    return new NeutronServer(directory, port);
  }

  /** Writes the configuration. Nothing is started. */
  static configure(directory: RunDirectory, options: ServerOptions): NeutronServer {
    const server = new NeutronServer(directory, options.port);
    const state = directory.directory(NAME, 'state');
    const { neutron, ml2 } = settings(options, state);
    writeFileSync(server.#files[0], renderSettings(mergeSettings(neutron, options.settings ?? {})));
    writeFileSync(server.#files[1], renderSettings(ml2));
    return server;
  }

  get rest(): Rest {
    return new Rest(`http://127.0.0.1:${this.#port}`);
  }

  /** Also after a stop or a crash. Resolves when the API answers; the RPC worker may take a moment longer. */
  async start(): Promise<void> {
    await startDaemon(this.#run.path, {
      name: NAME,
      command: ['/usr/bin/neutron-server', ...this.#fileArguments],
      ready: async () => Array.isArray(await this.rest.networks()),
      readyTimeout: 120_000,
    });
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop(30_000);
  }

  /** A crash, of all its processes. */
  async kill(): Promise<void> {
    await this.#daemon?.killGroup();
  }

  /** `neutron-db-manage upgrade heads`. Half a minute. */
  async makeSchema(): Promise<void> {
    await run(['/usr/bin/neutron-db-manage', ...this.#fileArguments, 'upgrade', 'heads'], { timeout: 300_000 });
  }

  get #daemon(): Daemon | undefined {
    return recordedDaemons(this.#run.path).find(({ name }) => name === NAME);
  }

  get #files(): [neutron: string, ml2: string] {
    const directory = this.#run.directory(NAME);
    return [join(directory, 'neutron.conf'), join(directory, 'ml2_conf.ini')];
  }

  get #fileArguments(): string[] {
    return this.#files.flatMap((file) => ['--config-file', file]);
  }
}

function settings(
  { transportUrl, database, port }: ServerOptions,
  state: string,
): { neutron: Settings; ml2: Settings } {
  return {
    neutron: {
      DEFAULT: {
        core_plugin: 'ml2',
        service_plugins: '',
        auth_strategy: 'noauth',
        transport_url: transportUrl,
        state_path: state,
        api_paste_config: '/etc/neutron/api-paste.ini',
        bind_host: '127.0.0.1',
        bind_port: String(port),
        api_workers: '1',
        rpc_workers: '1',
        rpc_state_report_workers: '0',
        // There are no Nova and no DHCP agents.
        notify_nova_on_port_status_changes: 'false',
        notify_nova_on_port_data_changes: 'false',
        dhcp_agent_notification: 'false',
        global_physnet_mtu: '1500',
      },
      agent: { root_helper: '' },
      database: { connection: database.url },
      oslo_concurrency: { lock_path: join(state, 'lock') },
      oslo_messaging_notifications: { driver: 'noop' },
      quotas: { quota_network: '-1', quota_subnet: '-1', quota_port: '-1' },
    },
    ml2: {
      ml2: {
        type_drivers: 'flat,vlan,gre,vxlan,geneve',
        tenant_network_types: 'vxlan,gre,geneve',
        mechanism_drivers: 'openvswitch,l2population',
        extension_drivers: 'port_security',
        path_mtu: '1500',
      },
      ml2_type_flat: { flat_networks: '*' },
      ml2_type_vlan: { network_vlan_ranges: 'physnet1:100:199' },
      ml2_type_gre: { tunnel_id_ranges: '5000:5999' },
      ml2_type_vxlan: { vni_ranges: '7000:7999' },
      ml2_type_geneve: { vni_ranges: '9000:9999', max_header_size: '38' },
      // Without it the server knows no allowed address pairs. The agents have their own say on enforcement.
      securitygroup: { enable_security_group: 'true' },
    },
  };
}
