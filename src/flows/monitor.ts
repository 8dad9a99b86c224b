/**
 * One `ovs-ofctl monitor` for a bridge, started again whenever it ends. It ends at once when ovs-vswitchd dies or the
 * bridge goes (OVS.md), which OVSDB does not tell.
 *
 * `watch:!initial`: what is there is the business of dumps. Of 100,000 flows in five bundles ovs-ofctl takes 0.4 s of CPU
 * and ovs-vswitchd 0.15 s more than without (OVS 3.1.0); without actions it would be half of it. When the switch has too
 * much to tell it tells of a flow once what it is like afterwards, so that only its actions show that our own was altered;
 * a flow that is gone is always told.
 *
 * Older switches have flow monitors in OpenFlow 1.0 alone (NEWS up to 2.17 has no word of others), which spells actions
 * otherwise than our dumps: there they are not asked for.
 */
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { Backoff } from '../backoff.ts';
import { type FlowEvent, parseFlowEvent } from './monitor-events.ts';

/** A program that runs; a test hands in its own. */
export interface Running {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** When it has ended and its output is read. Never rejects. @returns why it could not be started, if so. */
  readonly ended: Promise<string | undefined>;
  kill(): void;
}

export type Spawn = (file: string, args: readonly string[]) => Running;

export const spawnWithExeca: Spawn = (file, args) => {
  const child = execa(file, args, { stdin: 'ignore', buffer: false, reject: false });
  const ended = child.then((result) =>
    result.exitCode === undefined && !result.isTerminated ? result.shortMessage : undefined,
  );
  return { stdout: child.stdout, stderr: child.stderr, ended, kill: () => child.kill() };
};

export interface FlowMonitorParts {
  readonly bridge: string;
  /** Where `<bridge>.mgmt` is. */
  readonly runDir: string;
  readonly spawn: Spawn;
  /** In the order in which they happened. */
  onEvents(events: readonly FlowEvent[]): void;
  /** From now on every change is told. */
  onUp(): void;
  /** No longer, or it did not come up. `reason`: the program's words, or why it cannot be run. */
  onDown(reason: string): void;
}

/** Milliseconds between attempts: the switch that is back is to be seen within a second. */
const FIRST_RETRY = 50;
const MAX_RETRY = 500;
/** One that was up for so long is no part of a row of failures. */
const STEADY = 5_000;

const NEW = { version: 'OpenFlow14', watch: 'watch:!initial', withActions: true };
const OLD = { version: 'OpenFlow10', watch: 'watch:!initial,!actions', withActions: false };

export class FlowMonitor {
  readonly #parts: FlowMonitorParts;
  readonly #backoff = new Backoff(FIRST_RETRY, MAX_RETRY);
  #running: Running | undefined;
  #form = NEW;
  #isStopped = false;
  /** Resolved when a pause is to end now. */
  #nudge = Promise.withResolvers<void>();
  #done: Promise<void> = Promise.resolve();

  constructor(parts: FlowMonitorParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#nudge.resolve();
    this.#running?.kill();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const upFor = await this.#once();
      if (upFor > STEADY) this.#backoff.reset();
      const timer = setTimeout(this.#nudge.resolve, this.#backoff.next());
      await this.#nudge.promise;
      clearTimeout(timer);
      if (!this.#isStopped) this.#nudge = Promise.withResolvers();
    }
  }

  /** From the start of a process to its end. @returns for how many milliseconds it was up. */
  async #once(): Promise<number> {
    const { bridge, runDir, spawn, onUp, onDown } = this.#parts;
    const { version, watch, withActions } = this.#form;
    const running = spawn('setpriv', [
      // When the daemon is killed nobody else ends it: ovs-ofctl goes on when nobody reads what it writes.
      ...['--pdeathsig', 'KILL', 'ovs-ofctl', '-O', version, '--unixctl=none', '--no-names'],
      ...['monitor', `unix:${runDir}/${bridge}.mgmt`, watch],
    ]);
    this.#running = running;
    let upSince: number | undefined;
    let lastWords = '';
    // The reply to the request; events go to stderr, whatever they are.
    running.stdout.once('data', () => {
      upSince = performance.now();
      onUp();
    });
    this.#read(running.stderr, withActions, (words) => {
      lastWords = words;
    });
    const failure = await running.ended;
    this.#running = undefined;
    if (!this.#isStopped) onDown(failure ?? (lastWords || 'it was ended'));
    if (upSince !== undefined) return performance.now() - upSince;
    // It reached a switch, which would not have it so.
    if (lastWords !== '' && !lastWords.includes(': connecting to ')) this.#form = this.#form === NEW ? OLD : NEW;
    return 0;
  }

  #read(stream: Readable, withActions: boolean, onWords: (line: string) => void): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      const events: FlowEvent[] = [];
      for (const line of lines) {
        const event = parseFlowEvent(line, withActions);
        if (event !== undefined) events.push(event);
        else if (line.startsWith('ovs-ofctl: ')) onWords(line);
      }
      if (events.length > 0) this.#parts.onEvents(events);
    });
  }
}
