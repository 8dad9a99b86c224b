import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../../lab/neutron/arguments.ts';

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '');

describe('./dev neutron', () => {
  it.each([
    { line: 'up', command: { do: 'up', hosts: 2, agents: { 1: 'ours', 2: 'ours' } } },
    {
      line: 'up --hosts 3 --agent host2=reference',
      command: { do: 'up', hosts: 3, agents: { 1: 'ours', 2: 'reference', 3: 'ours' } },
    },
    {
      line: 'up --agent host1=reference,host2=reference --agent host1=ours',
      command: { do: 'up', hosts: 2, agents: { 1: 'ours', 2: 'reference' } },
    },
    { line: 'agent stop host2', command: { do: 'agent', action: 'stop', host: 2, kind: undefined } },
    { line: 'agent restart host1 ours', command: { do: 'agent', action: 'restart', host: 1, kind: 'ours' } },
    { line: 'status', command: { do: 'status' } },
    { line: 'down', command: { do: 'down' } },
    { line: 'shell host1 vm:a ping -c 1 x', command: { do: 'shell', args: words('host1 vm:a ping -c 1 x') } },
  ])('$line', ({ line, command }) => {
    expect(parseArguments(words(line))).toEqual(command);
  });

  it.each([
    { line: '', says: 'needs a command; it has: up, agent, status, shell, down' },
    { line: 'start', says: 'does not know "start"' },
    { line: 'up --hosts', says: '--hosts needs a number from 1 to 9, not ""' },
    { line: 'up --hosts 0', says: 'not "0"' },
    { line: 'up --hosts 12', says: 'not "12"' },
    { line: 'up --agent host1', says: 'not "host1"' },
    { line: 'up --agent', says: '--agent needs HOST=ours or HOST=reference' },
    { line: 'up --agent host3=ours', says: '--agent host3: there will be 2 host(s)' },
    { line: 'up --agent host1=theirs', says: '"theirs" is no agent; it is ours or reference' },
    { line: 'up 3', says: 'does not know "3"' },
    { line: 'agent', says: 'takes start|stop|kill|restart HOST' },
    { line: 'agent stop', says: 'takes start|stop|kill|restart HOST' },
    { line: 'agent pause host1', says: 'takes start|stop|kill|restart HOST' },
    { line: 'agent stop host1 ours', says: 'takes a host and nothing else' },
    { line: 'agent start compute1', says: '"compute1" is no host' },
    { line: 'agent start host1 ours now', says: 'takes start|stop|kill|restart HOST' },
    { line: 'status host1', says: 'status takes no arguments' },
    { line: 'down all', says: 'down takes no arguments' },
    { line: 'shell', says: 'needs a host' },
  ])('refuses "$line" in one line', ({ line, says }) => {
    const parse = () => parseArguments(words(line));
    expect(parse).toThrow(says);
    expect(parse).toThrow(/^[^\n]+$/);
  });
});
