import { ManualClock } from "@polylog/base/clock";
import { settle } from "@polylog/testkit";
import { roomyLimits, SessionRig } from "../testing/session-rig.ts";
import { MemorySessionStore } from "./memory-session-store.ts";
import { sessionStoreContract } from "./session-store.contract.ts";

sessionStoreContract({
  name: "memory",
  create: async () => {
    const clock = new ManualClock();
    const store = new MemorySessionStore({ clock, limits: roomyLimits });
    await store.open();
    const run = async (): Promise<void> => {
      clock.turn();
      await settle(1);
    };
    return { store, clock, run };
  },
});

for (const durability of ["memory", "written", "synced"] as const)
  sessionStoreContract({
    name: `durable, ${durability}`,
    create: async () => {
      const rig = new SessionRig({ durability });
      return { store: await rig.open(), clock: rig.clock, run: () => rig.run() };
    },
  });

// Every message that is not given out at once is read from the disk.
sessionStoreContract({
  name: "durable, without recent records",
  create: async () => {
    const rig = new SessionRig({ recentRecordsSizeMax: 0, segmentSizeMax: 4096 });
    return { store: await rig.open(), clock: rig.clock, run: () => rig.run() };
  },
});
