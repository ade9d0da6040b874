/** What the writers of one thread measure between two reports. */

import { ErrorTally } from "../../measure/counters.ts";
import { Histogram, type HistogramSnapshot } from "../../measure/histogram.ts";
import { type Timing, timingNames } from "../../measure/recorder.ts";
import type { LoadReport } from "./load-messages.ts";
import { newAccount, type RowAccount } from "./row-account.ts";

export type Recorded = Pick<LoadReport, "account" | "histograms" | "rowErrors" | "requestErrors">;

export class LoadRecorder {
  readonly histograms = Object.fromEntries(timingNames.map((name) => [name, new Histogram()])) as Readonly<
    Record<Timing, Histogram>
  >;
  readonly rowErrors = new ErrorTally();
  readonly requestErrors = new ErrorTally();
  account: RowAccount = newAccount();

  /** Since the last call. */
  take(): Recorded {
    const { account } = this;
    this.account = newAccount();
    const histograms: Partial<Record<Timing, HistogramSnapshot>> = {};
    for (const name of timingNames) {
      if (this.histograms[name].count > 0) histograms[name] = this.histograms[name].snapshot();
      this.histograms[name].clear();
    }
    return { account, histograms, rowErrors: this.rowErrors.take(), requestErrors: this.requestErrors.take() };
  }
}
