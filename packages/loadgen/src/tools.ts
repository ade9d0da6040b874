/** The tools of this package, and whose result is whose. To add one: its profile, a row here. */

import { loadProfile } from "./crate/report/load-profile.ts";
import { loadgenErrors } from "./errors.ts";
import type { RunResult } from "./measure/result.ts";
import type { ToolProfile } from "./measure/tool-profile.ts";
import { benchProfile } from "./mqtt/bench-profile.ts";

export const toolProfiles: readonly ToolProfile[] = [benchProfile, loadProfile];

/** mqtt-bench itself names no tool: what has none is its. */
export function toolProfileOf({ tool }: Pick<RunResult, "tool">): ToolProfile {
  return toolProfiles.find((profile) => profile.tool === tool) ?? benchProfile;
}

/** Of results that are to be laid side by side. Throws RUNS_DIFFER when they are of several tools. */
export function commonProfileOf(results: readonly RunResult[]): ToolProfile {
  const profiles = new Set(results.map(toolProfileOf));
  const [profile = benchProfile, other] = profiles;
  if (other !== undefined) throw loadgenErrors.RUNS_DIFFER({ one: profile.tool, other: other.tool });
  return profile;
}
