/** Names on the wire between neutron-server and its agents (WIRE.md). */

export const SERVER_TOPIC = 'q-plugin';
export const REPORTS_TOPIC = 'q-reports-plugin';

const NOTIFIER = 'q-agent-notifier';
export const L2POPULATION_TOPIC = `${NOTIFIER}-l2population-update`;
export const TUNNEL_UPDATE_TOPIC = `${NOTIFIER}-tunnel-update`;
export const TUNNEL_DELETE_TOPIC = `${NOTIFIER}-tunnel-delete`;
export const PORT_UPDATE_TOPIC = `${NOTIFIER}-port-update`;
export const PORT_DELETE_TOPIC = `${NOTIFIER}-port-delete`;
/** A live migration is switched over: the server sends no `port_update` then (ML2's `Ml2Plugin.activate`). The API's resource is `binding`. */
export const BINDING_ACTIVATE_TOPIC = `${NOTIFIER}-binding-activate`;

/** A fanout queue each. Of `network_update` nothing is wanted: what is programmed depends on ports' facts alone. */
export const NOTIFICATION_TOPICS = [
  L2POPULATION_TOPIC,
  TUNNEL_UPDATE_TOPIC,
  TUNNEL_DELETE_TOPIC,
  PORT_UPDATE_TOPIC,
  PORT_DELETE_TOPIC,
  BINDING_ACTIVATE_TOPIC,
] as const;

/** What the agent's notifications are said to be at most, by oslo.messaging's rules (`OVSNeutronAgent.target`; every release sends 1.0). */
export const NOTIFICATIONS_VERSION = '1.7';

/** The method of our own markers; the server never sends it. */
export const MARKER_METHOD = 'l2pop_agent_marker';
