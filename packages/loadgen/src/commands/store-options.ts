/** The option that all commands share which read results. */

import type { ToolProfile } from "../measure/tool-profile.ts";

export function storeOptions({ db }: Pick<ToolProfile, "db">) {
  return {
    db: {
      flag: "db",
      type: "path",
      default: db,
      group: "Results",
      help: "the file that results are kept in",
    },
  } as const;
}
