/** What the server and the agents say to one another while something is measured: counted at the broker, by a listener of our own. */
import { type Channel, type ChannelModel, connect } from 'amqplib';

const L2POPULATION = 'q-agent-notifier-l2population-update';

export interface Traffic {
  /** Calls of all agents to q-plugin; reports of state are another topic. */
  readonly calls: number;
  /** Tables that the server sent to one of the hosts by name. */
  readonly snapshots: number;
  /** What it sent to all. */
  readonly fanouts: number;
}

export class TrafficCounter {
  readonly #model: ChannelModel;
  readonly #counts = { calls: 0, snapshots: 0, fanouts: 0 };
  #isWhole = true;

  private constructor(model: ChannelModel) {
    this.#model = model;
    model.on('error', () => undefined);
    model.on('close', () => {
      this.#isWhole = false;
    });
  }

  /** `hosts`: whose snapshots count. */
  static async start(url: string, hosts: readonly string[]): Promise<TrafficCounter> {
    const model = await connect(url.replace(/^rabbit:/, 'amqp:'));
    const counter = new TrafficCounter(model);
    const channel = await model.createChannel();
    channel.on('error', () => undefined);
    await counter.#count(channel, 'neutron', ['q-plugin'], 'calls');
    await counter.#count(
      channel,
      'neutron',
      hosts.map((host) => `${L2POPULATION}.${host}`),
      'snapshots',
    );
    await counter.#count(channel, `${L2POPULATION}_fanout`, [''], 'fanouts');
    return counter;
  }

  /** `undefined` when the broker was away: something may not have been heard. */
  async stop(): Promise<Traffic | undefined> {
    if (!this.#isWhole) return undefined;
    await this.#model.close().catch(() => undefined);
    return { ...this.#counts };
  }

  async #count(channel: Channel, exchange: string, keys: readonly string[], what: keyof Traffic): Promise<void> {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (const key of keys) await channel.bindQueue(queue, exchange, key);
    const isMarker = (content: Buffer): boolean => what === 'snapshots' && !content.includes('add_fdb_entries');
    await channel.consume(
      queue,
      (message) => {
        if (message !== null && !isMarker(message.content)) this.#counts[what]++;
      },
      { noAck: true },
    );
  }
}
