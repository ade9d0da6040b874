/** What is done to every partition in the background, in this order. */

import { compactionTask } from "./compaction-task.ts";
import { compression } from "./compression.ts";
import type { MaintenanceTask } from "./maintenance.ts";
import { retention } from "./retention.ts";

export const maintenanceTasks: readonly MaintenanceTask[] = [retention, compactionTask, compression];
