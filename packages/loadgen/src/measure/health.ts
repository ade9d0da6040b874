/**
 * The generator's own health. A figure that the generator could not have measured otherwise is no figure of the target:
 * when one of these limits is passed, the result says so in plain words.
 *
 * Whether an item left late because the target's connection was full is not judged here: that is the target's, and shows
 * in the latencies from the intended time. `generatorLag` is how late the generator itself looked.
 */

import type { Histogram } from "./histogram.ts";
import type { Words } from "./words.ts";

export interface GeneratorSample {
  /** Cores that the generator's process used, since the sample before. */
  readonly cpuCores: number;
  readonly loopDelayP99Ns: number;
  readonly loopDelayMaxNs: number;
  readonly memoryBytes: number;
}

export interface GeneratorHealth {
  readonly cpuCoresMean: number;
  readonly cpuCoresMax: number;
  readonly cores: number;
  readonly memoryBytesMax: number;
  readonly loopDelayP99NsMax: number;
  readonly lagP99Ns: number;
  readonly lagMaxNs: number;
  /** Sentences; empty: the generator was not the limit as far as it can tell. */
  readonly warnings: readonly string[];
}

export interface HealthLimits {
  readonly lagP99Ns: number;
  readonly loopDelayP99Ns: number;
  /** Of all cores of the machine. */
  readonly cpuShare: number;
}

export const healthLimits: HealthLimits = { lagP99Ns: 10e6, loopDelayP99Ns: 50e6, cpuShare: 0.9 };

export function judgeHealth(
  samples: readonly GeneratorSample[],
  generatorLag: Histogram,
  cores: number,
  words: Words,
  limits: HealthLimits = healthLimits,
): GeneratorHealth {
  const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0);
  const sum = samples.reduce((total, { cpuCores }) => total + cpuCores, 0);
  const cpuCoresMean = samples.length === 0 ? 0 : sum / samples.length;
  const loopDelayP99NsMax = most(samples.map((sample) => sample.loopDelayP99Ns));
  const lagP99Ns = generatorLag.quantileNs(0.99);
  const warnings: string[] = [];
  if (lagP99Ns > limits.lagP99Ns) {
    const lag = (lagP99Ns / 1e6).toFixed(1);
    warnings.push(
      `the generator was late: 1 % of the ${words.timedItems} became due ${lag} ms or more before it looked, so latencies from the intended time are partly its own; ${words.lagAdvice}`,
    );
  }
  if (loopDelayP99NsMax > limits.loopDelayP99Ns) {
    const delay = (loopDelayP99NsMax / 1e6).toFixed(0);
    warnings.push(`a thread of the generator did not get to read for ${delay} ms; latencies above that are in doubt`);
  }
  if (cpuCoresMean > cores * limits.cpuShare) {
    const share = Math.round((100 * cpuCoresMean) / cores);
    warnings.push(
      `the generator used ${share} % of this machine's ${cores} cores; the ${words.target} may have had too little`,
    );
  }
  return {
    cpuCoresMean,
    cpuCoresMax: most(samples.map(({ cpuCores }) => cpuCores)),
    cores,
    memoryBytesMax: most(samples.map(({ memoryBytes }) => memoryBytes)),
    loopDelayP99NsMax,
    lagP99Ns,
    lagMaxNs: generatorLag.maxNs,
    warnings,
  };
}
