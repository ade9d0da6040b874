/** How long the disk takes, over all logs in files: one observation per write of a run of batches, and per `fdatasync`. */

import { Histogram } from "@polylog/base/telemetry";

/** Upper bounds in seconds: from what the page cache takes to a disk that stalls. */
const boundsSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class DiskTimings {
  readonly write: Histogram = new Histogram(boundsSeconds);
  readonly sync: Histogram = new Histogram(boundsSeconds);
}
