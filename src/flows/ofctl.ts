/** The switch driver: `ovs-ofctl`, one process a dump or bundle, flows on standard input. The only I/O of this folder. */
import { execa } from 'execa';
import { type DumpedFlow, parseDump } from './flow.ts';

/** Above about this many lines one bundle stalls the switch (OVS.md, "Throughput"). */
const MAX_BUNDLE_LINES = 20_000;

/** So many bad lines are looked for one by one. More are no mistakes in lines: a table is full, or the switch lacks something. */
const MOST_SINGLED_OUT = 32;

/**
 * `unreachable`: the switch or the bridge is not there, try again later. `timeout`: no answer in time.
 * `rejected`: the switch or ovs-ofctl refuses the text, trying again will not help.
 */
export type OfctlErrorCode = 'unreachable' | 'timeout' | 'rejected';

export class OfctlError extends Error {
  override readonly name = 'OfctlError';
  readonly code: OfctlErrorCode;

  constructor(code: OfctlErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Lines that the switch refuses, with its words. */
export interface RefusedLine {
  readonly line: string;
  readonly reason: string;
}

export interface RunResult {
  /** `undefined`: ended by a signal. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Runs a program to its end; a test hands in its own. Rejects only if the program cannot be started. */
export type Run = (
  file: string,
  args: readonly string[],
  options: { input: string; timeout: number },
) => Promise<RunResult>;

export const runWithExeca: Run = async (file, args, { input, timeout }) => {
  const result = await execa(file, args, { input, timeout, reject: false, maxBuffer: 1 << 30 });
  if (result.exitCode === undefined && !result.timedOut && !result.isTerminated) throw result;
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr, timedOut: result.timedOut };
};

export class Ofctl {
  readonly #runDir: string;
  readonly #timeout: number;
  readonly #run: Run;

  /** `runDir`: where `<bridge>.mgmt` is. `timeout`: milliseconds one process may take. */
  constructor(options: { runDir: string; timeout: number; run: Run }) {
    this.#runDir = options.runDir;
    this.#timeout = options.timeout;
    this.#run = options.run;
  }

  /** All flows of a bridge. @throws OfctlError */
  async dump(bridge: string, options: { stats: boolean }): Promise<DumpedFlow[]> {
    const stats = options.stats ? [] : ['--no-stats'];
    return parseDump(await this.#ofctl(['--no-names', ...stats, 'dump-flows', this.#target(bridge)], ''));
  }

  /**
   * Applies lines (`add …`, `delete_strict …`, `delete …`) in their order as one atomic bundle; very many lines as a
   * few bundles. A line that the switch refuses is found by halving and left out, the others go through. Where very many
   * are refused, lines that add are left out together, good ones among them: to be tried again. Deletes make room, and are
   * tried by themselves.
   * @returns the refused lines. @throws OfctlError when the switch is unreachable or does not answer in time.
   */
  async bundle(bridge: string, lines: readonly string[]): Promise<RefusedLine[]> {
    const refused: RefusedLine[] = [];
    for (let start = 0; start < lines.length; start += MAX_BUNDLE_LINES) {
      await this.#applyOrHalve(bridge, lines.slice(start, start + MAX_BUNDLE_LINES), refused);
    }
    return refused;
  }

  /** Adds to `refused`. */
  async #applyOrHalve(bridge: string, lines: readonly string[], refused: RefusedLine[]): Promise<void> {
    try {
      await this.#ofctl(['--bundle', 'add-flows', this.#target(bridge), '-'], `${lines.join('\n')}\n`);
    } catch (error) {
      if (!(error instanceof OfctlError) || error.code !== 'rejected') throw error;
      const { message: reason } = error;
      const isSpent = refused.length >= MOST_SINGLED_OUT;
      const hasAdds = lines.some(isAdd);
      const isGivenUp = (line: string) => lines.length === 1 || (isSpent && isAdd(line) === hasAdds);
      const rest = lines.filter((line) => !isGivenUp(line));
      refused.push(...lines.filter(isGivenUp).map((line) => ({ line, reason })));
      const middle = rest.length === lines.length ? Math.ceil(rest.length / 2) : rest.length;
      for (const part of [rest.slice(0, middle), rest.slice(middle)]) {
        if (part.length > 0) await this.#applyOrHalve(bridge, part, refused);
      }
    }
  }

  #target(bridge: string): string {
    return `unix:${this.#runDir}/${bridge}.mgmt`;
  }

  async #ofctl(args: readonly string[], input: string): Promise<string> {
    const argv = ['-O', 'OpenFlow14', ...args];
    let result: RunResult;
    try {
      result = await this.#run('ovs-ofctl', argv, { input, timeout: this.#timeout });
    } catch (cause) {
      throw new OfctlError('unreachable', 'ovs-ofctl cannot be run; is openvswitch-switch installed?', { cause });
    }
    if (result.exitCode === 0) return result.stdout;
    if (result.timedOut)
      throw new OfctlError('timeout', `ovs-ofctl ${args.join(' ')}: no answer in ${this.#timeout} ms`);
    // Ended by a signal: by whoever stops the service, or for lack of memory. It says nothing of the flows.
    if (result.exitCode === undefined) {
      throw new OfctlError('unreachable', `ovs-ofctl ${args.join(' ')}: ended by a signal`);
    }
    throw new OfctlError(classify(result.stderr), `ovs-ofctl ${args.join(' ')}: ${result.stderr.trim()}`);
  }
}

const isAdd = (line: string) => line.startsWith('add ');

/** Only what the switch or the parser says of our text is a refusal; anything else may be better the next time. */
function classify(stderr: string): OfctlErrorCode {
  return /^ovs-ofctl: -:\d+: |\bOFP[A-Z]+_/m.test(stderr) ? 'rejected' : 'unreachable';
}
