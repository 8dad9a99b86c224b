/** What happens to a broker: with its connections, its queues, its memory, or all of it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, connect } from 'amqplib';
import { L2POPULATION_TOPIC, NOTIFICATION_TOPICS } from '../../src/neutron/topics.ts';
import { ownQueues } from '../../src/rpc/own-queues.ts';
import type { Cloud } from '../cloud.ts';
import { labRpcConfig, STREAM_FANOUT } from '../server/rpc-config.ts';

export async function restartBroker(
  { broker, run }: Cloud,
  { how, data, away }: { how: 'stop' | 'kill'; data: 'kept' | 'empty'; away: number },
): Promise<void> {
  await broker[how]();
  if (data === 'empty') rmSync(join(run.path, 'rabbit', 'data'), { recursive: true, force: true });
  await sleep(away);
  await broker.start();
}

export async function freezeBroker({ broker }: Cloud, away: number): Promise<void> {
  broker.freeze();
  await sleep(away);
  broker.thaw();
}

export async function closeConnections({ broker }: Cloud): Promise<void> {
  await broker.ctl('close_all_connections', 'chaos');
}

export async function deleteExchange(cloud: Cloud): Promise<void> {
  await onChannel(cloud, async (channel) => {
    await channel.deleteExchange(`${L2POPULATION_TOPIC}_fanout`);
  });
}

/** As when nobody has used them for `x-expires`. A stream is everybody's, and goes for all. */
export async function deleteQueues(cloud: Cloud, host: string, all: boolean, streams: boolean): Promise<void> {
  const config = labRpcConfig(cloud.transportUrlFromOutside);
  if ('complaint' in config) throw new Error(config.complaint);
  const topics = all ? NOTIFICATION_TOPICS : [L2POPULATION_TOPIC];
  const mode = streams ? STREAM_FANOUT : {};
  const { queues, shared } = ownQueues({ ...config, ...mode }, { host, topics, byName: [] });
  await onChannel(cloud, async (channel) => {
    for (const name of [...queues.map(({ name }) => name), ...shared]) await channel.deleteQueue(name);
  });
}

/** Ready messages and consumers by queue. */
export async function listQueues({ broker }: Cloud): Promise<{ name: string; messages: number; consumers: number }[]> {
  const text = await broker.ctl('list_queues', '--no-table-headers', 'name', 'messages', 'consumers');
  return text
    .split('\n')
    .map((line) => line.split('\t'))
    .filter((cells) => cells.length === 3)
    .map(([name = '', messages, consumers]) => ({ name, messages: Number(messages), consumers: Number(consumers) }));
}

async function onChannel(cloud: Cloud, work: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = await connect(cloud.transportUrlFromOutside.replace('rabbit:', 'amqp:'));
  // A connection that breaks says so twice: here, and to whoever waits for an answer.
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    await work(channel);
  } finally {
    await connection.close().catch(() => undefined);
  }
}
