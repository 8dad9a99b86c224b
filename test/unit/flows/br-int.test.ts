import { describe, expect, test } from 'vitest';
import { deadVifFlow, structuralFlows } from '../../../src/flows/br-int.ts';
import { parseCookie } from '../../../src/flows/cookie.ts';
import { type Flow, flowKey, parseFlow } from '../../../src/flows/flow.ts';
import type { Ofport } from '../../../src/values.ts';
import { PREDECESSOR, recordedLines } from './recorded.ts';

const text = (flow: Flow) => `${flowKey(flow)} actions=${flow.actions}`;

describe('br-int', () => {
  test('is what the reference makes, but for the flows of its VIFs', () => {
    const recorded = recordedLines('all.br-int')
      .map(parseFlow)
      .filter((flow) => flow !== undefined)
      // Anti-spoofing flows name a port; NORMAL with priority 0 is of a bridge that no agent has touched yet.
      .filter(({ match, cookie }) => !match.includes('in_port') && cookie === PREDECESSOR);
    expect(structuralFlows().map(text).sort()).toEqual(recorded.map(text).sort());
  });

  test('a VIF on the dead VLAN is dropped as the reference does', () => {
    const recorded = recordedLines('all.br-int')
      .map(parseFlow)
      .filter((flow) => flow?.priority === 2 && flow.table === 0);
    expect(recorded.length).toBeGreaterThan(0);
    for (const flow of recorded) {
      const ofport = Number(/^in_port=(\d+)$/.exec(flow?.match ?? '')?.[1]) as Ofport;
      expect(text(deadVifFlow(ofport))).toBe(flow && text(flow));
    }
  });

  test('every flow carries our cookie', () => {
    for (const { cookie } of structuralFlows()) expect(parseCookie(cookie)?.kind).toBe('structural');
    expect(parseCookie(deadVifFlow(7 as Ofport).cookie)?.kind).toBe('vif');
  });
});
