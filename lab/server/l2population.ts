/** Reads the facts that an l2population rule needs, applies it, sends what it says. Does nothing when it is off. */
import type { Port } from './facts.ts';
import { activeBinding } from './facts.ts';
import { fdbNotification } from './notifications.ts';
import type { Publisher } from './publisher.ts';
import type { FdbMessage, PortFacts } from './rules.ts';
import { fixedIpsChanged, portGone, portUp } from './rules.ts';
import type { Store } from './store.ts';

export class L2Population {
  readonly #enabled: boolean;
  readonly #l3Plugin: boolean;
  readonly #store: Store;
  readonly #publisher: Publisher;

  constructor(options: { enabled: boolean; l3Plugin: boolean; store: Store; publisher: Publisher }) {
    this.#enabled = options.enabled;
    this.#l3Plugin = options.l3Plugin;
    this.#store = options.store;
    this.#publisher = options.publisher;
  }

  /** A port is wired on the host of its ACTIVE binding. */
  async portUp(port: Port, refreshTunnels: boolean): Promise<void> {
    const host = activeBinding(port)?.host;
    if (!this.#enabled || host === undefined) return;
    const agent = this.#store.agents.hostFacts(host);
    await this.#send(portUp(factsOf(port), agent, this.#store.ports.activeOn(port.networkId), refreshTunnels));
  }

  /** A port is gone from the host of its ACTIVE binding. @param port as it was when it was there. */
  async portGone(port: Port): Promise<void> {
    const host = activeBinding(port)?.host;
    if (!this.#enabled || host === undefined) return;
    const agent = this.#store.agents.hostFacts(host);
    await this.#send(portGone(factsOf(port), agent, this.#store.ports.activeOn(port.networkId)));
  }

  /**
   * An agent has reported the port down: the others are told that it is not there, whether or not it is bound there. Only
   * with the L3 plugin, as in `mech_driver.py`, `update_port_down`.
   */
  async unwired(port: Port, host: string): Promise<void> {
    if (!this.#enabled || !this.#l3Plugin) return;
    const agent = this.#store.agents.hostFacts(host);
    await this.#send(portGone(factsOf(port), agent, this.#store.ports.activeOn(port.networkId)));
  }

  async fixedIpsChanged(before: Port, after: Port): Promise<void> {
    const host = activeBinding(before)?.host;
    if (!this.#enabled || host === undefined) return;
    const agent = this.#store.agents.hostFacts(host);
    await this.#send(
      fixedIpsChanged(
        factsOf(after),
        before.fixedIps.map((fixed) => fixed.ip),
        agent,
      ),
    );
  }

  #send(messages: readonly FdbMessage[]): Promise<void> {
    return this.#publisher.publish(messages.map(fdbNotification));
  }
}

function factsOf(port: Port): PortFacts {
  return {
    networkId: port.networkId,
    mac: port.mac,
    ips: port.fixedIps.map((fixed) => fixed.ip),
    segment: activeBinding(port)?.segment,
  };
}
