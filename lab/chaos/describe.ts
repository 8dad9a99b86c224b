/** Steps in words, as they are printed and logged. Pure. */
import type { Action, Step } from './steps.ts';

/** ` 12.34 s  #17  host2: the daemon is killed, back after 1.2 s`. */
export function describeStep({ number, at, action }: Step): string {
  return `${(at / 1000).toFixed(2).padStart(7)} s  #${String(number).padEnd(4)} ${describe(action)}`;
}

export function describe(action: Action): string {
  switch (action.kind) {
    case 'create':
      return `${action.port.name}: created on host${action.port.host}, ${action.port.network}, ${action.port.ipv4}, and plugged`;
    case 'plug':
      return `${action.port}: plugged`;
    case 'unplug':
      return `${action.port}: unplugged`;
    case 'down':
    case 'up':
      return `${action.port}: administratively ${action.kind}`;
    case 'move':
      return `${action.port}: moved to host${action.to}, ${action.order === 'bind-first' ? 'bound there' : 'unplugged here'} first`;
    case 'migrate': {
      const end = action.end === 'completed' ? 'switched over' : 'called off';
      return `${action.port}: migrates live to host${action.to}, ${end} after ${seconds(action.copying)}`;
    }
    case 'readdress':
      return `${action.port}: its addresses are ${action.ipv4} and ${action.ipv6} now`;
    case 'delete':
      return `${action.port}: deleted, the ${action.first === 'vm' ? 'VM' : 'port'} first`;
    case 'agent-stop':
      return `host${action.host}: the daemon is stopped (SIGTERM), ${back(action.away)}`;
    case 'agent-kill':
      return `host${action.host}: the daemon is killed (SIGKILL), ${back(action.away)}`;
    case 'agent-freeze': {
      const cut = action.cut ? ', and the broker closes all connections meanwhile' : '';
      return `host${action.host}: the daemon stands still (SIGSTOP), ${back(action.away)}${cut}`;
    }
    case 'vswitchd-kill':
      return `host${action.host}: ovs-vswitchd is killed, ${back(action.away)}`;
    case 'ovsdb-kill':
      return `host${action.host}: ovsdb-server is killed, ${back(action.away)}`;
    case 'ovs-kill':
      return `host${action.host}: ovs-vswitchd and ovsdb-server are killed, ${back(action.away)}`;
    case 'ovs-restart':
      return `host${action.host}: Open vSwitch is restarted as by ovs-ctl, flows restored after ${seconds(action.away)}`;
    case 'reboot':
      return `host${action.host}: the machine is rebooted, ${back(action.away)}`;
    case 'partition':
      return `host${action.host}: no way to the broker, ${back(action.away)}`;
    case 'flows-wipe':
      return `host${action.host}: ${action.table === undefined ? 'all flows' : `the flows of table ${action.table}`} of ${action.bridge} are deleted by hand`;
    case 'flow-change':
      return `host${action.host}: a flow of ${action.bridge} is ${action.how} by hand (at ${action.pick.toFixed(2)} of the list)`;
    case 'journal-loss': {
      const journal = {
        deleted: 'its journal is deleted',
        overwritten: `its journal is overwritten${action.whole ? '' : ' but for its header'}`,
        newer: 'its journal is of a newer version',
      }[action.journal];
      return `host${action.host}: the daemon is ${action.end === 'stop' ? 'stopped' : 'killed'}, ${back(action.away)}, and ${journal}`;
    }
    case 'tunnel-delete':
      return `host${action.host}: a tunnel port is deleted by hand (at ${action.pick.toFixed(2)} of the list)`;
    case 'foreign-flow':
      return `host${action.host}: somebody else's flow on ${action.bridge}, removed after ${seconds(action.away)}`;
    case 'broker-restart': {
      const how = action.how === 'kill' ? 'killed' : 'stopped';
      return `the broker is ${how}, ${back(action.away)}${action.data === 'empty' ? ', with nothing in memory or on disk' : ''}`;
    }
    case 'broker-freeze':
      return `the broker stands still (SIGSTOP), ${back(action.away)}`;
    case 'server-stop':
      return `the server is stopped, ${back(action.away)}`;
    case 'connections-close':
      return 'the broker closes all connections';
    case 'exchange-delete':
      return "l2population's fanout exchange is deleted";
    case 'queues-delete':
      return `host${action.host}: ${action.all ? 'its fanout queues are' : "l2population's fanout queue is"} deleted at the broker`;
  }
}

function back(away: number): string {
  return `back after ${seconds(away)}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
