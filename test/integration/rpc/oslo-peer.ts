/** The reference's own oslo.messaging (Debian's package) in a process beside us, told what to do line by line. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { RpcConfig } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';

const PROGRAM = resolve(import.meta.dirname, '../../fixtures/oslo/peer.py');

export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

export class OsloPeer {
  /** What happened on its side by itself, oldest first. */
  readonly events: Event[] = [];
  #log = '';
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #replies: PromiseWithResolvers<unknown>[] = [];
  readonly #ready = Promise.withResolvers<void>();

  private constructor(configFile: string) {
    this.#child = spawn('/usr/bin/python3', ['-I', PROGRAM, configFile], { stdio: 'pipe' });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#onLine(line));
    this.#child.once('exit', (status) => {
      const error = new Error(`the peer ended with ${status}:\n${this.#log.slice(-2000)}`);
      this.#ready.reject(error);
      for (const reply of this.#replies.splice(0)) reply.reject(error);
    });
  }

  /** Rejects with what Python said when it does not start, the package missing for instance. */
  static async start(configFile: string): Promise<OsloPeer> {
    const peer = new OsloPeer(configFile);
    await peer.#ready.promise;
    return peer;
  }

  /** The command's result; rejects with the exception that it raised there. */
  async do(command: 'serve' | 'listen' | 'fanout' | 'cast' | 'call', ...args: unknown[]): Promise<unknown> {
    const reply = Promise.withResolvers<unknown>();
    this.#replies.push(reply);
    this.#child.stdin.write(`${JSON.stringify([command, ...args])}\n`);
    return await reply.promise;
  }

  heard(topic: string): Event[] {
    return this.events.filter((event) => event.event === 'heard' && event.topic === topic);
  }

  get log(): string {
    return this.#log;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(timer);
  }

  #onLine(line: string): void {
    const message = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (message.event === 'ready') this.#ready.resolve();
    else if (typeof message.event === 'string') this.events.push(message as Event);
    else {
      const reply = this.#replies.shift();
      if (message.error === undefined) reply?.resolve(message.result);
      else reply?.reject(new Error(String(message.error)));
    }
  }
}

/** One file for both sides: an operator's, with the brokers and these lines of `[oslo_messaging_rabbit]`. */
export function writeConfig(dir: string, transportUrl: string, rabbit: Readonly<Record<string, string>>): string {
  const path = join(dir, 'neutron.conf');
  const lines = Object.entries(rabbit).map(([name, value]) => `${name} = ${value}`);
  const text = [
    ...['[DEFAULT]', 'host = host1', `transport_url = ${transportUrl}`, ''],
    ...['[oslo_messaging_rabbit]', 'rabbit_retry_interval = 1', 'rabbit_interval_max = 1', ...lines, ''],
    ...['[ovs]', 'local_ip = 172.30.0.11', '', '[agent]', 'tunnel_types = vxlan', 'l2_population = true', ''],
  ];
  writeFileSync(path, text.join('\n'));
  return path;
}

/** What the daemon makes of that file. */
export function rpcConfigOf(path: string): RpcConfig {
  const loaded = loadConfig(
    { files: [path], dirs: [] },
    {
      hostname: 'machine',
      env: {},
      readFile: (file) => readFileSync(file, 'utf8'),
      listDirectory: () => [],
      addresses: undefined,
    },
  );
  if ('errors' in loaded) throw new Error(loaded.errors.map(({ message }) => message).join('\n'));
  return loaded.config.rpc;
}
