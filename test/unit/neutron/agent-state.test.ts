import { describe, expect, test } from 'vitest';
import { agentState } from '../../../src/neutron/agent-state.ts';
import type { SwitchRoot } from '../../../src/vswitch/rows.ts';
import recorded from '../../fixtures/neutron/recorded.json' with { type: 'json' };
import { testConfig } from '../config.ts';

const ROOT: SwitchRoot = {
  uuid: 'u',
  curCfg: 1,
  ovsVersion: '3.1.0',
  datapathTypes: ['netdev', 'system'],
  ifaceTypes: ['gre', 'vxlan'],
  restoring: false,
};
const input = { config: testConfig(), root: ROOT, devices: 3, uuid: 'the-uuid', starting: true };

type Report = { configurations: Record<string, unknown> } & Record<string, unknown>;

/** What the reference reports (00), as the same host would. */
function reference(): Report {
  const call = recorded.calls.find(({ method }) => method === 'report_state');
  if (call === undefined) throw new Error('no recording of report_state');
  return (call.args as unknown as { agent_state: { agent_state: Report } }).agent_state.agent_state;
}

describe('report_state', () => {
  test('has every key that the reference reports, with the same values where they are ours to say', () => {
    const { resource_versions, uuid, configurations, ...rest } = reference();
    expect(agentState(input)).toEqual({
      ...rest,
      uuid: 'the-uuid',
      configurations: {
        ...configurations,
        ovs_capabilities: { datapath_types: ['netdev', 'system'], iface_types: ['gre', 'vxlan'] },
        devices: 3,
      },
    });
    expect([uuid, resource_versions], 'what we do not say: no pushes are consumed').toBeDefined();
  });

  test('start_flag only until the first pass is done', () => {
    expect(agentState({ ...input, starting: true }).start_flag).toBe(true);
    expect('start_flag' in agentState({ ...input, starting: false })).toBe(false);
  });

  test('follows the configuration', () => {
    const config = testConfig({
      agent: { tunnelTypes: ['geneve'], l2Population: false, arpResponder: false },
      ovs: { integrationBridge: 'br-x', datapathType: 'system' },
    });
    expect(agentState({ ...input, config, root: undefined })).toMatchObject({
      configurations: {
        tunnel_types: ['geneve'],
        l2_population: false,
        arp_responder_enabled: false,
        integration_bridge: 'br-x',
        datapath_type: 'system',
        ovs_capabilities: { datapath_types: [], iface_types: [] },
      },
    });
  });
});
