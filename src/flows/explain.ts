/**
 * What a flow is for, as fields and as a short sentence. Read from the flow itself, table by table, so that a
 * predecessor's flow is explained like ours; the cookie helps where a port that the flow names is gone.
 */
import { parseCookie } from './cookie.ts';
import { INT_RULES } from './explain-int.ts';
import { type Explanation, type Resolver, type Rule, vlanText } from './explain-rule.ts';
import { TUN_RULES } from './explain-tun.ts';
import type { DumpedFlow, Flow } from './flow.ts';
import type { Owner } from './ownership.ts';

const RULES = { tun: TUN_RULES, int: INT_RULES };

/** `bridge`: which of the two pipelines; `owner`: as `ownership` tells. */
export function explain(bridge: keyof typeof RULES, flow: Flow, owner: Owner, resolver: Resolver): Explanation {
  if (owner === 'foreign') return foreign(flow, resolver);
  for (const rule of RULES[bridge]) {
    const groups = match(rule, flow, owner);
    if (groups !== undefined) return complete(rule.explain(groups, flow, resolver), resolver);
  }
  const whose = owner === 'ours' ? 'ours by its cookie' : owner === 'learned' ? 'learned' : "a predecessor's";
  const kind = owner === 'learned' ? 'learned' : (parseCookie(flow.cookie)?.kind ?? 'unknown');
  return complete({ kind, purpose: `${whose}, of a form that is not known here` }, resolver);
}

function match(rule: Rule, flow: DumpedFlow, owner: Owner): readonly string[] | undefined {
  if (rule.table !== flow.table || rule.priority !== flow.priority) return undefined;
  if ((owner === 'learned') !== (rule.learned === true)) return undefined;
  const found = rule.match.exec(flow.match);
  return found?.slice(1).map((group) => group ?? '');
}

/** Never guessed at: only what its match says. */
function foreign(flow: Flow, resolver: Resolver): Explanation {
  const [, vlan] = /(?:^|,)dl_vlan=(\d+)/.exec(flow.match) ?? [];
  const [, mac] = /(?:^|,)dl_dst=([0-9a-f:]{17})(?:,|$)/.exec(flow.match) ?? [];
  const what = vlan === undefined ? '' : `, for ${vlanText(Number(vlan), resolver)}`;
  return complete(
    {
      kind: 'foreign',
      vlan: vlan === undefined ? undefined : Number(vlan),
      mac,
      purpose: `foreign${what}: left alone`,
    },
    resolver,
  );
}

function complete(explanation: Explanation, resolver: Resolver): Explanation {
  const { vlan } = explanation;
  return vlan === undefined ? explanation : { network: resolver.networkOf(vlan), ...explanation };
}
