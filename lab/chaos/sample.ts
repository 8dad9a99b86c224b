/** Looks at the switches and the processes of a run, as the invariants need it. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Cloud } from '../cloud.ts';
import { commandLine, pidsWithEnvironment } from '../proc.ts';
import { RUN_VARIABLE } from '../processes.ts';
import type { ProcessSample, Resources, TunSample } from './invariants.ts';
import type { HostNumber } from './steps.ts';

/** `undefined`: ovs-vswitchd does not answer. */
export async function sampleTun(cloud: Cloud, host: HostNumber): Promise<TunSample | undefined> {
  try {
    const before = await livePorts(cloud, host);
    const flows = await cloud.host(host).ofctl('--no-names', '--no-stats', 'dump-flows', 'br-tun');
    const at = Date.now();
    const after = await livePorts(cloud, host);
    return { host, at, ports: new Map([...before, ...after]), flows: flows.split('\n') };
  } catch {
    return undefined;
  }
}

/** ` 2(vxlan-ac1e000c): addr:…` */
async function livePorts(cloud: Cloud, host: HostNumber): Promise<Map<number, string>> {
  const text = await cloud.host(host).ofctl('dump-ports-desc', 'br-tun');
  return new Map([...text.matchAll(/^ (\d+)\((.+?)\): /gm)].map(([, ofport, name = '']) => [Number(ofport), name]));
}

/** The daemons, their monitors and commands, living ones. */
export function sampleProcesses(cloud: Cloud): ProcessSample[] {
  const all = pidsWithEnvironment(RUN_VARIABLE, cloud.run.path).flatMap((pid): ProcessSample[] => {
    const line = commandLine(pid);
    const kind = kindOf(line);
    const index = cloud.hosts.findIndex(({ path }) => environment(pid).includes(`OVS_RUNDIR=${path}`));
    return kind === undefined || index < 0 ? [] : [{ pid, parent: parentOf(pid), host: index + 1, kind }];
  });
  return all;
}

function kindOf(commandLine: string): ProcessSample['kind'] | undefined {
  if (/src\/main\.ts/.test(commandLine)) return 'daemon';
  if (/^ovs-ofctl .*\bmonitor\b/.test(commandLine)) return 'monitor';
  return /^ovs-\w*ctl /.test(commandLine) ? 'command' : undefined;
}

/** `undefined`: it has ended. */
export function sampleResources(pid: number): Resources | undefined {
  try {
    const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { descriptors: readdirSync(`/proc/${pid}/fd`).length, resident: Math.round(Number(resident) / 1024) };
  } catch {
    return undefined;
  }
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
}

function environment(pid: number): string[] {
  return read(`/proc/${pid}/environ`).split('\0');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
