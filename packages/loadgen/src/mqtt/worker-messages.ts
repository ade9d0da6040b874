/** What the main thread and its workers tell each other. Everything here can be cloned. */

import type { StampTerms } from "../measure/stamp.ts";
import type { BenchReport } from "./bench-measures.ts";
import type { LinkSettings } from "./client-link.ts";
import type { FlowPlan, ReceiverGroup, SubscriptionPlan } from "./plan.ts";

export interface WorkerSetup {
  readonly link: LinkSettings;
  readonly terms: StampTerms;
  /** Connections that this worker begins per second; 0: all at once. */
  readonly connectRate: number;
  /** The buffer of the run's `ArrivalBoard`; undefined: there is none. */
  readonly board?: { readonly buffer: SharedArrayBuffer; readonly senders: number };
  readonly publish?: PublishSetup;
  readonly subscribe?: SubscribeSetup;
}

export interface PublishSetup {
  /** With this worker's publishers only. */
  readonly flows: readonly FlowPlan[];
  /** How many publishers each flow has in all. */
  readonly flowSizes: readonly number[];
  readonly inflightMax: number;
  /** Messages of QoS 0 that a publisher without a rate has under way at most. */
  readonly underWayMax: number;
}

export interface SubscribeSetup {
  readonly subscriptions: readonly SubscriptionPlan[];
  /** With all members here. */
  readonly groups: readonly ReceiverGroup[];
  readonly lateAfterNs: number;
}

export type ToWorker =
  | { readonly kind: "connect" }
  /** Publish from `startNs` on, of the host's monotonic clock. */
  | { readonly kind: "start"; readonly startNs: number; readonly warmupNs: number; readonly durationNs: number }
  | { readonly kind: "report"; readonly withSubscriptions?: boolean }
  /** Subscribers disconnect, and come back with the next `connect`. */
  | { readonly kind: "leave" }
  /** All connections are lost at once, and made again. */
  | { readonly kind: "cut" }
  /** Nothing more becomes due; what is due is still sent. */
  | { readonly kind: "stop" }
  /** What is due and unsent stays so. Answered by `senders`. */
  | { readonly kind: "abandon" }
  /** Disconnects. Answered by `finished`. */
  | { readonly kind: "finish" };

/** What has become of a publisher's measured messages. */
export interface SenderResult {
  readonly sender: number;
  readonly sent: number;
  /** Due in the measured time and never sent. */
  readonly unsent: number;
}

/** Of one subscription or shared group; of its members when shared. */
export interface GroupResult {
  readonly filter: string;
  readonly members: readonly MemberResult[];
  readonly senders: readonly number[];
  readonly isShared: boolean;
  readonly received: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly late: number;
}

/** What has come so far, of one subscription or shared group. */
export interface SubscriptionCounts {
  readonly filter: string;
  /** The first member's; of a shared subscription that of one of several. */
  readonly clientIdentifier: string;
  readonly members: number;
  readonly received: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly late: number;
}

export interface MemberResult {
  readonly clientIdentifier: string;
  readonly received: number;
  readonly corrupt: number;
}

export type FromWorker =
  | { readonly kind: "loaded" }
  /** Every connection is there, or given up: then `problem` says what the first of those died of. */
  | { readonly kind: "connected"; readonly failed: number; readonly problem?: string; readonly isRefused?: boolean }
  | {
      readonly kind: "report";
      readonly report: BenchReport;
      readonly open: number;
      /** Messages due and not sent. */
      readonly backlog: number;
      /** True when all messages were sent and, at QoS 1 and 2, acknowledged. */
      readonly isDone: boolean;
      readonly loopDelay: LoopDelay;
      /** When they were asked for. */
      readonly subscriptions?: readonly SubscriptionCounts[];
    }
  | { readonly kind: "senders"; readonly senders: readonly SenderResult[] }
  | { readonly kind: "finished"; readonly groups: readonly GroupResult[] };

/** Of this thread's event loop since the last report, in nanoseconds. */
export interface LoopDelay {
  readonly p99Ns: number;
  readonly maxNs: number;
}
