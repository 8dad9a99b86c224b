/** The other end of worker.ts, for workers that Node runs. */
import { createInterface } from 'node:readline';

/** What an operation cost this process. */
export interface Spent {
  /** Milliseconds, user and system, all threads. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Answers each line of stdin, one at a time; returns when there are no more. */
export async function serve(answer: (request: unknown) => Promise<object>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  }
}

export async function measure(work: () => Promise<unknown>): Promise<Spent> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1000, wallMs };
}
