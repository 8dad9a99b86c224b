/** One command of the machine, run to its end: stdout as text, or an error that says what was run and what it said. */
import { execa } from 'execa';

export interface RunOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Text for stdin; without it stdin is empty. */
  readonly input?: string;
  /** Milliseconds until the command is ended; 30 s by default. */
  readonly timeout?: number;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that could not be started (ENOENT), ended with a status other than 0 (FAILED) or ran out of time (TIMEOUT). */
export class CommandError extends Error {
  readonly code: 'ENOENT' | 'FAILED' | 'TIMEOUT';
  readonly command: string;
  readonly exitCode: number | undefined;
  readonly stderr: string;

  constructor(
    code: CommandError['code'],
    facts: { command: string; exitCode?: number | undefined; stderr: string; cause?: unknown },
  ) {
    const why = { ENOENT: 'not found', FAILED: `exit status ${facts.exitCode}`, TIMEOUT: 'took too long' }[code];
    super(`${facts.command}: ${why}${facts.stderr === '' ? '' : `: ${facts.stderr}`}`, { cause: facts.cause });
    this.name = 'CommandError';
    this.code = code;
    this.command = facts.command;
    this.exitCode = facts.exitCode;
    this.stderr = facts.stderr;
  }
}

/** Runs a command and returns its stdout without the last newline. Throws {@link CommandError} unless it ends with status 0. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await tryRun(argv, options);
  if (result.exitCode === 0) return result.stdout;
  throw new CommandError('FAILED', { command: argv.join(' '), exitCode: result.exitCode, stderr: result.stderr });
}

/** As {@link run} for commands whose exit status is an answer (`ping`): throws only when there is none. */
export async function tryRun(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [file = '', ...args] = argv;
  const result = await execa(file, args, {
    reject: false,
    timeout: options.timeout ?? 30_000,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const { stdout = '', stderr = '' } = result;
  const facts = { command: argv.join(' '), stderr, cause: result.cause };
  if (result.timedOut) throw new CommandError('TIMEOUT', facts);
  if (result.exitCode !== undefined) return { exitCode: result.exitCode, stdout, stderr };
  if (result.code === 'ENOENT') throw new CommandError('ENOENT', facts);
  throw new CommandError('FAILED', { ...facts, stderr: stderr || (result.shortMessage ?? '') });
}
