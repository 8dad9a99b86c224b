/**
 * Plays one recorded scenario to the agent of one host: the host's part of it is done, and the server's messages are
 * published as they were, in their order. What the server published while it worked on a call of this host's agent is
 * published while the double works on our agent's call, before the reply; everything else at its place in the recording.
 *
 * The reference reports a device twice or three times; what the server made of its repeats is published all the same.
 */
import type { AgentRig } from '../agent/rig.ts';
import { waitFor } from '../agent/rig.ts';
import type { DeviceUpdate } from '../agent/server-double.ts';
import { type HostName, type Message, readMessages } from './recording.ts';
import { PORTS, type Scenario, type Step } from './scenarios.ts';

interface Gate {
  readonly direction: 'up' | 'down';
  readonly ports: readonly string[];
  /** The replay has come to the recorded call. */
  open: boolean;
  /** Our agent's call has been answered. */
  passed: boolean;
  messages: readonly Message[];
}

export class Replay {
  readonly #rig: AgentRig;
  readonly #host: HostName;
  #gates: Gate[] = [];
  #messages: Message[] = [];

  constructor(rig: AgentRig, host: HostName) {
    this.#rig = rig;
    this.#host = host;
    rig.server.onUpdate = (update) => this.#onUpdate(update);
  }

  async play(scenario: Scenario): Promise<void> {
    const steps = scenario.steps[this.#host] ?? [];
    this.#messages = readMessages(scenario.name);
    this.#gates = steps.flatMap((step) => (step.do === 'told' ? [toGate(step)] : []));
    for (const step of steps) await this.#take(step);
    await this.#publishUntil(() => false);
    await this.#rig.settled();
  }

  async #take(step: Step): Promise<void> {
    const { server } = this.#rig;
    switch (step.do) {
      case 'plug':
        await this.#rig.plug(PORTS[step.port]);
        break;
      case 'unplug':
      case 'delete-interface':
        await this.#rig.unplug(PORTS[step.port]);
        break;
      case 'restart':
        await this.#rig.restart();
        break;
      case 'server': {
        const { id } = PORTS[step.port];
        const known = server.ports.get(id) ?? PORTS[step.port];
        if (step.change === undefined) server.ports.delete(id);
        else server.ports.set(id, { ...known, ...step.change });
        break;
      }
      case 'between':
        await this.#migrate();
        break;
      case 'rest':
        await this.#publishUntil(() => false);
        break;
      case 'told':
        await this.#reach(this.#gates.find(({ passed }) => !passed) as Gate);
        break;
    }
  }

  /** Publishes up to the recorded call and waits for ours, which is answered after what was published at the recorded one. */
  async #reach(gate: Gate): Promise<void> {
    const call = await this.#publishUntil((message) => message.from === this.#host && isAbout(message, gate));
    if (call === undefined) throw new Error(`no recorded call reports ${gate.ports.join(' or ')} ${gate.direction}`);
    const end = this.#messages.findIndex(({ inner }) => 'result' in inner && inner._msg_id === call.inner._msg_id);
    gate.messages = this.#messages.splice(0, end + 1).filter(isNotification);
    gate.open = true;
    await waitFor(`our agent to report ${gate.ports.join(' or ')} ${gate.direction}`, () => gate.passed);
  }

  /** Publishes the notifications in front of the first message for which `stop` is true; takes that message out. */
  async #publishUntil(stop: (message: Message) => boolean): Promise<Message | undefined> {
    for (let message = this.#messages.shift(); message !== undefined; message = this.#messages.shift()) {
      if (stop(message)) return message;
      if (isNotification(message)) await this.#publish(message);
    }
    return undefined;
  }

  async #publish({ exchange, routingKey, body, properties }: Message): Promise<void> {
    const { priority, delivery_mode, content_encoding, content_type } = properties;
    await this.#rig.server.publish(exchange, routingKey, body, {
      priority,
      deliveryMode: delivery_mode,
      contentEncoding: content_encoding,
      contentType: content_type,
    });
  }

  /** A call for which the recording has nothing is answered and no more. */
  async #onUpdate(update: DeviceUpdate): Promise<void> {
    const gate = this.#gates.find(
      (one) => !one.passed && one.ports.some((port) => update[one.direction].includes(port)),
    );
    if (gate === undefined) return;
    await waitFor(`the recorded call that reports ${gate.ports.join(' or ')} ${gate.direction}`, () => gate.open);
    for (const message of gate.messages) await this.#publish(message);
    gate.passed = true;
  }

  /** vx1b leaves host1 for host3, in the words that ML2 has for it. */
  async #migrate(): Promise<void> {
    const { mac, ips } = PORTS.vx1b;
    const entries = ips.map((ip) => [mac, ip] as const);
    await this.#rig.server.fdb('remove', PORTS.vx1b, { '172.30.0.11': entries });
    await this.#rig.server.fdb('add', PORTS.vx1b, { '172.30.0.13': ['flood', ...entries] });
  }
}

function toGate({ direction, ports }: Extract<Step, { do: 'told' }>): Gate {
  return { direction, ports: ports.map((port) => PORTS[port].id), open: false, passed: false, messages: [] };
}

function isAbout({ inner: { method, args = {} } }: Message, { direction, ports }: Gate): boolean {
  const devices = args[`devices_${direction}`] ?? [];
  if (method === `update_device_${direction}`) return ports.includes(String(args.device));
  return method === 'update_device_list' && ports.some((port) => (devices as string[]).includes(port));
}

/** What the server says of itself, neither a call nor a reply. */
function isNotification({ from, inner }: Message): boolean {
  return from === 'server' && inner.method !== undefined;
}
