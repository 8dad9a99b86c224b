/**
 * The FDB of one network segment: who claims which MAC and which IP, by set algebra per VTEP (DESIGN, rule 11).
 *
 * Entries are `(VTEP, MAC, IP)` as they come on the wire. A MAC is behind a VTEP from the first entry that says so until
 * one is taken back, which takes the port, whatever its IPs. An IP belongs to a MAC as long as an entry says so and the
 * MAC is behind the same VTEP. Where several claim the same, the newest is rendered and the older returns when it goes.
 * A VTEP with any entry is flooded to.
 */
import type { IpAddress, MacAddress, SegmentationId, TunnelType } from '../values.ts';

export interface Entry {
  readonly mac: MacAddress;
  readonly ip: IpAddress;
}

/**
 * When something was asserted: `sequence` orders claims, `at` (ms since the epoch) dates them. A snapshot repeats what
 * the server held when it was read, some time after `snapshot.since`: it dates a claim that is known anew, but does not
 * make it newer than its rivals, and what it alone brings is older than any rival that a notification brought since then.
 */
export interface Stamp {
  readonly sequence: number;
  readonly at: number;
  readonly snapshot?: { readonly since: number };
  /** When a notification said it, if that is not `at`: only a snapshot did since, or ever (0). */
  readonly heard?: number;
}

interface MacClaim {
  readonly vtep: IpAddress;
  stamp: Stamp;
  /** False: only a chg_ip spoke of the MAC so far, which says whose an IP is but not where. */
  located: boolean;
  /** The IPs this VTEP gave for the MAC; may become empty by chg_ip, which never moves a MAC. */
  readonly ips: Map<IpAddress, Stamp>;
}

/** Without a MAC: the flooding entry. With a MAC and no IP: that the MAC is behind the VTEP. */
export interface Claim {
  readonly vtep: IpAddress;
  readonly mac: MacAddress | undefined;
  readonly ip: IpAddress | undefined;
  readonly stamp: Stamp;
}

/** What a change of the FDB alters: for the switch, and for the journal. */
export interface Touched {
  /** MACs that are elsewhere now. */
  readonly macs: Set<MacAddress>;
  /** IPs that have another owner now. */
  readonly ips: Set<IpAddress>;
  /** VTEPs that came or went: the flood and the tunnels follow. */
  readonly vteps: Set<IpAddress>;
  /** VTEP → the MACs of which its claims, or their dates, are others now; `undefined`: its flooding entry. */
  readonly claims: Map<IpAddress, Set<MacAddress | undefined>>;
}

export function nothingTouched(): Touched {
  return { macs: new Set(), ips: new Set(), vteps: new Set(), claims: new Map() };
}

export class NetworkFdb {
  readonly type: TunnelType;
  readonly segmentationId: SegmentationId;
  readonly #macs = new Map<MacAddress, MacClaim[]>();
  /** IP → its claims; looked up, the newest wins. The same claims as in `#macs`, turned round. */
  readonly #ips = new Map<IpAddress, { readonly mac: MacAddress; readonly claim: MacClaim }[]>();
  /** VTEP → MACs it claims, and its flooding entry. */
  readonly #vteps = new Map<IpAddress, { flooding: Stamp | undefined; readonly macs: Set<MacAddress> }>();

  constructor(type: TunnelType, segmentationId: SegmentationId) {
    this.type = type;
    this.segmentationId = segmentationId;
  }

  /** The VTEP behind which a MAC is now. */
  vtepOf(mac: MacAddress): IpAddress | undefined {
    const located = (this.#macs.get(mac) ?? []).filter((claim) => claim.located);
    return newest(
      located,
      (claim) => claim.stamp.sequence,
      (claim) => claim.vtep,
    )?.vtep;
  }

  /** The MAC that owns an IP now, and the VTEP that said so and has the MAC. */
  ownerOf(ip: IpAddress): { mac: MacAddress; vtep: IpAddress } | undefined {
    const owner = newest(
      (this.#ips.get(ip) ?? []).filter(({ claim }) => claim.located),
      ({ claim }) => claim.ips.get(ip)?.sequence ?? -1,
      ({ mac, claim }) => `${claim.vtep} ${mac}`,
    );
    return owner && { mac: owner.mac, vtep: owner.claim.vtep };
  }

  hasVtep(vtep: IpAddress): boolean {
    return this.#vteps.has(vtep);
  }

  vteps(): IpAddress[] {
    return [...this.#vteps.keys()];
  }

  /** The MACs that a VTEP claims, newest claim or not. */
  macsBehind(vtep: IpAddress): Iterable<MacAddress> {
    return this.#vteps.get(vtep)?.macs ?? [];
  }

  /** The IPs that are claimed for a MAC, newest claim or not. */
  ipsOf(mac: MacAddress): IpAddress[] {
    return (this.#macs.get(mac) ?? []).flatMap(({ ips }) => [...ips.keys()]);
  }

  macs(): IterableIterator<MacAddress> {
    return this.#macs.keys();
  }

  ips(): IterableIterator<IpAddress> {
    return this.#ips.keys();
  }

  /** Number of MACs; the measure of what the network costs in memory. */
  get size(): number {
    return this.#macs.size;
  }

  get isEmpty(): boolean {
    return this.#macs.size === 0 && this.#vteps.size === 0;
  }

  addFlooding(vtep: IpAddress, stamp: Stamp, touched: Touched): void {
    const known = this.#vtep(vtep, touched);
    noteClaim(touched, vtep, undefined, known.flooding, stamp);
    known.flooding = assertedAgain(known.flooding, stamp);
  }

  add(vtep: IpAddress, { mac, ip }: Entry, stamp: Stamp, touched: Touched): void {
    this.#vtep(vtep, touched).macs.add(mac);
    const claim = this.#claimOrNew(vtep, mac, stamp);
    this.#locateClaim(mac, claim, stamp, this.#located(mac), touched);
    this.#addIp(mac, claim, ip, stamp, touched);
  }

  removeFlooding(vtep: IpAddress, touched: Touched): void {
    const known = this.#vteps.get(vtep);
    if (known?.flooding === undefined) return;
    known.flooding = undefined;
    touchClaim(touched, vtep, undefined);
    this.#forgetVtepIfEmpty(vtep, touched);
  }

  /**
   * A port is no longer behind a VTEP. Its MAC goes with all its IPs: the message names those that it has now, not those
   * that it had there.
   */
  remove(vtep: IpAddress, { mac }: Entry, touched: Touched): void {
    const claim = this.#claim(vtep, mac);
    if (claim === undefined) return;
    for (const ip of [...claim.ips.keys()]) this.#removeIp(mac, claim, ip, touched);
    this.#forgetClaim(mac, claim, touched);
  }

  /**
   * chg_ip: an IP comes to or goes from a MAC that stays where it is (WIRE.md). It may be heard before the add or the
   * snapshot that says where the MAC is; the server also tells of ports that are not ACTIVE, of which nothing else comes.
   */
  changeIp(
    vtep: IpAddress,
    change: { before: readonly Entry[]; after: readonly Entry[] },
    stamp: Stamp,
    touched: Touched,
  ): void {
    for (const { mac, ip } of change.before) {
      const claim = this.#claim(vtep, mac);
      if (claim === undefined) continue;
      this.#removeIp(mac, claim, ip, touched);
      if (claim.ips.size === 0 && !claim.located) this.#forgetClaim(mac, claim, touched);
    }
    for (const { mac, ip } of change.after) this.#addIp(mac, this.#claimOrNew(vtep, mac, stamp), ip, stamp, touched);
  }

  /** A MAC known to be behind a VTEP, its IPs not, or known better (a switch has no IPv6 addresses in its flows). */
  locate(vtep: IpAddress, mac: MacAddress, stamp: Stamp, touched: Touched): void {
    this.#vtep(vtep, touched).macs.add(mac);
    this.#locateClaim(mac, this.#claimOrNew(vtep, mac, stamp), stamp, this.#located(mac), touched);
  }

  /** Everything that is claimed: for dumps and for comparing with a snapshot. */
  *claims(): Generator<Claim> {
    for (const [vtep, { flooding }] of this.#vteps) {
      if (flooding !== undefined) yield { vtep, mac: undefined, ip: undefined, stamp: flooding };
    }
    for (const [mac, claims] of this.#macs) for (const claim of claims) yield* claimsFor(mac, claim);
  }

  /** What a VTEP claims for one MAC: where it is, and its IPs; without a MAC: the VTEP's flooding entry. */
  *claimsOf(vtep: IpAddress, mac: MacAddress | undefined): Generator<Claim> {
    if (mac === undefined) {
      const flooding = this.#vteps.get(vtep)?.flooding;
      if (flooding !== undefined) yield { vtep, mac: undefined, ip: undefined, stamp: flooding };
      return;
    }
    const claim = this.#claim(vtep, mac);
    if (claim !== undefined) yield* claimsFor(mac, claim);
  }

  /** Takes back a claim as {@link claims} gave it: a VTEP's flooding entry, a MAC with all its IPs, or one IP of a MAC. */
  drop({ vtep, mac, ip }: Claim, touched: Touched): void {
    if (mac === undefined) {
      this.removeFlooding(vtep, touched);
      return;
    }
    const claim = this.#claim(vtep, mac);
    if (claim === undefined) return;
    for (const known of ip === undefined ? [...claim.ips.keys()] : [ip]) this.#removeIp(mac, claim, known, touched);
    if (ip === undefined || (claim.ips.size === 0 && !claim.located)) this.#forgetClaim(mac, claim, touched);
  }

  #claim(vtep: IpAddress, mac: MacAddress): MacClaim | undefined {
    return this.#macs.get(mac)?.find((claim) => claim.vtep === vtep);
  }

  #located(mac: MacAddress): Stamp[] {
    return (this.#macs.get(mac) ?? []).filter((claim) => claim.located).map((claim) => claim.stamp);
  }

  #claimOrNew(vtep: IpAddress, mac: MacAddress, stamp: Stamp): MacClaim {
    const claims = this.#macs.getOrInsertComputed(mac, () => []);
    let claim = claims.find((other) => other.vtep === vtep);
    if (claim === undefined) {
      claim = { vtep, stamp, located: false, ips: new Map() };
      claims.push(claim);
    }
    return claim;
  }

  #locateClaim(mac: MacAddress, claim: MacClaim, stamp: Stamp, rivals: readonly Stamp[], touched: Touched): void {
    const before = this.vtepOf(mac);
    const known = claim.located ? claim.stamp : undefined;
    noteClaim(touched, claim.vtep, mac, known, stamp);
    claim.stamp = assertedAgain(known, stamp, rivals);
    if (!claim.located) for (const ip of claim.ips.keys()) touched.ips.add(ip);
    claim.located = true;
    if (this.vtepOf(mac) !== before) touched.macs.add(mac);
  }

  #forgetClaim(mac: MacAddress, claim: MacClaim, touched: Touched): void {
    const before = this.vtepOf(mac);
    const left = (this.#macs.get(mac) ?? []).filter((other) => other !== claim);
    if (left.length > 0) this.#macs.set(mac, left);
    else this.#macs.delete(mac);
    touchClaim(touched, claim.vtep, mac);
    if (this.vtepOf(mac) !== before) touched.macs.add(mac);
    this.#vteps.get(claim.vtep)?.macs.delete(mac);
    this.#forgetVtepIfEmpty(claim.vtep, touched);
  }

  #vtep(vtep: IpAddress, touched: Touched): { flooding: Stamp | undefined; readonly macs: Set<MacAddress> } {
    return this.#vteps.getOrInsertComputed(vtep, () => {
      touched.vteps.add(vtep);
      return { flooding: undefined, macs: new Set() };
    });
  }

  #forgetVtepIfEmpty(vtep: IpAddress, touched: Touched): void {
    const known = this.#vteps.get(vtep);
    if (known === undefined || known.flooding !== undefined || known.macs.size > 0) return;
    this.#vteps.delete(vtep);
    touched.vteps.add(vtep);
  }

  #addIp(mac: MacAddress, claim: MacClaim, ip: IpAddress, stamp: Stamp, touched: Touched): void {
    const before = this.ownerOf(ip);
    const known = claim.ips.get(ip);
    noteClaim(touched, claim.vtep, mac, known, stamp);
    if (known === undefined) this.#ips.getOrInsertComputed(ip, () => []).push({ mac, claim });
    const owners = this.#ips.get(ip) ?? [];
    const rivals = owners.map((owner) => owner.claim.ips.get(ip)).filter((rival) => rival !== undefined);
    claim.ips.set(ip, assertedAgain(known, stamp, rivals));
    if (!sameOwner(this.ownerOf(ip), before)) touched.ips.add(ip);
  }

  #removeIp(mac: MacAddress, claim: MacClaim, ip: IpAddress, touched: Touched): void {
    if (!claim.ips.has(ip)) return;
    const before = this.ownerOf(ip);
    claim.ips.delete(ip);
    const left = (this.#ips.get(ip) ?? []).filter((owner) => owner.mac !== mac || owner.claim !== claim);
    if (left.length > 0) this.#ips.set(ip, left);
    else this.#ips.delete(ip);
    touchClaim(touched, claim.vtep, mac);
    if (!sameOwner(this.ownerOf(ip), before)) touched.ips.add(ip);
  }
}

function* claimsFor(mac: MacAddress, { vtep, located, stamp, ips }: MacClaim): Generator<Claim> {
  if (located) yield { vtep, mac, ip: undefined, stamp };
  for (const [ip, ipStamp] of ips) yield { vtep, mac, ip, stamp: ipStamp };
}

type Owner = ReturnType<NetworkFdb['ownerOf']>;

function sameOwner(one: Owner, other: Owner): boolean {
  return one?.mac === other?.mac && one?.vtep === other?.vtep;
}

function touchClaim(touched: Touched, vtep: IpAddress, mac: MacAddress | undefined): void {
  touched.claims.getOrInsertComputed(vtep, () => new Set()).add(mac);
}

/** A snapshot that repeats what is known says only that it was still so: nothing that has to be written down. */
function noteClaim(
  touched: Touched,
  vtep: IpAddress,
  mac: MacAddress | undefined,
  known: Stamp | undefined,
  stamp: Stamp,
): void {
  if (known === undefined || stamp.snapshot === undefined) touchClaim(touched, vtep, mac);
}

function assertedAgain(known: Stamp | undefined, stamp: Stamp, rivals: readonly Stamp[] = []): Stamp {
  // What is read back from the switch is older than what was heard since.
  if (known !== undefined && known.sequence > stamp.sequence) return known;
  const { sequence, at, snapshot } = stamp;
  if (snapshot === undefined) return stamp;
  if (known !== undefined) return { sequence: known.sequence, at, heard: known.heard ?? known.at };
  const newer = rivals.filter((rival) => rival.sequence < sequence && (rival.heard ?? rival.at) >= snapshot.since);
  return { sequence: Math.min(sequence, ...newer.map((rival) => rival.sequence - 0.5)), at, heard: 0 };
}

/** Equal sequences come from one message that claims a thing twice: then the name decides, so that the order of entries does not. */
function newest<T>(items: readonly T[], sequence: (item: T) => number, name: (item: T) => string): T | undefined {
  let best: T | undefined;
  for (const item of items) {
    const ahead = best === undefined ? 1 : sequence(item) - sequence(best);
    if (best === undefined || ahead > 0 || (ahead === 0 && name(item) > name(best))) best = item;
  }
  return best;
}
