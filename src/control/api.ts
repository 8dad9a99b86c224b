/** What the control socket offers: the queries it takes and the functions that answer them, handed in by `main.ts`. */
import type {
  CompareReport,
  FdbReport,
  FlowsReport,
  FlowsView,
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
  /** Compares with the switch now and repairs; resolves with what was found. */
  compare(): Promise<CompareReport>;
  /** Asks the server for its whole word on these networks. */
  resync(query: ResyncQuery): ResyncReport | QueryProblem;
}
