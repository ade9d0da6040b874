/** What the writers of one thread measure between two reports. */

import { ErrorTally } from "../../measure/counters.ts";
import { Histogram, type HistogramSnapshot } from "../../measure/histogram.ts";
import { type LoadReport, type LoadTiming, loadTimings } from "./load-messages.ts";
import { newAccount, type RowAccount } from "./row-account.ts";

export type Recorded = Pick<LoadReport, "account" | "histograms" | "rowErrors" | "requestErrors">;

export class LoadRecorder {
  readonly histograms = Object.fromEntries(loadTimings.map((name) => [name, new Histogram()])) as Readonly<
    Record<LoadTiming, Histogram>
  >;
  readonly rowErrors = new ErrorTally();
  readonly requestErrors = new ErrorTally();
  account: RowAccount = newAccount();

  /** Since the last call. */
  take(): Recorded {
    const { account } = this;
    this.account = newAccount();
    const histograms: Partial<Record<LoadTiming, HistogramSnapshot>> = {};
    for (const name of loadTimings) {
      if (this.histograms[name].count > 0) histograms[name] = this.histograms[name].snapshot();
      this.histograms[name].clear();
    }
    return { account, histograms, rowErrors: this.rowErrors.take(), requestErrors: this.requestErrors.take() };
  }
}
