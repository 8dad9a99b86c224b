/** What the control socket offers: the queries it takes and the functions that answer them, handed in by `main.ts`. */
import type { EntryState } from '../journal/record.ts';
import type {
  CompareReport,
  FdbReport,
  FlowsReport,
  FlowsView,
  JournalReport,
  NetworksReport,
  QueryProblem,
  ResyncReport,
  StatusReport,
  TunnelsReport,
} from '../report/types.ts';
import type { IpAddress, MacAddress } from '../values.ts';

/** `GET /fdb`. */
export interface FdbQuery {
  /** A network id or the beginning of one; which network it is, if any, the answer tells. */
  readonly network: string | undefined;
  readonly mac: MacAddress | undefined;
}

/** `GET /flows`. */
export interface FlowsQuery extends FdbQuery {
  readonly view: FlowsView;
  /** Number, or name in any case (`ucast_to_tun`). */
  readonly table: string | undefined;
  /** Default: br-tun; for a diff both bridges. */
  readonly bridge: string | undefined;
}

/** `GET /journal`. */
export interface JournalQuery {
  readonly state: EntryState | undefined;
  /** A network id or the beginning of one, in lower case. */
  readonly network: string | undefined;
  /** Any part of a key, in lower case. */
  readonly key: string | undefined;
  /** Entries at most: 1–10,000. */
  readonly limit: number;
}

/** `POST /resync`: one of them, or neither for all networks. */
export interface ResyncQuery {
  readonly network: string | undefined;
  readonly vtep: IpAddress | undefined;
}

/**
 * The answers. A `QueryProblem` becomes 400; an error with a `code` (the switch is away, …) becomes 503 with its message.
 * `flows` is to run between batches, so that what is wanted and what is there belong together.
 */
export interface ControlHandlers {
  status(): StatusReport;
  networks(): NetworksReport;
  tunnels(): TunnelsReport;
  fdb(query: FdbQuery): FdbReport | QueryProblem;
  flows(query: FlowsQuery): Promise<FlowsReport | QueryProblem>;
  journal(query: JournalQuery): JournalReport;
  /** Compares with the switch now and repairs; resolves with what was found. */
  compare(): Promise<CompareReport>;
  /** Asks the server for its whole word on these networks. */
  resync(query: ResyncQuery): ResyncReport | QueryProblem;
}
