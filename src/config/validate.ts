/** What must hold between options, and what we refuse because something would be missing. Each complaint names its option. */
import { formatValue, type OptionValue } from './option.ts';
import { OPTIONS, REFUSABLE } from './options.ts';
import type { ConfigProblem, Effective, EffectiveOptions, Note } from './resolve.ts';
import { formatSource, key, valueProblem } from './resolve.ts';

export interface Verdict {
  readonly problems: readonly ConfigProblem[];
  readonly notes: readonly Note[];
}

const RABBIT = 'oslo_messaging_rabbit';

/**
 * Options whose own value was refused are absent from `options`; what depends on them is not complained about again.
 *
 * @param addresses of this host's interfaces, in canonical form; `undefined`: not known.
 */
export function validateTogether(options: EffectiveOptions, addresses: readonly string[] | undefined): Verdict {
  const problems: ConfigProblem[] = [];
  const notes: Note[] = [];
  const complain = (id: string, complaint: string) => {
    const effective = options.get(id);
    if (effective !== undefined) problems.push({ message: describeProblem(effective, complaint) });
  };
  const value = (id: string) => options.get(id)?.value;
  const isOn = (id: string) => value(id) === true;

  if (isEmpty(value('agent.tunnel_types'))) {
    complain(
      'agent.tunnel_types',
      'must name at least one of gre, vxlan, geneve: without a tunnel type there is nothing to do',
    );
  }
  const localIp = value('ovs.local_ip');
  if (localIp === undefined) {
    complain('ovs.local_ip', 'must be set: tunneling needs an IPv4 or IPv6 address of this host');
  } else if (addresses !== undefined && !addresses.includes(String(localIp))) {
    complain('ovs.local_ip', `must be an address of this host, which has ${addresses.join(', ') || 'none'}`);
  }
  if (value('ovs.integration_bridge') === value('ovs.tunnel_bridge')) {
    complain('ovs.tunnel_bridge', 'must differ from integration_bridge');
  }
  if (String(value('ovs.ovsdb_connection')).startsWith('ssl:')) {
    for (const name of ['ssl_key_file', 'ssl_cert_file', 'ssl_ca_cert_file']) {
      if (value(`ovs.${name}`) === undefined) complain(`ovs.${name}`, 'must be set: ovsdb_connection starts with ssl:');
    }
  }

  if (isOn(`${RABBIT}.ssl`) && value(`${RABBIT}.ssl_ca_file`) === undefined) {
    const message = `[${RABBIT}] ssl without ssl_ca_file: the broker's certificate is not verified`;
    notes.push({ kind: 'effect', message });
  }
  if (
    isOn(`${RABBIT}.ssl`) &&
    value(`${RABBIT}.ssl_ca_file`) !== undefined &&
    !isOn(`${RABBIT}.ssl_enforce_hostname_verification`)
  ) {
    const message = `[${RABBIT}] ssl_enforce_hostname_verification = false: any broker with a certificate of that authority is believed`;
    notes.push({ kind: 'effect', message });
  }
  if (isOn(`${RABBIT}.rabbit_ha_queues`) && isOn(`${RABBIT}.rabbit_quorum_queue`)) {
    complain(
      `${RABBIT}.rabbit_ha_queues`,
      'must be false when rabbit_quorum_queue is true: a queue is mirrored or a quorum queue',
    );
  }
  if (isOn(`${RABBIT}.rabbit_stream_fanout`)) {
    if (!isOn(`${RABBIT}.rabbit_transient_quorum_queue`)) {
      complain(`${RABBIT}.rabbit_transient_quorum_queue`, 'must be true when rabbit_stream_fanout is true');
    }
    if (value(`${RABBIT}.rabbit_qos_prefetch_count`) === 0) {
      complain(`${RABBIT}.rabbit_qos_prefetch_count`, 'must be greater than 0 when rabbit_stream_fanout is true');
    }
  }

  if (isOn('agent.arp_responder') && value('agent.l2_population') === false) {
    notes.push({ kind: 'effect', message: '[agent] arp_responder has no effect without l2_population' });
  }
  refuse(options, complain, notes);
  return { problems, notes };
}

function refuse(options: EffectiveOptions, complain: (id: string, complaint: string) => void, notes: Note[]): void {
  const accepted = options.get('l2pop_agent.accept_missing')?.value;
  const names = typeof accepted === 'object' ? accepted : [];
  const strange = names.filter((name) => !REFUSABLE.includes(name));
  if (strange.length > 0) complain('l2pop_agent.accept_missing', `must be any of ${REFUSABLE.join(', ')}`);

  const firewallIsOff = options.get('securitygroup.enable_security_group')?.value === false;
  for (const { section, name, refused } of OPTIONS) {
    const effective = options.get(key({ section, name }));
    if (refused === undefined || effective === undefined || !refused.when(effective.value)) continue;
    if (name === 'firewall_driver' && firewallIsOff) continue;
    if (names.includes(name)) {
      notes.push({
        kind: 'accepted',
        message: `${describeProblem(effective, 'accepted to be without effect')}; ${refused.missing}`,
      });
      continue;
    }
    complain(
      key({ section, name }),
      `l2pop-agent does not do this: ${refused.missing}. Remove it, or accept that with [l2pop_agent] accept_missing = ${name}`,
    );
  }
}

function describeProblem({ option, value, source }: Effective, complaint: string): string {
  if (value === undefined)
    return `${formatSource(source)}: [${option.section}] ${option.name} is not set: ${complaint}`;
  return valueProblem(option, formatValue(value), source, complaint);
}

function isEmpty(value: OptionValue): boolean {
  return typeof value === 'object' && value.length === 0;
}
