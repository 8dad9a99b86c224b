/**
 * A run that ends cleanly however its process ends: done, failed, Ctrl-C, SIGTERM, SIGHUP, an uncaught error or a reader
 * that has closed our output. Only SIGKILL is left to the next run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RunDirectory } from './run-directory.ts';

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export interface SessionOptions {
  readonly name: string;
  /** Leave everything up after the work is done or has failed; not after a signal. */
  readonly keep: boolean;
}

/** Does the work in a fresh run of that name, then takes the run down. Resolves with the exit status. */
export async function runSession(options: SessionOptions, work: (run: RunDirectory) => Promise<void>): Promise<number> {
  await RunDirectory.open(options.name)?.remove();
  const run = RunDirectory.create(options.name);
  const interruption = Promise.withResolvers<number>();
  const interrupt = (status: number, why: string): void => {
    process.stderr.write(`\n${why}: taking everything down\n`);
    interruption.resolve(status);
  };
  for (const [signal, status] of Object.entries(SIGNALS)) process.on(signal, () => interrupt(status, signal));
  process.on('uncaughtException', (error) => interrupt(1, error.stack ?? error.message));
  // Nobody reads any more, or the terminal is gone: no reason to stay up, and nowhere to say so.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => interruption.resolve(1));

  let isClosing = false;
  const working = work(run).then(
    () => 0,
    (error: unknown) => {
      if (!isClosing) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      return 1;
    },
  );
  const first = await Promise.race([
    working.then((status) => ({ status, interrupted: false })),
    interruption.promise.then((status) => ({ status, interrupted: true })),
  ]);
  if (options.keep && !first.interrupted) {
    run.keep();
    return first.status;
  }
  isClosing = true;
  run.close();
  await run.takeDown();
  // What was under way may have made one thing more before it noticed; what still waits for something waits in vain.
  await Promise.race([working, sleep(1_000)]);
  if (first.status === 0) await run.remove();
  else await run.takeDown();
  return first.status;
}
