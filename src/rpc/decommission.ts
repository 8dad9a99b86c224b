/** Takes a host's queues away from the broker: one connection, looks first, deletes only what nobody consumes. */
import { pino } from 'pino';
import type { RpcConfig } from '../config/config.ts';
import { type Found, findQueue, replyCode } from './declare.ts';
import type { OwnQueue, OwnQueues } from './own-queues.ts';
import { brokerName, Session } from './session.ts';

/**
 * `unreachable`: no broker of `transport_url` answers, or none any more. `in-use`: a queue has a consumer, nothing was
 * deleted. `refused`: the broker does not let us. Trying again is safe after each.
 */
export class DecommissionError extends Error {
  override readonly name = 'DecommissionError';
  readonly code: 'unreachable' | 'in-use' | 'refused';

  constructor(code: DecommissionError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface FoundQueue extends OwnQueue, Found {}

export class Decommission {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  /** Tries the brokers in turn. `name`: what the broker's operator sees. */
  static async connect(config: RpcConfig, name: string): Promise<Decommission> {
    const { signal } = new AbortController();
    const reasons: string[] = [];
    for (const broker of config.brokers) {
      try {
        return new Decommission(await Session.open(config, broker, name, signal, pino({ level: 'silent' })));
      } catch (error) {
        reasons.push(`${brokerName(broker)}: ${reasonOf(error)}`);
      }
    }
    throw new DecommissionError('unreachable', `no broker answers: ${reasons.join('; ')}`);
  }

  /** `host:port`. */
  get broker(): string {
    return this.#session.broker;
  }

  async look(queues: readonly OwnQueue[]): Promise<FoundQueue[]> {
    const found: FoundQueue[] = [];
    for (const queue of queues) {
      found.push({ ...queue, ...(await this.#told(queue, () => findQueue(this.#session, queue.name))) });
    }
    return found;
  }

  /**
   * Deletes them with what is in them. Looks once more at all of them before the first: rejects with `in-use` when an
   * agent has come back meanwhile. The flag `if-unused` would be safer still, but quorum queues know none.
   */
  async delete({ queues, witnesses }: Pick<OwnQueues, 'queues' | 'witnesses'>): Promise<FoundQueue[]> {
    const found = await this.look(queues);
    refuseConsumed(found);
    for (const queue of found) {
      if (queue.presence !== 'present') continue;
      await this.#told(queue, () => this.#session.withChannel((channel) => channel.deleteQueue(queue.name)));
    }
    // Of one that is not there RabbitMQ says that it is deleted.
    for (const name of witnesses) {
      await this.#told({ name }, () => this.#session.withChannel((channel) => channel.deleteExchange(name)));
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #told<T>({ name }: Pick<OwnQueue, 'name'>, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const code = replyCode(error) === undefined ? 'unreachable' : 'refused';
      throw new DecommissionError(code, `${name} at ${this.broker}: ${reasonOf(error)}`);
    }
  }
}

/** @throws DecommissionError: somebody listens. */
export function refuseConsumed(found: readonly FoundQueue[]): void {
  const used = found.filter(({ consumers }) => consumers > 0).map(({ name }) => name);
  if (used.length === 0) return;
  throw new DecommissionError(
    'in-use',
    `nothing deleted: an agent of this host listens to ${used[0]}${used.length > 1 ? ` and ${used.length - 1} more` : ''}: stop it first, l2pop-agent or neutron-openvswitch-agent`,
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
