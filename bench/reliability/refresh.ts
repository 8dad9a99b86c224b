/** Has neutron-server send a host the table of a port's network, as after an agent's `update_device_up` with `refresh_tunnels` (1.9). */
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';

export async function askForRefresh(brokerUrl: string, host: string, portId: string): Promise<void> {
  const message = {
    method: 'update_device_up',
    version: '1.9',
    namespace: null,
    args: { device: portId, agent_id: `ovs-agent-${host}`, host, refresh_tunnels: true },
    _unique_id: randomUUID().replaceAll('-', ''),
    _context_is_admin: true,
    _context_roles: [],
    _context_request_id: `req-${randomUUID()}`,
  };
  const envelope = { 'oslo.version': '2.0', 'oslo.message': JSON.stringify(message) };
  const model = await connect(brokerUrl.replace(/^rabbit:/, 'amqp:'));
  try {
    const channel = await model.createConfirmChannel();
    channel.publish('neutron', 'q-plugin', Buffer.from(JSON.stringify(envelope)), {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
    });
    await channel.waitForConfirms();
  } finally {
    await model.close();
  }
}
