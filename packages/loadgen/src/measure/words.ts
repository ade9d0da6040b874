/** The words of a tool, in which the core speaks of its results. */

/** What things are called; each fits into a sentence or a table as it stands. */
export interface Words {
  /** What is sent: `message`, `messages`. */
  readonly item: string;
  readonly items: string;
  /** What is timed: `messages`, `batches`. */
  readonly timedItems: string;
  /** What is measured: `broker`, `database`. */
  readonly target: string;
  /** Items that were sent, and those of them that arrived. */
  readonly sent: string;
  readonly received: string;
  /** What an interval's `open` and `backlog` count. */
  readonly open: string;
  readonly backlog: string;
  readonly openTitle: string;
  /** What the user may do when the generator itself is late. */
  readonly lagAdvice: string;
}
