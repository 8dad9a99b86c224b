/** `node lab/server/main.ts`: the lab server as a process of its own. Ready when the admin socket answers; SIGTERM stops it. */
import { Command, InvalidArgumentError } from 'commander';
import { destination, pino } from 'pino';
import type { RpcConfig } from '../../src/config/config.ts';
import { labRpcConfig, STREAM_FANOUT } from './rpc-config.ts';
import { LabServer } from './server.ts';

interface Options {
  readonly transportUrl: RpcConfig;
  readonly database: string;
  readonly adminSocket: string;
  readonly l2population: boolean;
  readonly l3Plugin: boolean;
  readonly streamFanout: boolean;
  readonly agentDownTime: number;
  readonly log?: string;
}

const command = new Command('lab-server')
  .description('Stands in for neutron-server: answers the agents and sends notifications by the rules of ML2.')
  .requiredOption('--transport-url <url>', 'rabbit://USER:PASSWORD@HOST:PORT/VHOST', transportUrl)
  .requiredOption('--database <file>', 'SQLite file, made if it is not there; several servers may share it')
  .requiredOption('--admin-socket <path>', 'unix socket for requests (HTTP, JSON)')
  .option('--l2population <true|false>', 'send FDB entries', trueOrFalse, true)
  .option('--l3-plugin <true|false>', 'as a server that has the L3 plugin too', trueOrFalse, false)
  .option('--stream-fanout <true|false>', 'as with rabbit_stream_fanout', trueOrFalse, false)
  .option('--agent-down-time <seconds>', 'without a report for so long an agent is down', seconds, 75)
  .option('--log <file>', 'append the log to this file instead of standard error');

await run(command.parse().opts<Options>());

async function run(options: Options): Promise<void> {
  const log = pino({ name: 'lab-server' }, destination({ dest: options.log ?? 2, sync: true }));
  const stop = new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const starting = LabServer.start({
    rpc: { ...options.transportUrl, ...(options.streamFanout ? STREAM_FANOUT : {}) },
    database: options.database,
    adminSocket: options.adminSocket,
    l2population: options.l2population,
    l3Plugin: options.l3Plugin,
    agentDownTime: options.agentDownTime * 1000,
    log,
  });
  const first = await Promise.race([starting, stop]).catch((error: unknown) => {
    log.fatal({ err: error }, 'could not start');
    return 'failed';
  });
  if (typeof first === 'string') {
    // Nothing is running yet that would have to be stopped in order.
    process.exit(first === 'failed' ? 1 : 0);
  }
  const signal = await stop;
  log.info({ signal }, 'stopping');
  await first.close();
}

function transportUrl(text: string): RpcConfig {
  const config = labRpcConfig(text);
  if ('complaint' in config) throw new InvalidArgumentError(config.complaint);
  return config;
}

function trueOrFalse(text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new InvalidArgumentError('must be true or false');
}

function seconds(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('must be a whole number of seconds, at least 1');
  return Number(text);
}
