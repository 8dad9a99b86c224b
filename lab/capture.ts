/** What the tunnels carry between the hosts while something is done, as tcpdump(8) prints it. */
import { execa } from 'execa';
import type { Host } from './host.ts';
import type { Underlay } from './underlay.ts';
import { waitFor } from './wait.ts';

const TUNNELS = 'udp port 4789 or udp port 6081 or proto gre';
/** Bytes of the ping that marks the end: nothing else on the underlay is a ping between VTEPs of this size. */
const MARK_SIZE = 1013;

/** The tunnel packets on the underlay during `action`, each as its lines of text, outer and inner headers. */
export async function captureTunnels(
  underlay: Underlay,
  hosts: readonly Host[],
  action: () => Promise<void>,
): Promise<string[]> {
  const [from, to] = hosts;
  if (from === undefined || to === undefined) throw new Error('a capture needs two hosts');
  const mark = `icmp and src host ${from.vtep.ipv4} and dst host ${to.vtep.ipv4}`;
  const argv = ['tcpdump', '-i', 'underlay', '-n', '-l', '-v', '--immediate-mode', `${TUNNELS} or (${mark})`];
  const tcpdump = execa('ip', underlay.namespace.command(argv).slice(1), { reject: false, stdin: 'ignore' });
  let output = '';
  let messages = '';
  tcpdump.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  tcpdump.stderr.on('data', (chunk) => {
    messages += String(chunk);
  });
  try {
    await waitFor('tcpdump to listen', () => messages.includes('listening on'));
    await action();
    // Packets come in order: when the mark is there, all before it are.
    await from.tryExec(['ping', '-q', '-c', '1', '-s', `${MARK_SIZE}`, to.vtep.ipv4]);
    await waitFor(
      'tcpdump to catch up',
      () => output.includes(`ICMP echo request`) && output.includes(`length ${MARK_SIZE + 8}\n`),
    );
  } finally {
    tcpdump.kill('SIGINT');
    await tcpdump;
  }
  return packets(output).filter((packet) => !packet.includes(`length ${MARK_SIZE + 8}\n`));
}

/** tcpdump begins a packet with a time and goes on with lines that have none. */
function packets(output: string): string[] {
  return output.split(/^(?=\d\d:\d\d:\d\d\.\d+ )/m).filter((packet) => packet !== '');
}
