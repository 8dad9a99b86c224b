/** What /proc(5) tells about a process: enough to know that a pid still means the process that was started. */
import { readdirSync, readFileSync } from 'node:fs';

/** A pid is used again one day; a pid with its start time is not, until the machine boots again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly startTime: number;
  readonly boot: string;
}

/** The identity of a running process; `undefined` when there is none with this pid (a zombie is none). */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readProc(`${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command name in field 2 can hold anything, brackets and blanks included.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // The first thread has ended; while others have not, the process still holds its files and their locks.
  const hasThreads = Number(fields[17]) > 1;
  if (fields[0] === 'X' || (fields[0] === 'Z' && !hasThreads)) return undefined;
  return { pid, startTime: Number(fields[19]), boot: readProc('sys/kernel/random/boot_id')?.trim() ?? '' };
}

export function isRunning(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.startTime === identity.startTime && now.boot === identity.boot;
}

/** The command line with blanks between the arguments; empty when there is no such process. */
export function commandLine(pid: number): string {
  return (readProc(`${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trimEnd();
}

/** The processes that were started with this variable in their environment, or by one that was. */
export function pidsWithEnvironment(name: string, value: string): number[] {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids.filter((pid) => readProc(`${pid}/environ`)?.split('\0').includes(`${name}=${value}`)).map(Number);
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(`/proc/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
